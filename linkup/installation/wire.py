"""Owns the connection of a command to the bus of the running services."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from linkup.installation.operator import NAME, operator
from shared import bus
from shared.settings import Settings

CONNECT_TIMEOUT = 3.0


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[bus.Bus]:
    """Connect to the bus with the operator's permissions. Raises StartError when it cannot be
    reached."""
    nats_url = operator(settings).nats_url
    with quiet():
        async with bus.connect(nats_url, NAME, timeout=CONNECT_TIMEOUT) as wire:
            yield wire


@contextmanager
def quiet() -> Iterator[None]:
    """Log nothing meanwhile: the command says in one line what failed."""
    logger = logging.getLogger("linkup")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
