"""Owns notify's database: the only module here that speaks SQL.

One connection, held for the life of the process, and one transaction at a time on it. What a
transaction decides is a pure function of what it has read; see `ladder`.
"""

import asyncio
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from alembic import command
from alembic.config import Config
from databases import Database, DatabaseURL
from msgspec import Struct
from sqlalchemy import create_engine, pool
from sqlalchemy.exc import DBAPIError

from services.notify import ladder
from services.notify.ladder import Key, Notification, Watch
from shared.commands import LogRow
from shared.errors import SettingError, StartError, Unavailable

logger = logging.getLogger("linkup.notify")

T = TypeVar("T")

NAME = "notify"  # under which the position is kept, here and by persistence
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 1000

LOAD_PROGRESS = "SELECT epoch, positions FROM progress WHERE follower = :follower"
SAVE_PROGRESS = """
    INSERT INTO progress (follower, epoch, positions) VALUES (:follower, :epoch, :positions)
    ON CONFLICT (follower) DO UPDATE SET epoch = excluded.epoch, positions = excluded.positions
"""
LOAD_WATCHES = """
    SELECT w.* FROM json_each(:keys) AS k JOIN watches AS w
    ON w.user_id = json_extract(k.value, '$[0]')
    AND w.conversation_id = json_extract(k.value, '$[1]')
"""
LOAD_GROUPS = """
    SELECT n.* FROM json_each(:keys) AS k JOIN notifications AS n
    ON n.user_id = json_extract(k.value, '$[0]')
    AND n.conversation_id = json_extract(k.value, '$[1]')
    AND n.state IN ('waiting', 'claimed')
"""
# A group whose predecessor is on its way waits until that is settled.
LOAD_DUE = """
    SELECT * FROM notifications AS n WHERE state IN ('waiting', 'claimed') AND due_at <= :now
    AND NOT EXISTS (
        SELECT 1 FROM notifications AS f WHERE f.state IN ('claimed', 'sending')
        AND f.user_id = n.user_id AND f.conversation_id = n.conversation_id
        AND f.notification_id <> n.notification_id
    )
    ORDER BY due_at LIMIT :limit
"""
LOAD_HELD = """
    SELECT * FROM notifications WHERE notification_id = :notification_id AND claims = :claims
    AND state IN ('claimed', 'sending')
"""
LOAD_IN_FLIGHT = "SELECT * FROM notifications WHERE state IN ('claimed', 'sending')"
NEXT_DUE = """
    SELECT min(due_at) AS due_at FROM notifications AS n WHERE state IN ('waiting', 'claimed')
    AND NOT EXISTS (
        SELECT 1 FROM notifications AS f WHERE f.state IN ('claimed', 'sending')
        AND f.user_id = n.user_id AND f.conversation_id = n.conversation_id
        AND f.notification_id <> n.notification_id
    )
"""
TROUBLE = """
    SELECT state, count(*) AS number FROM notifications
    WHERE state IN ('failed', 'unknown') AND closed_at > :since GROUP BY state
"""
SAVE_WATCHES = """
    INSERT INTO watches (user_id, conversation_id, seen_seq, seen_at, read_seq)
    SELECT json_extract(value, '$.user_id'), json_extract(value, '$.conversation_id'),
        json_extract(value, '$.seen_seq'), json_extract(value, '$.seen_at'),
        json_extract(value, '$.read_seq')
    FROM json_each(:rows) WHERE true
    ON CONFLICT (user_id, conversation_id) DO UPDATE SET
        seen_seq = excluded.seen_seq, seen_at = excluded.seen_at, read_seq = excluded.read_seq
"""
# A closed group stays closed, whatever comes: the last line of defence against a second e-mail.
SAVE_NOTIFICATIONS = """
    INSERT INTO notifications (notification_id, user_id, conversation_id, first_seq, last_seq,
        count, state, reason, due_at, claims, attempts, created_at, closed_at)
    SELECT json_extract(value, '$.notification_id'), json_extract(value, '$.user_id'),
        json_extract(value, '$.conversation_id'), json_extract(value, '$.first_seq'),
        json_extract(value, '$.last_seq'), json_extract(value, '$.count'),
        json_extract(value, '$.state'), json_extract(value, '$.reason'),
        json_extract(value, '$.due_at'), json_extract(value, '$.claims'),
        json_extract(value, '$.attempts'), json_extract(value, '$.created_at'),
        json_extract(value, '$.closed_at')
    FROM json_each(:rows) WHERE true
    ON CONFLICT (notification_id) DO UPDATE SET
        first_seq = excluded.first_seq, last_seq = excluded.last_seq, count = excluded.count,
        state = excluded.state, reason = excluded.reason, due_at = excluded.due_at,
        claims = excluded.claims, attempts = excluded.attempts, closed_at = excluded.closed_at
    WHERE notifications.state IN ('waiting', 'claimed', 'sending')
"""


