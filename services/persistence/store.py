"""Owns persistence's database: how it is opened, checked, read inside a transaction and written.

One connection writes and checkpoints; readers can only read. Errors of the database become
Unavailable here; what else goes wrong in a commit is the batch's own fault and rises as it is.
"""

import asyncio
import fcntl
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
from databases import Database

from services.persistence.decide import (
    Changes,
    Conversation,
    Decision,
    Head,
    Lane,
    Limits,
    Member,
    Message,
    Names,
    State,
    decide,
    names,
)
from shared.commands import Batch
from shared.errors import StartError, Unavailable

T = TypeVar("T")
Row = tuple[Any, ...]

WRITER = "1"  # SQLite has one writer; a log position is (writer, n)
BUSY_TIMEOUT_MS = 1000  # below one request of a lane
CHECKPOINT_PAGES = 4096  # 16 MiB: a page that changed a hundred times is copied back once
LANES_KEPT = 1024
OLDEST_SQLITE = (3, 35, 0)

_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


class WriterConnection(sqlite3.Connection):
    """Every commit is synced (FULL): an ack must survive the power."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=FULL")
        self.execute("PRAGMA fullfsync=1")  # macOS: reach the platter; elsewhere without effect
        self.execute("PRAGMA foreign_keys=1")
        self.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        self.execute("PRAGMA cache_size=-65536")
        self.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")


class ReaderConnection(sqlite3.Connection):
    """Reads a snapshot; never writes, never checkpoints."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute("PRAGMA query_only=1")
        self.execute("PRAGMA wal_autocheckpoint=0")
        self.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


