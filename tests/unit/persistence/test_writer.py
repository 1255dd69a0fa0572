"""Group commit, poison, and what is answered when nothing can be stored."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from services.persistence.store.store import Store
from services.persistence.writer import Writer
from shared import commands, subjects
from shared.commands import (
    Batch,
    BatchReply,
    Command,
    Events,
    Refused,
    Results,
    Stored,
)
from shared.errors import LinkupError
from shared.health.records import Ledger
from tests.support.waiting import eventually
from tests.unit.persistence.log import Log, message


class FakeBus:
    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []

    async def publish(self, subject: str, payload: bytes) -> None:
        self.post(subject, payload)

    def post(self, subject: str, payload: bytes) -> None:
        self.published.append((subject, payload))

    def reply(self, to: str) -> BatchReply | Refused:
        [payload] = [payload for subject, payload in self.published if subject == to]
        try:
            return commands.open_reply(payload)
        except LinkupError as error:
            return Refused(error.code, error.message)

    def has(self, to: str) -> Callable[[], bool]:
        return lambda: any(subject == to for subject, _ in self.published)


class Delivery:
    def __init__(self, payload: bytes, reply_to: str) -> None:
        self.subject, self.payload, self.reply_to = subjects.STORE, payload, reply_to


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
async def writer(store: Store, bus: FakeBus, log: Log) -> Writer:
    await log.people("alice", "bob", "carol")
    return Writer(store, bus)  # type: ignore[arg-type]  # the part of a Bus a writer uses


async def accept(writer: Writer, lane: str, *told: Command, number: int = 1) -> None:
    batch = Batch(lane=lane, number=number, commands=list(told))
    writer.accept(Delivery(commands.encode(batch), lane))  # type: ignore[arg-type]


async def run(writer: Writer) -> None:
    await writer.finish()
    await writer.run()


def codes(reply: BatchReply | Refused) -> list[str]:
    assert isinstance(reply, Results)
    return [result.code if isinstance(result, Refused) else "ok" for result in reply.results]


def poisoned(database: Path) -> None:
    with closing(sqlite3.connect(database)) as other, other:
        other.execute(
            "CREATE TRIGGER no BEFORE INSERT ON messages WHEN new.content = 'poison' "
            "BEGIN SELECT raise(ABORT, 'poison'); END"
        )


async def test_c1_it_is_told_before_it_is_acked(writer: Writer, bus: FakeBus) -> None:
    await accept(writer, "lane", message("alice", "bob", "hi"))
    await run(writer)
    assert sorted(subject for subject, _ in bus.published[:2]) == sorted(
        [subjects.feed("alice"), subjects.feed("bob")]
    )
    assert [subject for subject, _ in bus.published[2:]] == [subjects.LOG, "lane"]
    events = commands.decode(bus.published[0][1], Events)
    assert [event.cursor for event in events.events] == [1]
    assert codes(bus.reply("lane")) == ["ok"]


async def test_what_queued_up_is_one_transaction(writer: Writer, bus: FakeBus) -> None:
    for number in range(5):
        await accept(writer, f"lane{number}", message("alice", "bob", f"{number}"))
    await run(writer)
    events = [commands.decode(p, Events) for s, p in bus.published if s == subjects.feed("bob")]
    assert [[event.cursor for event in part.events] for part in events] == [[1, 2, 3, 4, 5]]


async def test_a_poison_command_fails_alone(
    writer: Writer,
    bus: FakeBus,
    database: Path,
    caplog: pytest.LogCaptureFixture,
    recorded: Ledger,
) -> None:
    poisoned(database)
    await accept(writer, "lane1", message("alice", "bob", "one"))
    await accept(
        writer,
        "lane2",
        message("bob", "alice", "two"),
        message("carol", "bob", "poison"),
        message("carol", "alice", "three"),
    )
    await accept(writer, "lane3", message("alice", "bob", "four"))
    await run(writer)
    assert codes(bus.reply("lane1")) == codes(bus.reply("lane3")) == ["ok"]
    assert codes(bus.reply("lane2")) == ["ok", "internal", "ok"]
    assert "poison" not in {record.getMessage() for record in caplog.records}
    assert {one.category for one in recorded.recent()} == {"persistence_error"}
    assert "poison" not in repr(recorded.recent())


async def test_r1_a_repeated_poison_batch_stores_nothing_twice(
    writer: Writer, bus: FakeBus, database: Path
) -> None:
    poisoned(database)
    told = [message("alice", "bob", "one"), message("carol", "bob", "poison")]
    await accept(writer, "lane", *told)
    await run(writer)
    first = bus.reply("lane")
    bus.published.clear()
    await accept(writer, "lane", *told)
    await run(writer)
    assert bus.reply("lane") == first
    assert bus.has(subjects.LOG)() is False


async def test_c4_what_follows_a_poison_message_of_a_connection_waits(
    writer: Writer, bus: FakeBus, database: Path
) -> None:
    poisoned(database)
    told = [message("alice", "bob", content) for content in ("one", "poison", "three")]
    await accept(
        writer,
        "lane",
        *[commands.StoreMessage(**{**_fields(one), "connection_id": "s1"}) for one in told],
    )
    await run(writer)
    assert codes(bus.reply("lane")) == ["ok", "internal", "out_of_order"]


def _fields(command: commands.StoreMessage) -> dict[str, Any]:
    return {name: getattr(command, name) for name in command.__struct_fields__}


async def test_c1_an_unwritable_store_is_a_failure_not_an_ack(
    writer: Writer, bus: FakeBus, database: Path, recorded: Ledger
) -> None:
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await accept(writer, "lane", message("alice", "bob", "hi"))
    running = asyncio.create_task(writer.run())
    await eventually(bus.has("lane"))
    other.execute("ROLLBACK")
    other.close()
    reply = bus.reply("lane")
    assert isinstance(reply, Refused)
    assert (reply.code, bus.has(subjects.LOG)()) == ("unavailable", False)
    told = ["nothing can be stored: database is locked"]
    assert [one.message for one in recorded.recent()] == told
    await accept(writer, "lane again", message("alice", "bob", "hi"))
    await writer.finish()
    await running
    again = bus.reply("lane again")
    assert isinstance(again, Results)
    assert isinstance(again.results[0], Stored)
    assert again.results[0].duplicate is False


async def test_a_batch_that_does_not_decode_is_answered(
    writer: Writer, bus: FakeBus, recorded: Ledger
) -> None:
    writer.accept(Delivery(b"\xc1", "somebody"))  # type: ignore[arg-type]
    assert bus.reply("somebody") == Refused("internal", "The batch cannot be decoded")
    assert [one.category for one in recorded.recent()] == ["routing_error"]


async def test_c10_a_full_queue_is_overloaded(
    writer: Writer, bus: FakeBus, recorded: Ledger
) -> None:
    for number in range(257):
        await accept(writer, f"lane{number}", message("alice", "bob", f"{number}"))
    reply = bus.reply("lane256")
    assert isinstance(reply, Refused)
    assert reply.code == "overloaded"
    assert [one.category for one in recorded.recent()] == ["overload"]