class Progress(Struct, frozen=True):
    """How far the log has been followed. `epoch` is empty before the first page."""

    epoch: str = ""
    positions: dict[str, int] = {}


class SyncedConnection(sqlite3.Connection):
    """What was committed is on the disk, also on macOS."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = FULL")
        self.execute("PRAGMA fullfsync = 1")
        self.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


class Store:
    def __init__(self, url: str) -> None:
        self._database = Database(url, factory=SyncedConnection)
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def progress(self) -> Progress:
        async def work(connection: Any) -> Progress:
            row = await connection.fetch_one(LOAD_PROGRESS, {"follower": NAME})
            if row is None:
                return Progress()
            return Progress(row["epoch"], msgspec.json.decode(row["positions"]))

        return await self._transaction(work)

    async def follow(self, progress: Progress, rows: list[LogRow], now: int, delay: int) -> None:
        """A page of the log and the position after it, together or not at all."""
        concerned = sorted((row for row in rows if ladder.concerns(row)), key=ladder.order)

        async def work(connection: Any) -> None:
            watches = await _watches(connection, {ladder.key(row) for row in concerned})
            for row in concerned:
                key = ladder.key(row)
                watches[key] = ladder.fold(watches[key], row, now, delay)
            await _save(connection, watches.values())
            await connection.execute(
                SAVE_PROGRESS,
                {
                    "follower": NAME,
                    "epoch": progress.epoch,
                    "positions": msgspec.json.encode(progress.positions).decode(),
                },
            )

        await self._transaction(work)

    async def claim(self, now: int, limit: int) -> list[Notification]:
        async def work(connection: Any) -> list[Notification]:
            rows = await connection.fetch_all(LOAD_DUE, {"now": now, "limit": limit})
            claimed = [ladder.claim(_notification(row), now) for row in rows]
            await _save_notifications(connection, claimed)
            return claimed

        return await self._transaction(work)

    async def change(
        self, held: Notification, decide: Callable[[Watch, Notification], Watch]
    ) -> bool:
        """Move on a group that this claim still holds; False when it does not any more."""

        async def work(connection: Any) -> bool:
            row = await connection.fetch_one(
                LOAD_HELD, {"notification_id": held.notification_id, "claims": held.claims}
            )
            if row is None:
                return False
            watches = await _watches(connection, {held.key})
            await _save(connection, [decide(watches[held.key], _notification(row))])
            return True

        return await self._transaction(work)

    async def recover(self, now: int) -> int:
        """Before anything else: what the process before left behind. How many are unknown."""

        async def work(connection: Any) -> int:
            left = [_notification(row) for row in await connection.fetch_all(LOAD_IN_FLIGHT)]
            watches = await _watches(connection, {group.key for group in left})
            await _save(connection, [ladder.recover(watches[g.key], g, now) for g in left])
            return sum(group.state == "sending" for group in left)

        return await self._transaction(work)

    async def next_due(self) -> int | None:
        async def work(connection: Any) -> int | None:
            row = await connection.fetch_one(NEXT_DUE)
            return None if row is None else row["due_at"]

        return await self._transaction(work)

    async def trouble(self, since: int) -> dict[str, int]:
        """How many ended as `failed` and `unknown` since then."""

        async def work(connection: Any) -> dict[str, int]:
            rows = await connection.fetch_all(TROUBLE, {"since": since})
            return {row["state"]: row["number"] for row in rows}

        return await self._transaction(work)

    async def close(self) -> None:
        async with self._turn:
            await self._discard()

    async def _transaction(self, work: Callable[[Any], Awaitable[T]]) -> T:
        # The driver's thread goes on when we are cancelled: so does the transaction, whole.
        return await asyncio.shield(self._run(work))

    async def _run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        async with self._turn:
            done = False
            try:
                connection = self._connection or await self.open()
                await connection.execute("BEGIN IMMEDIATE")
                result = await work(connection)
                await connection.execute("COMMIT")
                done = True
                return result
            except sqlite3.Error as error:
                raise Unavailable(f"notify's database: {error}") from None
            finally:
                if not done:  # closing rolls back; a failed COMMIT leaves nothing to trust
                    await self._discard()

    async def open(self) -> Any:
        """Raises StartError when the file does not sync what it commits."""
        if not self._database.is_connected:
            await self._database.connect()
        connection = self._database.connection()
        await connection.__aenter__()
        self._connection = connection
        journal = await connection.fetch_val("PRAGMA journal_mode")
        synchronous = await connection.fetch_val("PRAGMA synchronous")
        if (journal, synchronous) != ("wal", 2):
            await self._discard()
            raise StartError(f"notify's database runs {journal}, synchronous={synchronous}")
        return connection

    async def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.__aexit__()
        except sqlite3.Error:
            logger.warning("closing a broken database connection failed")


def _notification(row: Any) -> Notification:
    return msgspec.convert(dict(row._mapping), Notification)


async def _watches(connection: Any, keys: Iterable[Key]) -> dict[Key, Watch]:
    watches = {key: Watch(user_id=key[0], conversation_id=key[1]) for key in keys}
    asked = {"keys": msgspec.json.encode(list(watches)).decode()}
    for row in await connection.fetch_all(LOAD_WATCHES, asked):
        watch = msgspec.convert(dict(row._mapping), Watch)
        watches[watch.key] = watch
    for row in await connection.fetch_all(LOAD_GROUPS, asked):
        group = _notification(row)
        held = {"open" if group.state == "waiting" else "claimed": group}
        watches[group.key] = msgspec.structs.replace(watches[group.key], **held)
    return watches


async def _save(connection: Any, watches: Iterable[Watch]) -> None:
    changed = list(watches)
    if not changed:
        return
    marks = [
        {name: getattr(watch, name) for name in Watch.__struct_fields__[:5]} for watch in changed
    ]
    await connection.execute(SAVE_WATCHES, {"rows": msgspec.json.encode(marks).decode()})
    # In this order no group stands where its predecessor still is.
    groups = [group for watch in changed for group in (*watch.closed, watch.claimed, watch.open)]
    await _save_notifications(connection, [group for group in groups if group is not None])


async def _save_notifications(connection: Any, groups: list[Notification]) -> None:
    if groups:
        rows = msgspec.json.encode(groups).decode()
        await connection.execute(SAVE_NOTIFICATIONS, {"rows": rows})


def migrate(url: str) -> None:
    """Bring the schema up to date, on a connection of its own that is closed again."""
    engine = create_engine(url, poolclass=pool.NullPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


@asynccontextmanager
async def alone(file: Path) -> AsyncIterator[None]:
    """Keep a second notify off the same file: two writers are more than SQLite's WAL bears."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(file.name + ".lock").open("w") as lock:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StartError(f"another notify is using {file}; stop it first") from None
        yield


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """The store, with its schema up to date. Raises SettingError, StartError."""
    if DatabaseURL(url).dialect != "sqlite":
        raise SettingError("LINKUP_NOTIFY_DATABASE_URL: this release keeps notify in SQLite")
    async with alone(Path(DatabaseURL(url).database)):
        store = Store(url)
        try:
            await _prepare(store, url)
            yield store
        finally:
            await store.close()


async def _prepare(store: Store, url: str) -> None:
    try:
        await asyncio.to_thread(migrate, url)
        await store.open()
    except (DBAPIError, sqlite3.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StartError(f"cannot open notify's database {url}: {reason}") from None
