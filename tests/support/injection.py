"""Owns faults in a running gateway: a `ping` whose timestamp names one makes it happen there."""

import os
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# The environment of a product whose gateways obey.
OBEYING = {"PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "faulty"), str(ROOT)))}
BLOCK = "block the loop"
UNENCODABLE = "answer with what cannot be encoded"
BLOCKED = 0.4  # seconds


def inject() -> None:
    """Change the handling of `ping` in this process."""
    from services.gateway.handlers import Handlers
    from shared import frames

    usual = Handlers.on_ping

    def on_ping(self: Handlers, connection: Any, frame: frames.Ping) -> None:
        if frame.timestamp == BLOCK:
            time.sleep(BLOCKED)
        if frame.timestamp == UNENCODABLE:
            connection.push(frames.Pong(cursor=0, timestamp=object()))  # type: ignore[arg-type]  # which is the fault
        usual(self, connection, frame)

    Handlers.on_ping = on_ping  # type: ignore[method-assign]
