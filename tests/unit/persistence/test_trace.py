"""The trace of a message for the operator, and how long its transaction is remembered."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from services.persistence.queries import Queries
from services.persistence.queries.recent import Recent
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from services.persistence.writer import Writer
from shared import commands
from shared.bus import Bus, Delivery
from shared.commands import Batch, Command, DeleteMessage, Trace, TraceAnswer, Transacted
from shared.errors import NotFound
from shared.sqlite.held import Held
from tests.unit.persistence.log import Log, message

SECRET = replace(message("alice", "bob", "1"), content="secret text")
NUMBERS = count(1)


class Silent:
    async def publish(self, subject: str, payload: bytes) -> None: ...

    def post(self, subject: str, payload: bytes) -> None: ...


@pytest.fixture
async def writer(store: Store, log: Log) -> Writer:
    await log.people("alice", "bob", "carol")
    return Writer(store, cast(Bus, Silent()))


@pytest.fixture
async def held(database: Path) -> AsyncIterator[Held]:
    held = Held(f"sqlite:///{database}", ReaderConnection)
    await held.open()
    yield held
    await held.close()


async def write(writer: Writer, *batches: list[Command]) -> None:
    for number, told in enumerate(batches):
        batch = Batch(lane=f"lane{number}", number=next(NUMBERS), commands=told)
        writer.accept(Delivery("", commands.encode(batch), ""))
    await writer.finish()
    await writer.run()


async def trace(held: Held, writer: Writer, message_id: int) -> TraceAnswer:
    queries = Queries(held, "e", recent=writer.recent)
    answer = await queries.answer(Trace(message_id=message_id))
    assert b"secret text" not in answer
    return commands.open_answer(answer, TraceAnswer)


async def test_s55_the_transaction_of_a_message_is_remembered(writer: Writer, held: Held) -> None:
    await write(
        writer,
        [SECRET, message("alice", "carol", "2")],
        [message("bob", "alice", "3")],
    )
    for message_id, sender, to in ((1, "alice", "bob"), (3, "bob", "alice")):
        answer = await trace(held, writer, message_id)
        assert (answer.sender_id, answer.user_ids) == (sender, [to])
        assert [step.step for step in answer.steps] == ["accepted", "committed"]
        entry = answer.transacted
        assert entry is not None
        counted = (entry.batches, entry.commands, entry.messages, entry.events, entry.users)
        assert counted == (2, 3, 3, 6, 3)
        began = answer.steps[1].at
        assert began is not None
        assert began <= entry.committed_at <= entry.told_at


async def test_s55_a_message_nobody_sees_any_more_has_its_way(writer: Writer, held: Held) -> None:
    await write(writer, [SECRET])
    for mode in ("everyone", "me"):
        await write(writer, [DeleteMessage(user_id="alice", message_id=1, mode=mode)])
    steps = [step.step for step in (await trace(held, writer, 1)).steps]
    assert steps == ["accepted", "committed", "deleted"]
    with pytest.raises(NotFound):
        await trace(held, writer, 2)


def test_c10_what_is_remembered_is_bounded() -> None:
    recent = Recent(kept=3)
    for number in range(1, 6):
        recent.add(Transacted(10 * number, 10 * number + 1, 1, 2, 2, 4, 2, 0, 0))
    known = [number for number in range(1, 7) if recent.of(10 * number + 1)]
    assert known == [3, 4, 5]
    assert recent.of(42) is None


class Counted(Recent):
    def __init__(self) -> None:
        super().__init__()
        self.added: list[tuple[int, int]] = []

    def add(self, entry: Transacted) -> None:
        self.added.append((entry.first_id, entry.last_id))


async def test_s55_one_entry_a_transaction_and_none_without_a_message(writer: Writer) -> None:
    writer.recent = counted = Counted()
    await write(writer, [message("alice", "bob", f"{number}") for number in range(50)])
    await write(writer, [DeleteMessage(user_id="alice", message_id=1, mode="me")])
    assert counted.added == [(1, 50)]
