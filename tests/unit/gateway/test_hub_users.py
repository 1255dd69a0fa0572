"""The users online at a gateway: one subscription each, and the comparison of their feeds."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from services.gateway import hub as hub_module
from services.gateway.auth import Identity
from services.gateway.hub import SLOTS, Hub
from services.gateway.socket.connection import Connection
from shared.bus import Delivery
from shared.commands import MAX_HEADS, Event, Events, HeadsAnswer, Joined, Standing, encode
from shared.errors import Unauthorized
from tests.support.background import running
from tests.unit.gateway.fakes import FakeLog, FakeOutbox


class Wire:
    """The bus, the log and the announcer of a hub; every call yields once, as a real one would."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.open = 0
        self.heads_asked: list[list[str]] = []
        self.seen: list[str] = []
        self.standing: Standing | None = None

    async def subscribe(self, subject: str, deliver: Callable[[Delivery], None]) -> "Wire":
        self.said.append("subscribe")
        self.deliver = deliver
        await asyncio.sleep(0)
        self.open += 1
        return self

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.open -= 1

    async def join(self, user_id: str) -> Joined:
        self.said.append("join")
        await asyncio.sleep(0)
        return Joined(epoch="e1", head=0, profile=None, standing=self.standing)

    async def heads(self, user_ids: Sequence[str]) -> HeadsAnswer:
        self.heads_asked.append(list(user_ids))
        return HeadsAnswer(epoch="e1", heads={})

    async def came(self, user_id: str) -> None:
        self.seen.append(f"{user_id} came")
        await asyncio.sleep(0)

    async def went(self, user_id: str) -> None:
        self.seen.append(f"{user_id} went")
        await asyncio.sleep(0)


def hub_on(wire: Any) -> Hub:
    return Hub(wire, wire, wire, lambda *told: None)


def socket_of(user_id: str, outbox: FakeOutbox | None = None) -> Connection:
    taking: Any = outbox or FakeOutbox()
    return Connection(Identity(user_id=user_id, expires_at=1e12), FakeLog(), taking, print)


async def test_a_join_subscribes_and_then_makes_one_trip() -> None:
    wire = Wire()
    await hub_on(wire).join(socket_of("alice"))
    assert wire.said == ["subscribe", "join"]


async def test_d23_what_happens_is_passed_on_to_each_socket_of_its_user() -> None:
    wire = Wire()
    hub, outboxes = hub_on(wire), [FakeOutbox() for _ in range(3)]
    for outbox in outboxes:
        await hub.join(socket := socket_of("alice", outbox))
        socket.feed.start("e1", 0, 0)
    told = Events(user_id="alice", epoch="e1", events=[Event(1, b'{"type":"message"}')])
    wire.deliver(Delivery("linkup.user.x.feed", encode(told), ""))
    for outbox in outboxes:
        assert [one["cursor"] for one in outbox.frames if one["type"] == "message"] == [1]


async def test_nobody_hears_of_a_socket_whose_token_is_refused() -> None:
    wire = Wire()
    hub, socket = hub_on(wire), socket_of("alice")
    wire.standing = Standing(banned=True)
    with pytest.raises(Unauthorized):
        await hub.join(socket)
    assert (wire.open, hub.count("alice"), wire.seen) == (0, 0, [])
    wire.standing = Standing(valid_after=1, revoked={"another": 1})
    one = Connection(replace(socket.identity, issued_at=1.0), FakeLog(), FakeOutbox(), print)  # type: ignore[arg-type]
    await hub.join(one)
    await hub.leave(one)
    assert wire.seen == ["alice came", "alice went"]


async def test_r10_the_subscription_lasts_as_long_as_any_socket() -> None:
    wire = Wire()
    hub, first, second = hub_on(wire), socket_of("alice"), socket_of("alice")
    await hub.join(first)
    await hub.join(second)
    await hub.leave(first)
    assert wire.open == 1
    await hub.leave(second)
    assert (wire.open, hub.count("alice")) == (0, 0)


async def test_r10_two_that_come_at_once_share_one_subscription() -> None:
    wire = Wire()
    hub, sockets = hub_on(wire), [socket_of("alice"), socket_of("alice")]
    await asyncio.gather(*map(hub.join, sockets))
    assert (wire.open, hub.count("alice")) == (1, 2)
    await asyncio.gather(*map(hub.leave, sockets))
    assert (wire.open, hub.count("alice")) == (0, 0)


@pytest.mark.parametrize("joins_first", [False, True])
@pytest.mark.parametrize("steps", range(8))
async def test_r10_whoever_comes_while_the_last_one_goes_is_heard(
    steps: int, joins_first: bool
) -> None:
    """Whichever of the two is some steps ahead."""
    wire = Wire()
    hub, old, new = hub_on(wire), socket_of("alice"), socket_of("alice")
    await hub.join(old)
    calls = [hub.leave(old), hub.join(new)]
    tasks = []
    for call in reversed(calls) if joins_first else calls:
        tasks.append(asyncio.ensure_future(call))
        for _ in range(steps):
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert (wire.open, hub.count("alice")) == (1, 1)


async def test_r11_who_has_joined_is_compared_at_the_next_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: asyncio.Queue[list[str]] = asyncio.Queue()

    async def compare(_: Hub, user_ids: Sequence[str]) -> None:
        compared.put_nowait(list(user_ids))

    monkeypatch.setattr(hub_module, "TICK", 0.0)
    monkeypatch.setattr(random, "randrange", lambda slots: slots - 1)  # not its turn
    monkeypatch.setattr(Hub, "compare", compare)
    hub = hub_on(Wire())
    await hub.join(socket_of("alice"))
    async with running(hub.run()):
        assert await compared.get() == ["alice"]


async def test_s24_each_user_has_a_turn_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[list[str]] = []
    enough = asyncio.Event()

    def on_turn(user_ids: Iterable[str]) -> None:
        turns.append(list(user_ids))
        if len(turns) == 2 * SLOTS:
            enough.set()

    monkeypatch.setattr(hub_module, "TICK", 0.0)
    hub, users = hub_on(Wire()), [f"u{number}" for number in range(30)]
    for user_id in users:
        await hub.join(socket_of(user_id))
    hub.on_turn = on_turn
    async with running(hub.run()):
        await enough.wait()
    assert sorted(itertools.chain(*turns[:SLOTS])) == sorted(users)
    assert turns[SLOTS : 2 * SLOTS] == turns[:SLOTS]


async def test_r17_a_comparison_asks_for_a_bounded_number_of_users() -> None:
    wire = Wire()
    hub = hub_on(wire)
    users = [f"u{number}" for number in range(2 * MAX_HEADS + 1)]
    for user_id in users:
        await hub.join(socket_of(user_id))
    await hub.compare(users)
    assert [len(chunk) for chunk in wire.heads_asked] == [MAX_HEADS, MAX_HEADS, 1]
    assert sorted(itertools.chain(*wire.heads_asked)) == sorted(users)
