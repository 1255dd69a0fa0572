"""Owns what the gateway knows of persistence: heard from its traffic, or else asked."""

import asyncio
from functools import partial

from shared import readiness, subjects
from shared.bus import Bus
from shared.health import Check
from shared.probe import Probe

REMEDY = "see its /health"


class Upstream:
    """Proved by a batch that was committed and a question that was answered: by both."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        ask = partial(readiness.ask, bus, subjects.query("health"))
        self.probe = Probe("persistence", ask, remedy=REMEDY)
        self._stored_at = self._read_at = float("-inf")

    def stored(self) -> None:
        self._stored_at = asyncio.get_running_loop().time()
        self.probe.proved(min(self._stored_at, self._read_at))

    def read(self) -> None:
        self._read_at = asyncio.get_running_loop().time()
        self.probe.proved(min(self._stored_at, self._read_at))

    def check(self) -> Check:
        if self._bus.check().status == "fail":
            return Check("warn", "persistence: not known while the bus does not answer")
        return self.probe.check()
