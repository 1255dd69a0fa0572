"""A webhook's place in the log: where it goes on, and when it waits."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from services.notify.store.store import open_store
from services.notify.webhooks import accepted, rows
from services.notify.webhooks.accepted import Accepted
from services.notify.webhooks.backlog import Backlog
from services.notify.webhooks.reader import Reader
from services.notify.webhooks.rows import Hook
from shared.commands import Fact, FactPage, FactPageAnswer, decode, encode
from shared.errors import Unavailable
from tests.support.background import running
from tests.support.waiting import eventually

T = TypeVar("T")

HOOK = Hook(
    webhook_id="main",
    url="https://app.example/",
    events=("message.created",),
    secret="whsec_",
    created_at=1,
    updated_at=1,
)


def said(n: int) -> Fact:
    return Fact("1", n, "message", "c", n, n, "ann", "", 1)


class Log:
    """Persistence: its epoch, and how far its log goes."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.end = 0
        self.asked: list[FactPage] = []

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        asked = decode(payload, FactPage)
        self.asked.append(asked)
        after = asked.positions.get("1", 0)
        answer = FactPageAnswer(
            epoch=self.epoch,
            facts=[said(n) for n in range(after + 1, self.end + 1)],
            more=False,
            positions={"1": max(after, self.end)},
            ends={"1": self.end},
        )
        return encode(answer)


class World:
    def __init__(self, log: Log, between: Any) -> None:
        self.log = log
        self.between = between
        self.backlog = Backlog()
        bus: Any = log
        self.reader = Reader(HOOK, bus, between, self.backlog, lambda: 1, lambda: None)

    async def place(self) -> rows.Place:
        place: rows.Place = await self.between(lambda raw: rows.place(raw, "main"))
        return place

    async def ids(self) -> list[str]:
        found: list[Any] = await self.between(lambda raw: rows.waiting(raw, "main"))
        return [one.event_id for one in found]


@asynccontextmanager
async def world(folder: Path, place: rows.Place = ("e1", {"1": 0})) -> AsyncIterator[World]:
    async with open_store(f"sqlite:///{folder}/notify.db") as store:
        await store.between(lambda raw: rows.save(raw, HOOK, place))
        yield World(Log(), store.between)


async def test_what_it_reads_is_written_with_its_place_and_read_once(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.log.end = 2
        async with running(w.reader.run()):
            await eventually(lambda: len(w.backlog) == 2)
            w.log.end = 3
            w.reader.ring()
            await eventually(lambda: len(w.backlog) == 3)
        assert await w.ids() == ["evt_e1_1_1", "evt_e1_1_2", "evt_e1_1_3"]
        assert await w.place() == ("e1", {"1": 3})
    assert {one.follower for one in w.log.asked} == {"webhook:main"}


async def test_an_older_place_makes_the_same_events_again(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.log.end = 2
        async with running(w.reader.run()):
            await eventually(lambda: len(w.backlog) == 2)
        older = World(w.log, w.between)
        await w.between(lambda raw: rows.follow(raw, "main", ("e1", {"1": 0}), [], 1))
        async with running(older.reader.run()):
            await eventually(lambda: len(older.backlog) == 2)
        assert await w.ids() == ["evt_e1_1_1", "evt_e1_1_2"]


@pytest.mark.parametrize(("end", "ids"), [(7, ["evt_e2_1_6", "evt_e2_1_7"]), (3, [])])
async def test_in_a_restored_log_it_goes_on_from_its_place_or_from_the_end(
    tmp_path: Path, end: int, ids: list[str]
) -> None:
    async with world(tmp_path, ("e1", {"1": 5})) as w:
        w.log.epoch, w.log.end = "e2", end
        async with running(w.reader.run()):
            await eventually(lambda: len(w.log.asked) >= 2)
            await eventually(lambda: len(w.backlog) == len(ids))
        assert await w.ids() == ids
        epoch, positions = await w.place()
        assert (epoch, positions["1"]) == ("e2", end)


async def test_nothing_is_written_for_what_nobody_wants(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        deaf = Hook(**{**{n: getattr(HOOK, n) for n in HOOK.__struct_fields__}, "events": ()})
        bus: Any = w.log
        reader = Reader(deaf, bus, w.between, w.backlog, lambda: 1, lambda: None)
        w.log.end = 9
        async with running(reader.run()):
            await eventually(lambda: len(w.log.asked) == 1)
            reader.ring()
            await eventually(lambda: len(w.log.asked) == 2)
        assert w.log.asked[1].positions == {"1": 9}
        assert await w.place() == ("e1", {"1": 0})


async def test_what_was_accepted_goes_in_one_transaction_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepted, "RETRY", 0.0)
    faults, transactions = [Unavailable("full")], 0
    async with world(tmp_path) as w:
        facts = [said(n) for n in range(1, 6)]
        await w.between(lambda raw: rows.follow(raw, "main", ("e1", {"1": 5}), facts, 1))

        async def between(work: Callable[[sqlite3.Connection], T]) -> T:
            nonlocal transactions
            transactions += 1
            if faults:
                raise faults.pop()
            result: T = await w.between(work)
            return result

        ledger = Accepted(between, "main")
        for number in (1, 2, 3):
            ledger.add(number)
        async with running(ledger.run()):
            await eventually(lambda: transactions == 2)
            ledger.add(4)
            await asyncio.gather(ledger.flush(), ledger.flush())
        assert await w.ids() == ["evt_e1_1_5"]
        [hook] = await w.between(rows.hooks)
        assert hook.delivered == 4