class Held:
    """One connection, held for its life, opened again after it had to be discarded."""

    def __init__(self, url: str, factory: type[sqlite3.Connection]) -> None:
        self._url = url
        self._factory = factory
        self._connection: Any = None
        self._raw: Any = None

    async def open(self) -> None:
        # A Database of its own: databases would share one connection between calls of a task.
        connection = Database(self._url, factory=self._factory).connection()
        await connection.__aenter__()
        self._connection, self._raw = connection, connection.raw_connection

    async def close(self) -> None:
        connection, self._connection, self._raw = self._connection, None, None
        if connection is not None:
            await connection.__aexit__()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do all of that in the driver's thread: one trip for however many statements."""
        if self._raw is None:
            await self.open()
        result: T = await self._raw._execute(work, self._raw._conn)
        return result

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows at once: an open statement would keep the log file from shrinking."""
        return await self.run(lambda connection: connection.execute(sql, parameters).fetchall())


class Store:
    """The writing side. Only the writer task calls it."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._held = Held(url, WriterConnection)
        self._limits = limits
        self._hash_key = b""
        self.epoch = ""
        self.trouble = ""

    async def open(self) -> None:
        await self._check()
        meta = await self._held.run(_prepare)
        self.epoch, self._hash_key = meta["epoch"], bytes.fromhex(meta["hash_key"])

    async def close(self) -> None:
        await self._held.close()

    async def commit(self, batches: Sequence[Batch]) -> Decision:
        """Decide and store the batches in one synced transaction.

        Raises Unavailable when the database cannot take it: nothing is known to be stored. Any
        other exception means that one of these batches cannot be stored at all.
        """
        try:
            decision = await self._held.run(lambda connection: self._transact(connection, batches))
        except BaseException as error:
            await self._discard()
            if _is_the_databases(error):
                self.trouble = str(error)
                raise Unavailable("The store cannot be written right now") from error
            raise
        self.trouble = ""
        return decision

    def _transact(self, connection: sqlite3.Connection, batches: Sequence[Batch]) -> Decision:
        connection.execute("BEGIN IMMEDIATE")
        state = State(time.time_ns() // 1000, self._hash_key, self._limits)
        _read(connection, state, names(batches))
        decision = decide(state, batches)
        _write(connection, decision)
        connection.execute("COMMIT")
        return decision

    async def _check(self) -> None:
        """Refuse a store that would promise more than it keeps."""
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StartError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or later is needed")
        for pragma, wanted in _PRAGMAS.items():
            [(found,)] = await self._held.fetch(f"PRAGMA {pragma}")
            if found != wanted:
                raise StartError(
                    f"the store has {pragma}={found} instead of {wanted}: "
                    "put the data directory on a local file system"
                )

    async def _discard(self) -> None:
        """A connection whose transaction failed is in no state to trust (locks, pages)."""
        try:
            await self._held.close()
        except sqlite3.Error as error:
            self.trouble = str(error)


def _prepare(connection: sqlite3.Connection) -> dict[str, str]:
    """Give a new store its identity, forget lanes of processes long gone, read the identity."""
    connection.execute("BEGIN IMMEDIATE")
    fresh = [("epoch", secrets.token_hex(8)), ("hash_key", secrets.token_hex(32))]
    connection.executemany("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", fresh)
    connection.execute(FORGET_LANES, (LANES_KEPT,))
    connection.execute("COMMIT")
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def _read(connection: sqlite3.Connection, state: State, wanted: Names) -> None:
    """Everything the batches name, and what that names in turn."""
    look_up = partial(_look_up, connection)
    [(state.last_message_id, state.last_n)] = connection.execute(LAST, (WRITER,))
    for lane, number, results in look_up(LANES, wanted.lanes):
        state.lanes[lane] = Lane(number, results)
    for row in look_up(MESSAGES, wanted.messages):
        message = Message(*row)
        state.messages[message.sender_id, message.client_id] = message
    for row in look_up(MESSAGES_BY_ID, wanted.message_ids):
        message = Message(*row)
        state.messages_by_id[message.message_id] = message
        wanted.conversations.add(message.conversation_id)
    for row in look_up(CONVERSATIONS, wanted.conversations):
        wanted.users.add(_add_member(state, row))
    for user_id, head, rate_at in look_up(HEADS, wanted.users):
        state.heads[user_id] = Head(head, rate_at)


def _look_up(connection: sqlite3.Connection, sql: str, keys: Iterable[Any]) -> Iterable[Row]:
    listed = list(keys)
    if not listed:
        return ()
    return connection.execute(sql, (msgspec.json.encode(listed).decode(),))


def _add_member(state: State, row: Row) -> str:
    """A row of CONVERSATIONS is one member's; the member's user id."""
    conversation_id, kind, last_seq, last_message_id, created_at, user_id, *marks = row
    conversation = state.conversations.get(conversation_id)
    if conversation is None:
        conversation = Conversation(kind, last_seq, last_message_id, {}, created_at)
        state.conversations[conversation_id] = conversation
    conversation.members[user_id] = Member(*marks)
    return str(user_id)


def _write(connection: sqlite3.Connection, decision: Decision) -> None:
    state, changes = decision.state, decision.changes
    connection.executemany(PUT_CONVERSATION, _conversation_rows(state, changes))
    connection.executemany(PUT_MEMBER, _member_rows(state, changes))
    connection.executemany(ADD_MESSAGE, _message_rows(changes))
    connection.executemany(ADD_FEED, _feed_rows(state, changes))
    connection.executemany(PUT_HEAD, _head_rows(state, changes))
    connection.executemany(PUT_USER, _user_rows(state, changes))
    connection.executemany(PUT_LANE, _lane_rows(state, changes))


FORGET_LANES = """
DELETE FROM lanes WHERE lane NOT IN (SELECT lane FROM lanes ORDER BY n DESC LIMIT ?1)
"""
LAST = """
SELECT (SELECT coalesce(max(message_id), 0) FROM messages),
       (SELECT coalesce(max(n), 0) FROM feed WHERE writer = ?1)
"""
LANES = """
SELECT l.lane, l.number, l.results FROM json_each(?1) AS j JOIN lanes AS l ON l.lane = j.value
"""
_MESSAGE = (
    "m.message_id, m.conversation_id, m.seq, m.sender_id, m.client_id, m.content_hash, m.created_at"
)
MESSAGES = f"""
SELECT {_MESSAGE} FROM json_each(?1) AS j JOIN messages AS m
  ON m.sender_id = json_extract(j.value, '$[0]') AND m.client_id = json_extract(j.value, '$[1]')
"""  # noqa: S608 - a list of columns
MESSAGES_BY_ID = f"""
SELECT {_MESSAGE} FROM json_each(?1) AS j JOIN messages AS m ON m.message_id = j.value
"""  # noqa: S608 - a list of columns
CONVERSATIONS = """
SELECT c.conversation_id, c.kind, c.last_seq, c.last_message_id, c.created_at,
       b.user_id, b.delivered_seq, b.read_seq
FROM json_each(?1) AS j
JOIN conversations AS c ON c.conversation_id = j.value
JOIN members AS b ON b.conversation_id = c.conversation_id
"""
HEADS = """
SELECT h.user_id, h.head, h.rate_at FROM json_each(?1) AS j JOIN heads AS h ON h.user_id = j.value
"""
PUT_CONVERSATION = """
INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (conversation_id) DO UPDATE SET
  last_seq = excluded.last_seq, last_message_id = excluded.last_message_id,
  updated_at = excluded.updated_at
"""
PUT_MEMBER = """
INSERT INTO members VALUES (?, ?, ?, ?, ?) ON CONFLICT (conversation_id, user_id) DO UPDATE SET
  delivered_seq = excluded.delivered_seq, read_seq = excluded.read_seq,
  updated_at = excluded.updated_at
"""
ADD_MESSAGE = "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
ADD_FEED = "INSERT INTO feed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_HEAD = """
INSERT INTO heads VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET
  head = excluded.head, rate_at = excluded.rate_at
"""
PUT_USER = """
INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET
  name = coalesce(excluded.name, name), email = coalesce(excluded.email, email),
  time_zone = coalesce(excluded.time_zone, time_zone), locale = coalesce(excluded.locale, locale),
  avatar = coalesce(excluded.avatar, avatar), updated_at = excluded.updated_at
"""
PUT_LANE = """
INSERT INTO lanes VALUES (?, ?, ?, ?) ON CONFLICT (lane) DO UPDATE SET
  number = excluded.number, results = excluded.results, n = excluded.n
"""


def _conversation_rows(state: State, changes: Changes) -> Iterable[Row]:
    for conversation_id in changes.conversations:
        c = state.conversations[conversation_id]
        yield conversation_id, c.kind, c.last_seq, c.last_message_id, c.created_at, state.now


def _member_rows(state: State, changes: Changes) -> Iterable[Row]:
    for conversation_id, user_id in changes.members:
        member = state.conversations[conversation_id].members[user_id]
        yield conversation_id, user_id, member.delivered_seq, member.read_seq, state.now


def _message_rows(changes: Changes) -> Iterable[Row]:
    for new in changes.messages:
        m = new.message
        yield (
            m.message_id,
            m.conversation_id,
            m.seq,
            1,
            m.sender_id,
            m.client_id,
            new.content,
            m.content_hash,
            m.created_at,
            m.created_at,
        )


def _feed_rows(state: State, changes: Changes) -> Iterable[Row]:
    for row in changes.feed:
        yield (
            row.user_id,
            row.cursor,
            WRITER,
            row.n,
            row.kind,
            row.message.message.message_id if row.message else None,
            row.conversation_id,
            row.actor_id,
            state.now,
        )


def _lane_rows(state: State, changes: Changes) -> Iterable[Row]:
    for name, lane in changes.lanes.items():
        yield name, lane.number, lane.results, state.last_n


def _head_rows(state: State, changes: Changes) -> Iterable[Row]:
    for user_id in changes.heads:
        head = state.heads[user_id]
        yield user_id, head.head, head.rate_at


def _user_rows(state: State, changes: Changes) -> Iterable[Row]:
    for user in changes.profiles:
        yield (
            user.user_id,
            user.name,
            user.email,
            user.time_zone,
            user.locale,
            user.avatar,
            state.now,
            state.now,
        )


def _is_the_databases(error: BaseException) -> bool:
    """Locked, full, read-only, I/O: not the batch's fault. A constraint or a bad value is."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error,
        sqlite3.IntegrityError
        | sqlite3.DataError
        | sqlite3.ProgrammingError
        | sqlite3.InternalError,
    )


@asynccontextmanager
async def hold(data: Path) -> AsyncIterator[None]:
    """Keep a second persistence off the same store. Raises StartError."""
    path = data / "persistence.lock"
    try:
        lock = await asyncio.to_thread(_open_lock, path)
    except OSError as error:
        raise StartError(f"cannot write to {data}: {error.strerror}; set LINKUP_DATA_DIR") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"another persistence already holds {data}") from None
        yield


def _open_lock(path: Path) -> IO[str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.open("w")
