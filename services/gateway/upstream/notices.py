"""Owns the gateway's questions to notify about notifications and preferences."""

import logging
from typing import TypeVar

import msgspec
from msgspec import Struct

from shared import commands, subjects
from shared.bus import Bus
from shared.commands import name_of
from shared.errors import Internal, Overloaded
from shared.health.records import record

logger = logging.getLogger("linkup.gateway.notices")

A = TypeVar("A", bound=Struct)

TIMEOUT = 3.0  # seconds
MAX_WAITING = 1024  # questions under way; notify has a bounded queue of its own


class Notices:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting = 0

    async def ask(self, asked: Struct, kind: type[A]) -> A:
        """Return the answer, which is of that kind.

        Raises the LinkupError that came back, Unavailable if notify is away or silent, Overloaded
        if too many questions wait, and Internal if the answer cannot be decoded.
        """
        if self._waiting >= MAX_WAITING:
            raise Overloaded("Too many requests are waiting: try again later", retry_after_ms=1000)
        self._waiting += 1
        try:
            subject = subjects.notify(name_of(asked))
            reply = await self._bus.request(subject, commands.encode(asked), TIMEOUT)
            return commands.open_answer(reply, kind)
        except msgspec.MsgspecError as error:
            logger.error("an answer of notify does not decode: %s", error)
            record("routing_error", "an answer of notify cannot be decoded")
            raise Internal("The answer of the notification service cannot be read") from None
        finally:
            self._waiting -= 1
