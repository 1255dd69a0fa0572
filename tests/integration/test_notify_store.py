"""notify's database: what is committed is on the disk, and what fails leaves nothing behind."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from services.notify import database as module
from services.notify.ladder.delivery import LEASE, Outcome
from services.notify.migrate import MIGRATIONS
from services.notify.store.store import Progress, Store, open_store
from shared.clock import SECOND
from shared.commands import LogRow
from shared.errors import NotFound, StartError, Unavailable
from tests.integration.notify_support import WAITS, rows, settle, states
from tests.support.postgres import postgres_server

NOW = 1_700_000_000 * SECOND


def message(n: int, user_id: str = "bob") -> LogRow:
    return LogRow("w", n, user_id, "message", "c", n, n, "ann", NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notify.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{file}") as store:
        yield store


async def test_a_page_and_its_position_are_one_transaction(store: Store, file: Path) -> None:
    page = Progress("e1", {"w": 2})
    await store.follow(page, [message(1), message(2)], NOW, WAITS)
    assert await store.progress() == page
    assert [(row["last_seq"], row["count"]) for row in rows(file)] == [(2, 2)]


async def test_a_failed_commit_leaves_nothing_and_the_store_goes_on(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = store._transactions._held  # noqa: SLF001
    before = held._connection  # noqa: SLF001
    with broken_commits(monkeypatch), pytest.raises(Unavailable, match="disk I/O error"):
        await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    assert await store.progress() == Progress()
    await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    assert held._connection is not before  # noqa: SLF001
    assert states(file) == ["waiting"]


@contextmanager
def broken_commits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def execute(self: sqlite3.Connection, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return sqlite3.Connection.execute(self, sql, *values)

    with monkeypatch.context() as patch:
        patch.setattr(module.SyncedConnection, "execute", execute, raising=False)
        yield


async def test_a_foreign_lock_is_unavailable_and_passes(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
        other.execute("ROLLBACK")
    await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    assert states(file) == ["waiting"]


async def test_a_cancelled_caller_does_not_break_the_transaction(store: Store, file: Path) -> None:
    many = [message(n, f"user{n}") for n in range(1, 500)]
    task = asyncio.create_task(store.follow(Progress("e1", {"w": 499}), many, NOW, WAITS))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.progress() == Progress("e1", {"w": 499})
    assert len(states(file)) == 499


async def test_what_waits_at_the_same_time_is_committed_together(store: Store, file: Path) -> None:
    said: list[str] = []
    await store.between(lambda raw: raw.set_trace_callback(said.append))
    pages = (
        store.follow(Progress("e1", {"w": n}), [message(n, f"user{n}")], NOW, WAITS)
        for n in range(1, 11)
    )
    await asyncio.gather(*pages)
    assert len(rows(file)) == 10
    assert said.count("COMMIT") == 3  # of the callback, of whoever came first, of all others


async def test_a_piece_that_fails_is_undone_alone(store: Store, file: Path) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE deliveries SET reason = 'half done'")
        raise NotFound("there is no such thing")

    await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    found = await asyncio.gather(
        store.claim("email", NOW, 1),
        store.between(fails),
        store.follow(Progress("e1", {"w": 2}), [message(2, "cy")], NOW, WAITS),
        return_exceptions=True,
    )
    assert isinstance(found[1], NotFound)
    assert [(row["state"], row["reason"]) for row in rows(file)] == [
        ("claimed", ""),
        ("waiting", ""),
    ]


async def test_a_commit_that_fails_fails_for_all_who_waited_for_it(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = (
        store.follow(Progress("e1", {"w": n}), [message(n, f"user{n}")], NOW, WAITS)
        for n in range(1, 4)
    )
    with broken_commits(monkeypatch):
        found = await asyncio.gather(*pages, return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable] * 3
    assert rows(file) == []


async def test_c8_a_claim_that_was_taken_over_cannot_begin(store: Store, file: Path) -> None:
    await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    (late,) = await store.claim("email", NOW, 4)
    assert await store.claim("email", NOW, 4) == []
    (new,) = await store.claim("email", NOW + LEASE, 4)
    assert not await settle(store, late, Outcome("withdrawn"), NOW)
    assert await settle(store, new, Outcome("withdrawn"), NOW)
    assert rows(file)[0]["claims"] == 2


async def test_c8_a_closed_group_stays_closed(store: Store, file: Path) -> None:
    """Also when everything that was known of the conversation is lost."""
    await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    (group,) = await store.claim("email", NOW, 4)
    await settle(store, group, Outcome("sent"), NOW)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("DELETE FROM watches")
    await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    assert states(file) == ["sent"]


async def test_only_one_attempt_at_a_time_for_a_conversation(store: Store) -> None:
    await store.follow(Progress("e1", {"w": 1}), [message(1)], NOW, WAITS)
    (first,) = await store.claim("email", NOW, 4)
    await store.follow(Progress("e1", {"w": 2}), [message(2)], NOW, WAITS)
    assert await store.claim("email", NOW, 4) == []
    assert (await store.outlook("email", NOW)).due_at == NOW + LEASE
    await settle(store, first, Outcome("sent"), NOW)
    assert [group.first_seq for group in await store.claim("email", NOW, 4)] == [2]


async def test_trouble_is_counted_since_a_time(store: Store) -> None:
    await store.follow(Progress("e1", {"w": 1}), [message(1), message(2, "eve")], NOW, WAITS)
    for group, kind in zip(await store.claim("email", NOW, 4), ("unknown", "failed"), strict=True):
        await settle(store, group, Outcome(kind), NOW)  # type: ignore[arg-type]
    assert (await store.outlook("email", NOW - 1)).trouble == {"unknown": 1, "failed": 1}
    assert (await store.outlook("email", NOW)).trouble == {}


async def test_it_refuses_to_start_when_commits_are_not_synced(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless(module.SyncedConnection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.execute("PRAGMA synchronous = NORMAL")

    monkeypatch.setattr(module, "SyncedConnection", Careless)
    with pytest.raises(StartError, match="synchronous=1"):
        async with open_store(f"sqlite:///{file}"):
            pass


@pytest.fixture
def broken(file: Path) -> Path:
    file.write_bytes(b"not a database at all" * 100)
    return file


async def test_f_s22_a_directory_that_cannot_be_made_is_named(broken: Path) -> None:
    with pytest.raises(StartError, match=r"cannot write to .*LINKUP_NOTIFY_DATABASE_URL"):
        async with open_store(f"sqlite:///{broken / 'notify.db'}"):
            pass


async def test_a_file_that_is_no_database_is_named(broken: Path) -> None:
    with pytest.raises(StartError, match="not a database"):
        async with open_store(f"sqlite:///{broken}"):
            pass


@pytest.fixture
def postgresql() -> Iterator[str]:
    with postgres_server() as server:
        yield server.get_uri()


async def test_the_schema_is_the_same_on_postgresql(postgresql: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    def up_and_down(connection: Any) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        command.downgrade(config, "base")
        command.upgrade(config, "head")

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda *_, **__: asyncpg.connect(postgresql)
    )
    async with engine.begin() as connection:
        await connection.run_sync(up_and_down)
    await engine.dispose()
