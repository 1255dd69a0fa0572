"""The writing side, on a real SQLite file."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.persistence.decide.state import Limits
from services.persistence.store.connections import ReaderConnection, WriterConnection, hold
from services.persistence.store.store import Store
from shared.commands import Batch, Refused, Stored
from shared.errors import StartError, Unavailable
from shared.sqlite.held import Held
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

    monkeypatch.setattr("services.persistence.store.store.WriterConnection", Careless)
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
    assert store.writes.check().status == "pass"


async def test_c1_a_locked_database_is_unavailable_and_nothing_is_stored(
    database: Path, store: Store, log: Log
) -> None:
    await log.people("alice", "bob")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await log.say("alice", "bob", "one")
    assert "database is locked" in store.writes.check().output
    other.execute("ROLLBACK")
    other.close()
    [stored] = await log.say("alice", "bob", "one")
    assert isinstance(stored, Stored)
    assert stored.duplicate is False
    assert store.writes.check().status == "pass"


async def test_s42_the_store_is_ready_again_although_nobody_sends(
    database: Path, store: Store, log: Log
) -> None:
    await log.people("alice", "bob")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await log.say("alice", "bob", "one")
    async with running(store.writes.run()):
        await store.writes.ask()
        assert await store.between(lambda connection: connection.execute("SELECT 1").fetchall())
        words = "that it can be read says nothing"
        assert "locked" in store.writes.check().output, words
        other.execute("ROLLBACK")
        other.close()
        await eventually(lambda: store.writes.check().status == "pass")


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
async def test_f_h7_nothing_is_acknowledged_into_a_file_that_is_not_on_the_disk(
    database: Path, store: Store, log: Log, suffix: str, how: str
) -> None:
    await log.people("alice", "bob")
    path = database.with_name(database.name + suffix)
    kept = path.with_name("kept")
    path.rename(kept)
    if how == "replaced":
        shutil.copy(kept, path)
    await refused(store, log, path.name)
    assert "restart the service" in store.writes.check().output
    kept.replace(path)  # what is open all the time: nothing has happened
    [stored] = await log.say("alice", "bob", "one")
    assert isinstance(stored, Stored)
    assert store.writes.check().status == "pass"


def moved(database: Path, there: Path, link: Path, to_the_file: bool) -> None:
    there.mkdir()
    database.rename(there / "linkup.db")
    link.symlink_to(there / "linkup.db" if to_the_file else there)


@pytest.mark.parametrize("what", ["the directory", "the link to it", "the link to the file"])
async def test_f_h7_a_way_to_the_file_that_leads_elsewhere_is_noticed(
    database: Path, tmp_path: Path, what: str
) -> None:
    there, link = tmp_path / "there", tmp_path / "link"
    moved(database, there, link, what == "the link to the file")
    path = link if what == "the link to the file" else link / "linkup.db"
    async with opened(there / "linkup.db" if what == "the directory" else path) as store:
        log = Log(store)
        await log.people("alice", "bob")
        if what == "the directory":
            there.rename(tmp_path / "elsewhere")
        else:
            link.unlink()
        await refused(store, log, "link" if path == link else "linkup.db")


async def test_f_h7_a_store_that_was_emptied_is_noticed(
    database: Path, store: Store, log: Log
) -> None:
    await log.people("alice", "bob")
    os.truncate(database, 0)
    await refused(store, log, "linkup.db")


async def test_f_h7_a_log_that_sqlite_itself_empties_is_no_trouble(
    database: Path, store: Store, log: Log
) -> None:
    await log.people("alice", "bob")
    assert await store.between(
        lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    ) == [(0, 0, 0)]
    [stored] = await log.say("alice", "bob", "one")
    assert isinstance(stored, Stored)


async def test_f_h7_a_store_that_was_removed_is_not_made_anew(
    database: Path, store: Store, log: Log
) -> None:
    await log.people("alice", "bob")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):  # which closes the connection: the next one has to open it
        await log.say("alice", "bob", "one")
    other.close()
    os.unlink(database)
    await refused(store, log, "linkup.db")
    assert not os.access(database, os.F_OK)


async def refused(store: Store, log: Log, name: str) -> None:
    with pytest.raises(Unavailable):
        await log.say("alice", "bob", "one")
    assert store.writes.check().status == "fail"
    assert f": {name} " in store.writes.check().output
    await store.writes.ask()
    assert f": {name} " in store.writes.check().output, "asked without traffic it says the same"


async def test_c1_a_full_disk_is_unavailable_and_nothing_is_stored(
    database: Path, store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.people("alice", "bob")

    class Full(WriterConnection):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            self.execute("PRAGMA max_page_count=1")

    await store.close()
    monkeypatch.setattr("services.persistence.store.store.WriterConnection", Full)
    full = log.store = Store(f"sqlite:///{database}", Limits(1, 0.0))
    with pytest.raises(Unavailable):
        await log.say("alice", "bob", *[f"{number} " + "x" * 5000 for number in range(100)])
    assert "full" in full.writes.check().output
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
