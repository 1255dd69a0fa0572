"""Owns ports at which nobody answers, and those that nobody else on the machine gets meanwhile."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

# The system hands out none of these, to listen on or to connect from: it begins above.
OURS = range(15_000, 30_000)


@contextmanager
def silent() -> Iterator[socket.socket]:
    """A socket that has a port and does not listen: who connects is refused, until it does."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


def port_of(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


def free_port() -> int:
    """Return a port for a process that cannot be given 0."""
    while True:
        port = random.choice(OURS)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
