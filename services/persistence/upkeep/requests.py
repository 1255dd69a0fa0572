"""Owns requests that are answered one at a time, in transactions of their own."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from shared import commands
from shared.bus import Bus, Delivery
from shared.errors import InvalidRequest, LinkupError, Overloaded

MAX_WAITING = 64


class Requests:
    """A bounded queue. `answer` returns the answer to a payload, or raises LinkupError or
    MsgspecError."""

    def __init__(self, bus: Bus, answer: Callable[[bytes], Awaitable[Struct]]) -> None:
        self._bus = bus
        self._answer = answer
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue(MAX_WAITING)

    def accept(self, delivery: Delivery) -> None:
        try:
            self._waiting.put_nowait(delivery)
        except asyncio.QueueFull:
            refusal = commands.refusal(Overloaded("Too many requests are waiting"))
            self._bus.post(delivery.reply_to, refusal)

    async def run(self) -> None:
        """Answer requests until cancelled."""
        while True:
            delivery = await self._waiting.get()
            self._bus.post(delivery.reply_to, await self._answered(delivery.payload))

    async def _answered(self, payload: bytes) -> bytes:
        try:
            return commands.encode(await self._answer(payload))
        except LinkupError as error:
            return commands.refusal(error)
        except msgspec.MsgspecError:
            return commands.refusal(InvalidRequest("The request cannot be decoded"))
