"""The check of a reader: a query of its own, or proved by the queries of others."""

import asyncio
import sqlite3
from pathlib import Path
from typing import cast

from services.persistence.queries.followers import Followers
from services.persistence.queries.readers import Readers
from shared.bus import Bus, Delivery
from shared.commands import Heads, encode
from shared.health.probe import DEADLINE
from tests.support.background import running
from tests.support.virtual import VirtualLoop
from tests.support.waiting import eventually


class FakeBus:
    def __init__(self) -> None:
        self.answers: list[bytes] = []

    async def publish(self, subject: str, payload: bytes) -> None:
        self.answers.append(payload)


class Question:
    subject, payload, reply_to = "linkup.query.heads", encode(Heads(user_ids=[])), "inbox"


def readers_of(database: Path, bus: FakeBus) -> Readers:
    return Readers(f"sqlite:///{database}", "e", cast(Bus, bus), Followers())


async def test_f_t1_a_reader_that_is_asked_says_that_it_reads(database: Path) -> None:
    readers = readers_of(database, FakeBus())
    assert readers.reads.check().status == "fail"
    async with running(readers.run()):
        await readers.reads.ask()
        assert readers.reads.check().status == "pass"


async def test_f_t1_a_query_that_is_answered_proves_it(database: Path) -> None:
    readers = readers_of(database, bus := FakeBus())
    async with running(readers.run()):
        readers.accept(cast(Delivery, Question))
        await eventually(lambda: bool(bus.answers))
    assert readers.reads.check().status == "pass"


async def test_f_t1_a_store_that_cannot_be_read_is_told_with_the_cause(database: Path) -> None:
    other = sqlite3.connect(database)
    other.execute("DROP TABLE meta")
    other.close()
    readers = readers_of(database, FakeBus())
    async with running(readers.run()):
        await readers.reads.ask()
        assert readers.reads.check().output == "reading the store: no such table: meta"


def test_f_t1_readers_that_get_nowhere_are_told(database: Path) -> None:
    async def story() -> None:
        readers = readers_of(database, FakeBus())  # none of them runs
        async with running(readers.reads.run()):
            await asyncio.sleep(DEADLINE + 0.5)
            assert "no answer" in readers.reads.check().output

    loop = VirtualLoop()
    try:
        loop.let(story())
    finally:
        loop.close()
