"""A block that comes while the log is asked for acquaintances is not forgotten by the answer."""

import asyncio
from typing import Any

import pytest

from services.gateway.presence import Presence
from shared.bus import NoResponders
from shared.commands import AcquaintancesAnswer
from tests.unit.gateway.fakes import FakeOutbox


class Socket(FakeOutbox):
    """What presence needs of a connection."""

    user_id = "alice"


class GatedLog:
    """Answers what it read as it was asked, once its gate is open."""

    def __init__(self) -> None:
        self.known: dict[str, int | None] = {"bob": None}
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()

    async def acquaintances(self, user_id: str, asked: list[str]) -> AcquaintancesAnswer:
        known = dict(self.known)
        self.asked.set()
        await self.gate.wait()
        return AcquaintancesAnswer(last_seen=known)


class Nobody:
    """A bus on which nobody listens."""

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        raise NoResponders("nobody listens")

    async def subscribe(self, subject: str, deliver: Any, **limits: int) -> "Nobody":
        return self

    async def close(self) -> None: ...


@pytest.mark.asyncio
async def test_s63_a_block_during_the_answer_is_looked_up_again() -> None:
    log, socket = GatedLog(), Socket()
    bus: Any = Nobody()
    presence = Presence(bus, log, 5.0)  # type: ignore[arg-type]
    presence.subscribe(socket, ["bob"])  # type: ignore[arg-type]
    looking = asyncio.ensure_future(presence.look())
    await log.asked.wait()
    log.known.clear()
    presence.recheck("alice")
    log.gate.set()
    await looking
    socket.take()
    await presence.look()
    assert [(frame["user_id"], frame["is_online"]) for frame in socket.take()] == [("bob", False)]
