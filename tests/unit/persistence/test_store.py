"""The writing side, on a real SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.persistence.connections import Held, ReaderConnection, WriterConnection, hold
from services.persistence.recovery import recover
from services.persistence.state import Limits
from services.persistence.store import Store
from shared.commands import Batch, Refused, Stored
from shared.errors import StartError, Unavailable
from tests.support.background import running
from tests.support.waiting import eventually
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log, message


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        found = connection.execute(sql).fetchall()
    return found


async def test_c1_the_writer_syncs_every_commit(database: Path) -> None:
    held = Held(f"sqlite:///{database}", WriterConnection)
    try:
        found = {
            pragma: (await held.fetch(f"PRAGMA {pragma}"))[0][0]
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    finally:
        await held.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 1000,
    }


async def test_a_reader_can_neither_write_nor_checkpoint(database: Path, store: Store) -> None:
    held = Held(f"sqlite:///{database}", ReaderConnection)
    try:
        assert (await held.fetch("PRAGMA query_only"))[0][0] == 1
        assert (await held.fetch("PRAGMA wal_autocheckpoint"))[0][0] == 0
        with pytest.raises(sqlite3.OperationalError):
            await held.fetch("DELETE FROM messages")
    finally:
        await held.close()


async def test_a_store_that_does_not_sync_is_refused(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless(WriterConnection):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            self.execute("PRAGMA synchronous=NORMAL")

    monkeypatch.setattr("services.persistence.store.WriterConnection", Careless)
    store = Store(f"sqlite:///{database}", Limits(1, 0.0))
    try:
        with pytest.raises(StartError, match="synchronous=1 instead of 2"):
            await store.open()
    finally:
        await store.close()


async def test_the_identity_of_a_store_stays(database: Path) -> None:
    async with opened(database) as first:
        epoch = first.epoch
    async with opened(database) as second:
        assert second.epoch == epoch


async def test_c3_a_repeat_after_a_restart_gives_the_first_ack(database: Path) -> None:
    told = message("alice", "bob", "hi")
    async with opened(database) as store:
        log = Log(store)
        await log.people("alice", "bob")
        [first] = await log.run(told)
    async with opened(database) as store:
        batch = Batch(lane="another", number=1, commands=[told])
        [reply] = (await store.commit([batch])).replies
    assert isinstance(first, Stored)
    assert reply.results == [  # type: ignore[union-attr]
        Stored(first.message_id, first.conversation_id, first.seq, first.created_at, True, 0)
    ]


async def test_c3_the_database_itself_keeps_a_client_id_to_one_message(
    database: Path, log: Log
) -> None:
    """Whatever a process in front of it takes for new."""
    await log.people("alice", "bob")
    await log.say("alice", "bob", "hi")
    [(columns,)] = rows(database, "SELECT group_concat(name) FROM pragma_table_info('messages')")
    again = str(columns).replace("message_id", "message_id + 1", 1).replace("seq", "seq + 1", 1)
    twice = f"INSERT INTO messages ({columns}) SELECT {again} FROM messages"  # noqa: S608 - names
    with pytest.raises(sqlite3.IntegrityError, match=r"messages\.sender_id, messages\.client_id"):
        rows(database, twice)


async def test_r1_the_fence_outlives_a_restart(database: Path) -> None:
    def batch(number: int) -> Batch:
        told = [message("alice", "alice", f"{number}")]
        return Batch(lane="lane", number=number, commands=[*told])

    async with opened(database) as store:
        await Log(store).people("alice")
        first = (await store.commit([batch(1)])).replies
        second = (await store.commit([batch(2)])).replies
    async with opened(database) as store:
        late, again = (await store.commit([batch(1), batch(2)])).replies
    assert [again] == second
    assert late != first[0]
    assert rows(database, "SELECT count(*) FROM messages") == [(2,)]


async def test_a_failed_commit_leaves_nothing_and_the_next_one_works(
    database: Path, store: Store, log: Log
) -> None:
    await log.people("alice", "bob")
    await log.say("alice", "bob", "one")
    with (
        closing(sqlite3.connect(database)) as other,
        other,
    ):  # what the store does not expect: the next id is taken
        other.execute(
            "INSERT INTO messages (message_id, conversation_id, seq, version, sender_id, client_id,"
            " content, content_hash, created_at, updated_at)"
            " VALUES (2, 'x', 1, 1, 'x', 'x', 'x', x'00', 0, 0)"
        )
        other.execute("UPDATE messages SET message_id = 2 WHERE conversation_id = 'x'")
        other.execute(
            "CREATE TRIGGER no BEFORE INSERT ON messages WHEN new.content = 'poison' "
            "BEGIN SELECT raise(ABORT, 'poison'); END"
        )
    with pytest.raises(sqlite3.IntegrityError):
        await log.say("alice", "bob", "fine", "poison")
    assert rows(database, "SELECT content FROM messages WHERE content = 'fine'") == []
    [stored] = await log.say("alice", "bob", "two")
    assert isinstance(stored, Stored)
    assert (stored.seq, stored.cursor) == (2, 2)
    assert store.trouble == ""


async def test_c1_a_locked_database_is_unavailable_and_nothing_is_stored(
    database: Path, store: Store, log: Log
) -> None:
    await log.people("alice", "bob")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await log.say("alice", "bob", "one")
    assert "locked" in store.trouble
    other.execute("ROLLBACK")
    other.close()
    [stored] = await log.say("alice", "bob", "one")
    assert isinstance(stored, Stored)
    assert stored.duplicate is False
    assert store.trouble == ""


async def test_s42_the_store_is_ready_again_although_nobody_sends(
    database: Path, store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.persistence.recovery.PAUSE", 0.01)
    await log.people("alice", "bob")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await log.say("alice", "bob", "one")
    async with running(recover(store)):
        with pytest.raises(Unavailable):
            await store.probe()
        assert await store.between(lambda connection: connection.execute("SELECT 1").fetchall())
        assert "locked" in store.trouble, "that it can be read says nothing"
        other.execute("ROLLBACK")
        other.close()
        await eventually(lambda: not store.trouble)


async def test_c1_a_full_disk_is_unavailable_and_nothing_is_stored(
    database: Path, store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.people("alice", "bob")

    class Full(WriterConnection):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            self.execute("PRAGMA max_page_count=1")

    await store.close()
    monkeypatch.setattr("services.persistence.store.WriterConnection", Full)
    full = log.store = Store(f"sqlite:///{database}", Limits(1, 0.0))
    with pytest.raises(Unavailable):
        await log.say("alice", "bob", *[f"{number} " + "x" * 5000 for number in range(100)])
    assert "full" in full.trouble
    await full.close()
    assert rows(database, "SELECT count(*) FROM messages") == [(0,)]


async def test_unusual_names_come_back_as_they_were(database: Path, log: Log) -> None:
    names = [
        "\U0001f600",
        "o'hara; DROP TABLE users",
        '"quoted"',
        "e\u0301",
        "\u00e9",
        "  ",
        "%_*?",
    ]
    await log.people(*names)
    for name in names:
        [stored] = await log.say(name, names[0], f"from {name}")
        assert isinstance(stored, Stored)
    found = {row[0] for row in rows(database, "SELECT sender_id FROM messages")}
    assert found == set(names)


async def test_c9_the_allowance_outlives_a_restart(database: Path) -> None:
    limits = Limits(burst=2, rate=0.01)
    async with opened(database, limits) as store:
        log = Log(store)
        await log.people("alice", "bob")
        await log.say("alice", "bob", "1", "2")
    async with opened(database, limits) as store:
        batch = Batch(lane="another", number=1, commands=[message("alice", "bob", "3")])
        [reply] = (await store.commit([batch])).replies
    [refused] = reply.results  # type: ignore[union-attr]
    assert isinstance(refused, Refused)
    assert refused.code == "rate_limited"


async def test_a_second_persistence_is_kept_off_the_same_store(tmp_path: Path) -> None:
    async with hold(tmp_path):
        with pytest.raises(StartError, match="another persistence"):
            async with hold(tmp_path):
                pass
    async with hold(tmp_path):
        pass


async def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="LINKUP_DATA_DIR"):
        async with hold(tmp_path / "file" / "data"):
            pass
