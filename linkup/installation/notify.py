"""Owns the questions of commands to notify."""

import asyncio
from typing import TypeVar

import msgspec
from msgspec import Struct

from linkup.installation.wire import connected
from shared import subjects
from shared.bus import Bus
from shared.commands import encode, name_of, open_answer
from shared.errors import LinkupError, StartError, Unavailable
from shared.settings import Settings

A = TypeVar("A", bound=Struct)

TIMEOUT = 10.0  # seconds


def answer(settings: Settings, asked: Struct, kind: type[A], timeout: float = TIMEOUT) -> A:
    """Ask one question, and return the answer. Raises StartError, which says what to do."""

    async def ask() -> A:
        async with connected(settings) as wire:
            return await ask_over(wire, asked, kind, timeout)

    return asyncio.run(ask())


async def ask_over(wire: Bus, asked: Struct, kind: type[A], timeout: float = TIMEOUT) -> A:
    """Ask one question over an open connection. Raises StartError, which says what to do."""
    try:
        subject = subjects.notify(name_of(asked))
        return open_answer(await wire.request(subject, encode(asked), timeout), kind)
    except Unavailable as error:
        raise StartError(f"notify does not answer: {error}; see `linkup doctor`") from None
    except LinkupError as error:
        raise StartError(error.message) from None
    except msgspec.MsgspecError:
        raise StartError("notify is of another release: start all with the same one") from None
