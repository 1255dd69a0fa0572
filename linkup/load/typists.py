"""Owns the users who only type during a load: pairs that send `typing` about once a second."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
from linkup_client import frames

from linkup.load import pacer
from linkup.load.joining import LoadFailed
from linkup.load.sockets import LoadSocket
from linkup.load.tally import Tally

PERIOD = 1.1  # seconds; more than one in a second is dropped by the server
HEARD = b'{"type":"typing"'
INTRODUCED_WITHIN = 30.0


class Typist(LoadSocket):
    """One of two who type to each other. `heard` counts what came of it."""

    def __init__(self, user_id: str, to: str, tally: Tally) -> None:
        super().__init__(user_id, tally)
        self.to = to
        self.heard = 0
        self._typing = msgspec.json.encode({"type": "typing", "to": to, "is_typing": True})
        self._introduced = asyncio.Event()

    async def introduce(self) -> None:
        self.send(frames.SendMessage(client_id="hello", to=self.to, content="hello"))
        await self._introduced.wait()

    def type(self) -> None:
        self.send_text(self._typing)

    def on_text(self, text: bytes) -> None:
        if text.startswith(HEARD):
            self.heard += 1
        else:
            super().on_text(text)

    def on_frame(self, frame: frames.ServerFrame | frames.Unknown) -> None:
        if isinstance(frame, frames.Ack):
            self._introduced.set()


def cast(run: str, count: int, tally: Tally) -> list[Typist]:
    names = [f"{run}-t{number}" for number in range(count + count % 2)]
    return [Typist(name, names[number ^ 1], tally) for number, name in enumerate(names)]


async def introduce(typists: Sequence[Typist]) -> None:
    """Let one say hello to the other: strangers are not told. Raises LoadFailed."""
    try:
        async with asyncio.timeout(INTRODUCED_WITHIN):
            await asyncio.gather(*[typist.introduce() for typist in typists[::2]])
    except TimeoutError:
        raise LoadFailed("the typists' first messages were not acknowledged") from None


@asynccontextmanager
async def typing(typists: Sequence[Typist]) -> AsyncIterator[None]:
    """Let all of them type while the block runs."""
    task = asyncio.create_task(_type(typists))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _type(typists: Sequence[Typist]) -> None:
    turn = 0
    async for _ in pacer.ticks(len(typists) / PERIOD):
        typists[turn % len(typists)].type()
        turn += 1
