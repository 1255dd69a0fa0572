"""A user who has become a stranger is no longer watched, and only strangers are looked up again."""

import asyncio
from typing import Any

import pytest

from services.gateway.presence.presence import Presence
from shared.bus import NoResponders
from shared.commands import Acquaintances, AcquaintancesAnswer
from tests.unit.gateway.fakes import FakeOutbox


class Socket(FakeOutbox):
    """The part of a connection that presence uses."""

    user_id = "alice"


class GatedLog:
    """Answers what it read as it was asked, once its gate is open."""

    def __init__(self) -> None:
        self.known: dict[str, int | None] = {"bob": None}
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()
        self.questions: list[list[str]] = []

    async def ask(
        self, asked: Acquaintances, kind: type[AcquaintancesAnswer]
    ) -> AcquaintancesAnswer:
        self.questions.append(asked.asked)
        known = {one: at for one, at in self.known.items() if one in asked.asked}
        self.asked.set()
        await self.gate.wait()
        return kind(last_seen=known)


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
    presence.recheck([socket], "bob")  # type: ignore[list-item]
    log.gate.set()
    await looking
    socket.take()
    await presence.look()
    assert [(frame["user_id"], frame["is_online"]) for frame in socket.take()] == [("bob", False)]


@pytest.mark.asyncio
async def test_f_s18_only_who_may_have_become_a_stranger_is_looked_up_again() -> None:
    log, socket, other = GatedLog(), Socket(), Socket()
    log.gate.set()
    log.known = {"bob": None, "carol": None}
    bus: Any = Nobody()
    presence = Presence(bus, log, 5.0)  # type: ignore[arg-type]
    for one in (socket, other):
        presence.subscribe(one, ["bob", "carol"])  # type: ignore[arg-type]
    await presence.look()
    socket.take()
    log.questions.clear()
    del log.known["bob"]
    for doubted in ("nobody", "bob"):
        presence.recheck([socket], doubted)  # type: ignore[list-item]
        await presence.look()
    assert log.questions == [["bob"]]
    assert [(frame["user_id"], frame["is_online"]) for frame in socket.take()] == [("bob", False)]
    log.questions.clear()
    presence.recheck([socket], "")  # type: ignore[list-item]
    await presence.look()
    assert log.questions == [["carol"]]
