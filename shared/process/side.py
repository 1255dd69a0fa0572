"""Owns the additional port for operators (LINKUP_METRICS_PORT), with full health and metrics.

It has an admission of its own: when the public port is flooded, it answers all the same.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from shared.health.endpoints import Health
from shared.http.connection import Config, acceptors


def app(health: Health) -> ASGIApp:
    return Starlette(routes=health.routes())


@contextmanager
def opened(config: Config, listeners: Sequence[socket.socket]) -> Iterator[None]:
    """Run until the block ends."""
    config.load()
    state = ServerState()
    accepting = acceptors(config, state, listeners)
    try:
        yield
    finally:
        for acceptor in accepting:
            acceptor.close()
        for connection in list(state.connections):
            connection.shutdown()
