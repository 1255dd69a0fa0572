"""Records leave a process in batches, once, and wait while nobody takes them."""

import asyncio
import threading

import pytest

from shared import commands
from shared.commands import ErrorPageAnswer
from shared.errors import Unavailable
from shared.health.records import NEW_A_MINUTE, Ledger
from shared.health.taxonomy import Record
from shared.process import reporter
from shared.process.reporter import MOST, Reporter
from tests.support.background import running
from tests.support.waiting import eventually


class Listener:
    def __init__(self) -> None:
        self.batches: list[list[Record]] = []
        self.there = True

    async def tell(self, records: list[Record]) -> None:
        if not self.there:
            raise Unavailable("away")
        self.batches.append(records)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "EVERY", 0.02)
    monkeypatch.setattr(reporter, "AGAIN", 0.02)


async def test_what_happens_within_a_pause_is_one_batch_and_nothing_is_none() -> None:
    ledger, listener = Ledger("gateway"), Listener()
    async with running(Reporter(ledger, listener.tell).run()):
        await asyncio.sleep(0.1)
        assert listener.batches == []
        for number in range(3):
            ledger.record("overload", f"kind {number}")
            ledger.record("overload", f"kind {number}")
        await eventually(lambda: bool(listener.batches))
        thread = threading.Thread(target=ledger.record, args=("overload", "from a thread"))
        thread.start()
        await eventually(lambda: len(listener.batches) == 2)
        thread.join()
    told = [[(one.message, one.count) for one in batch] for batch in listener.batches]
    assert told == [[(f"kind {n}", 2) for n in range(3)], [("from a thread", 1)]]


async def test_what_could_not_be_told_is_told_again_with_what_came_since() -> None:
    ledger, listener = Ledger("gateway"), Listener()
    listener.there = False
    async with running(Reporter(ledger, listener.tell).run()):
        ledger.record("overload", "too many")
        await asyncio.sleep(0.1)
        ledger.record("overload", "too many")
        listener.there = True
        await eventually(lambda: sum(one.count for batch in listener.batches for one in batch) == 2)


async def test_a_batch_is_bounded_and_the_rest_follows() -> None:
    ledger, listener = Ledger("gateway"), Listener()
    for number in range(NEW_A_MINUTE):
        ledger.record("overload", f"kind {number}")
    async with running(Reporter(ledger, listener.tell).run()):
        await eventually(lambda: len(listener.batches) == 2)
    assert [len(batch) for batch in listener.batches] == [MOST, NEW_A_MINUTE - MOST]


def test_what_is_in_memory_fits_into_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger("gateway")
    for number in range(10):
        ledger.record("overload", f"kind {number}", reason="x" * 200)
    monkeypatch.setattr(reporter, "MAX_PAGE_BYTES", 2000)
    answer = commands.open_answer(reporter.recent(ledger), ErrorPageAnswer)
    assert [one.message for one in answer.records] == [
        "kind 9",
        "kind 8",
        "kind 7",
        "kind 6",
        "kind 5",
    ]
