"""Owns the connection of a command to running services: `operator.json` and the bus.

The file holds the operator's credentials for the bus; it is its owner's alone (0600). Elsewhere, as
in containers, LINKUP_NATS_URL with the operator's user takes its place.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import msgspec
from msgspec import Struct

from shared import bus
from shared.errors import StartError, visible
from shared.settings import Settings, variable

FILE = "operator.json"
NAME = "operator"
CONNECT_TIMEOUT = 3.0


class Operator(Struct, frozen=True, kw_only=True):
    """`urls`: of each service's own HTTP port, by its name; empty where they are not known."""

    nats_url: str
    urls: Mapping[str, str] = {}


def operator(settings: Settings) -> Operator:
    """Return the known addresses of the product. Raises StartError."""
    file = settings.data / FILE
    try:
        left = msgspec.json.decode(file.read_bytes(), type=Operator)
    except FileNotFoundError:
        left = Operator(nats_url="")
    except (OSError, msgspec.MsgspecError) as error:
        raise StartError(f"cannot read {visible(str(file))}: {error}") from None
    nats_url = settings.nats_url or left.nats_url
    if not nats_url:
        raise StartError(
            f"nothing runs with the data in {visible(str(settings.data))}: start `linkup run`, or "
            f"set {variable('data_dir')} to its directory, or {variable('nats_url')} to the bus"
        )
    return Operator(nats_url=nats_url, urls=left.urls)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[bus.Bus]:
    """The bus, with the operator's permissions. Raises StartError when it cannot be reached."""
    nats_url = operator(settings).nats_url
    with quiet():
        async with bus.connect(nats_url, NAME, timeout=CONNECT_TIMEOUT) as wire:
            yield wire


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is logged meanwhile: the command says in one line what failed."""
    logger = logging.getLogger("linkup")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
