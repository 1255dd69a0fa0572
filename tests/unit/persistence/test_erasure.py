"""A message deleted for everyone is in no file of the store after a checkpoint."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from services.persistence.store.store import Store
from services.persistence.upkeep import erasure as erasure_module
from services.persistence.upkeep.erasure import Erasure
from shared.commands import DeleteMessage, EditMessage, Stored
from tests.support.background import running
from tests.support.waiting import eventually
from tests.unit.persistence.log import Log, message

FIRST, SECOND = "canary-before-the-edit", "canary-after-the-edit"


@pytest.fixture
async def erasing(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(erasure_module, "PAUSE", 0.01)
    async with running(Erasure(store).run()):
        yield


async def write(log: Log) -> int:
    """Two texts of one message, among others: before and after an edit."""
    await log.people("alice", "bob")
    await log.say("alice", "bob", *[f"other {number}" * 20 for number in range(50)])
    [stored] = await log.run(message("alice", "bob", FIRST, "c1"))
    assert isinstance(stored, Stored)
    await log.run(EditMessage(user_id="alice", message_id=stored.message_id, content=SECOND))
    await log.store.index(1000, 1_000_000)
    return stored.message_id


async def erase(log: Log, message_id: int) -> None:
    await log.run(DeleteMessage(user_id="alice", message_id=message_id, mode="everyone"))


def holding(database: Path) -> list[str]:
    """The files in which one of the texts can be read."""
    files = [path for path in database.parent.iterdir() if path.is_file()]
    contents = {path.name: path.read_bytes() for path in files}
    return [
        name
        for name, content in contents.items()
        if FIRST.encode() in content or SECOND.encode() in content
    ]


async def test_erased_text_leaves_the_database_and_its_log(
    log: Log, database: Path, erasing: None
) -> None:
    message_id = await write(log)
    assert holding(database) != []
    await erase(log, message_id)
    await eventually(lambda: holding(database) == [])


async def test_without_a_checkpoint_the_log_still_tells(log: Log, database: Path) -> None:
    """Without a checkpoint, the text can be found: so the other tests prove something."""
    await erase(log, await write(log))
    assert holding(database) == ["linkup.db-wal"]


async def test_nobody_who_reads_is_waited_for_and_it_is_tried_again(
    log: Log, database: Path, erasing: None
) -> None:
    message_id = await write(log)
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchall()
        await erase(log, message_id)
        await log.say("alice", "bob", "and nobody waits for the reader")
        assert holding(database) != []  # in the log, or in pages it has not reached
        reader.execute("COMMIT")
        await eventually(lambda: holding(database) == [])


async def test_what_an_earlier_process_left_is_seen_to(
    log: Log, database: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await erase(log, await write(log))
    store.erased.clear()
    monkeypatch.setattr(erasure_module, "PAUSE", 0.01)
    async with running(Erasure(store).run()):
        await eventually(lambda: holding(database) == [])
