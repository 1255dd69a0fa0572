"""Owns the transaction: read, decide, write and commit, in one call of the driver's thread.

Errors of the database become Unavailable here; what else goes wrong in a commit is a batch's own
fault and rises as it is.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from services.persistence.decide.batch import decide
from services.persistence.decide.changes import Decision, Erased
from services.persistence.decide.readset import ReadSet, read_set
from services.persistence.decide.state import (
    Attachment,
    Conversation,
    Fence,
    Head,
    Limits,
    Member,
    Message,
    Reaction,
    Report,
    State,
    Ticket,
)
from services.persistence.store import index, names, rows, statements
from services.persistence.store.connections import (
    ReaderConnection,
    Row,
    WriterConnection,
    transaction,
)
from services.persistence.store.standing import standing
from shared import clock, commands
from shared.commands import Batch, Results
from shared.errors import StartError, Unavailable
from shared.files import Displaced, Files
from shared.health.probe import Probe
from shared.health.records import record
from shared.settings.addresses import path_of
from shared.sqlite.held import Held

T = TypeVar("T")

REMEDY = "check the disk and who else holds the file"
LANES_KEPT = 1024
DUE_AT_ONCE = 200  # attachments condemned by one command
OLDEST_SQLITE = (3, 35, 0)
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


class Store:
    """The writing side: one transaction at a time, the writer's or a little of somebody else's."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._path = Path(path_of(url))
        self._held = Held(url, WriterConnection)
        self._anchor = Held(url, ReaderConnection)  # while it is open, SQLite keeps the files
        self._files: Files | None = None
        self._turn = asyncio.Lock()
        self._limits = limits
        self._hash_key = b""
        self.epoch = ""
        self.writes = Probe(
            "writing to the store", self.touch, remedy=REMEDY, category="persistence_error"
        )
        self.grown = asyncio.Event()  # set with each message stored
        self.erased = asyncio.Event()  # set with each message wiped
        self.erasing = asyncio.Event()  # set with each user to erase

    async def open(self) -> None:
        await self._check()
        meta = await self._held.run(_prepare)
        self.epoch, self._hash_key = meta["epoch"], bytes.fromhex(meta["hash_key"])
        await self._anchor.fetch("SELECT 1 FROM meta")
        self._files = await self._anchor.run(lambda _: Files(self._path))
        self._held.guard = self.guard
        self.writes.proved()

    async def close(self) -> None:
        await self._anchor.close()
        await self._held.close()

    def guard(self) -> None:
        """Raises Displaced when the files on the disk are not those that are open."""
        if self._files is not None:
            self._files.check()

    async def commit(self, batches: Sequence[Batch]) -> Decision:
        """Decide and store the batches in one synced transaction.

        Raises Unavailable when the database cannot take it: nothing is known to be stored. Any
        other exception means that one of these batches cannot be stored at all.
        """
        decision = await self.between(lambda connection: self._transact(connection, batches))
        self.writes.proved()
        if decision.changes.messages:
            self.grown.set()
        if any(isinstance(revision, Erased) for revision in decision.changes.revisions):
            self.erased.set()
        if decision.changes.erased:
            self.erasing.set()
        return decision

    async def between(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do that when no transaction runs. It has to be quick: messages wait. Raises as commit."""
        async with self._turn:
            try:
                result = await self._held.run(lambda connection: self._guarded(connection, work))
            except Displaced as error:  # the connection is kept: it has what is nowhere else
                raise self._unavailable(error) from error
            except BaseException as error:
                await self._discard()
                if _is_the_databases(error):
                    raise self._unavailable(error) from error
                raise
            return result

    async def touch(self) -> None:
        """Find out whether it can be written, by a transaction that changes nothing. Raises as
        commit."""
        await self.between(_touch)

    def _guarded(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        self.guard()
        return work(connection)

    def _unavailable(self, error: BaseException) -> Unavailable:
        record("persistence_error", "nothing can be stored: {reason}", reason=str(error))
        self.writes.failed(str(error))
        return Unavailable("The store cannot be written")

    async def fence(self, lane: str, number: int, results: Results) -> None:
        """Remember what a batch was answered that was run apart. Raises Unavailable."""
        row = (lane, number, commands.encode(results))
        fence = statements.FENCE_LANE
        await self.between(lambda connection: connection.execute(fence, row).fetchall())

    async def index(self, messages: int, characters: int) -> bool:
        """Index the next few messages; whether there are more. Raises sqlite3.Error."""
        async with self._turn:
            return await self._held.run(
                lambda connection: _index(connection, self._hash_key, messages, characters)
            )

    def _transact(self, connection: sqlite3.Connection, batches: Sequence[Batch]) -> Decision:
        connection.execute("BEGIN IMMEDIATE")
        state = State(clock.now(), self._hash_key, self._limits)
        _read(connection, state, read_set(batches))
        decision = decide(state, batches)
        _write(connection, decision)
        connection.execute("COMMIT")
        return decision

    async def _check(self) -> None:
        """Refuse a store that would promise more than it keeps."""
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StartError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or later is needed")
        for pragma, wanted in PRAGMAS.items():
            [(found,)] = await self._held.fetch(f"PRAGMA {pragma}")
            if found != wanted:
                raise StartError(
                    f"the store has {pragma}={found} instead of {wanted}: "
                    "put the data directory on a local file system"
                )

    async def _discard(self) -> None:
        """Close a connection whose transaction failed: it is in no state to trust (locks,
        pages)."""
        try:
            await self._held.close()
        except sqlite3.Error as error:
            self.writes.failed(str(error))


def _prepare(connection: sqlite3.Connection) -> dict[str, str]:
    """Give a new store its identity, forget lanes of processes long gone, read the identity."""
    made = {"epoch": 8, "hash_key": 32, "link_key": 32}
    fresh = [(name, secrets.token_hex(size)) for name, size in made.items()]
    with transaction(connection):
        connection.executemany("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", fresh)
        connection.execute(statements.FORGET_LANES, (LANES_KEPT,))
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def _touch(connection: sqlite3.Connection) -> None:
    """Write a row as it is, which takes the lock, room in the log, and a sync."""
    with transaction(connection):
        connection.execute("UPDATE meta SET value = value WHERE key = 'epoch'")


def _read(connection: sqlite3.Connection, state: State, wanted: ReadSet) -> None:
    """Read everything the batches name, and what that names in turn."""
    look_up = partial(_look_up, connection)
    [(state.last_message_id, state.last_n)] = connection.execute(statements.LAST)
    for lane, number, results in look_up(statements.LANES, wanted.lanes):
        state.fences[lane] = Fence(number, results)
    for row in look_up(statements.MESSAGES, wanted.messages):
        message = Message(*row)
        state.messages[message.sender_id, message.client_id] = message
    for row in look_up(statements.MESSAGES_BY_ID, wanted.message_ids):
        message = Message(*row)
        state.messages_by_id[message.message_id] = message
        wanted.conversations.add(message.conversation_id)
    state.hidden.update(look_up(statements.HIDDEN, wanted.message_ids))
    for message_id, *who, number, removed in look_up(statements.REACTIONS, wanted.reacted):
        reactions = state.reactions.setdefault(message_id, {})
        reactions[tuple(who)] = Reaction(number, bool(removed))
    _read_attachments(connection, state, wanted)
    for row in look_up(statements.CONVERSATIONS, wanted.conversations):
        wanted.users.update(_add_member(state, row))
    _read_blocks(connection, state, wanted)
    _read_contacts(connection, state, wanted)
    for user_id, head, rate_at, erased in look_up(statements.HEADS, wanted.users):
        state.heads[user_id] = Head(head, rate_at, bool(erased))
    _read_tokens(connection, state, wanted)


def _read_attachments(connection: sqlite3.Connection, state: State, wanted: ReadSet) -> None:
    found = list(_look_up(connection, statements.ATTACHMENTS, wanted.attachments))
    if wanted.condemning:
        due = (state.unsent_before, DUE_AT_ONCE)
        found += connection.execute(statements.DUE_ATTACHMENTS, due).fetchall()
    for row in found:
        state.attachments[row[0]] = Attachment(*row)
    state.unsent.update(_look_up(connection, statements.UNSENT, wanted.uploaders))


def _read_blocks(connection: sqlite3.Connection, state: State, wanted: ReadSet) -> None:
    """Read blocks and reports. A conversation that was read tells whether its members block."""
    apart = [pair[:2] for pair in wanted.pairs if pair[2] not in state.conversations]
    state.blocks.update(_look_up(connection, statements.BLOCKS, apart))
    found = _look_up(connection, statements.REPORTS, wanted.reports)
    state.reports.update((row[0], Report(*row)) for row in found)


def _read_tokens(connection: sqlite3.Connection, state: State, wanted: ReadSet) -> None:
    """Read the tickets, and the tokens that are refused."""
    for ticket_hash, *ticket in _look_up(connection, statements.TICKETS, wanted.tickets):
        state.tickets[ticket_hash] = Ticket(*ticket)
    for user_id, *stands in _look_up(connection, statements.STANDINGS, wanted.standings):
        state.standings[user_id] = standing(stands)


def _read_contacts(connection: sqlite3.Connection, state: State, wanted: ReadSet) -> None:
    """Read the contacts among the pairs that may write to each other, if contacts are listed."""
    if not state.limits.contacts_only:
        return
    direct = (c.members for c in state.conversations.values() if c.kind == "direct")
    pairs = {pair for members in direct for pair in permutations(members, 2)}
    pairs.update(pair[:2] for pair in wanted.pairs)
    state.contacts.update(_look_up(connection, statements.CONTACTS, pairs))


def _look_up(connection: sqlite3.Connection, sql: str, keys: Iterable[Any]) -> Iterable[Row]:
    listed = list(keys)
    if not listed:
        return ()
    return connection.execute(sql, (msgspec.json.encode(listed).decode(),))


def _add_member(state: State, row: Row) -> tuple[str, ...]:
    """Add the member in a row of statements.CONVERSATIONS, and return who it is. A row may also say
    that nobody is left."""
    (conversation_id, kind, last_seq, last_message_id, created_at), more = row[:5], row[5:10]
    conversation = state.conversations.get(conversation_id)
    if conversation is None:
        conversation = Conversation(kind, last_seq, last_message_id, {}, created_at, *more)
        state.conversations[conversation_id] = conversation
    user_id, delivered_seq, read_seq, cleared_seq, archived, muted, *rest = row[10:]
    if user_id is None:
        return ()
    marks = (delivered_seq, read_seq, cleared_seq)
    conversation.members[user_id] = Member(*marks, bool(archived), bool(muted), *rest)
    return (user_id,)


def _index(connection: sqlite3.Connection, secret: bytes, messages: int, characters: int) -> bool:
    """Index on the writer's connection, so that neither ever waits for the other's lock."""
    with transaction(connection):
        return index.catch_up(connection, secret, messages, characters)


def _write(connection: sqlite3.Connection, decision: Decision) -> None:
    state, changes = decision.state, decision.changes
    put = partial(_put, connection)
    revised = index.revised(changes)
    put(statements.PUT_CONVERSATION, rows.conversation_rows(state, changes))
    put(statements.PUT_MEMBER, rows.member_rows(state, changes))
    put(statements.BRING_UP_MEMBER, rows.brought_up_rows(state, changes))
    put(statements.DELETE_MEMBER, rows.parted_rows(state, changes))
    put(statements.ADD_GROUP_CHANGE, rows.group_change_rows(state, changes))
    put(statements.ADD_MESSAGE, rows.message_rows(changes))
    index.forget(connection, state.hash_key, revised)
    put(statements.PUT_ATTACHMENT, rows.attachment_rows(state, changes))
    put(statements.FORGET_ATTACHMENT, rows.forgotten_rows(state, changes))
    for sql, row in rows.revision_rows(state, changes):
        connection.execute(sql, row)
    index.learn(connection, state.hash_key, revised)
    put(statements.ADD_SAID, rows.said_rows(state, changes))
    put(statements.ADD_FEED, rows.feed_rows(state, changes))
    put(statements.ADD_OWN_RECEIPT, rows.own_receipt_rows(state, changes))
    put(statements.PUT_HEAD, rows.head_rows(state, changes))
    put(statements.PUT_USER, rows.user_rows(state, changes))
    if changes.profiles:
        names.learn(connection, (user.user_id for user in changes.profiles))
    for sql, row in rows.block_rows(state, changes):
        connection.execute(sql, row)
    for sql, row in rows.contact_rows(state, changes):
        connection.execute(sql, row)
    put(statements.ADD_REPORT, rows.report_rows(changes))
    put(statements.ADD_AUDITED, rows.audited_rows(state, changes))
    put(statements.PRUNE_AUDIT_LOG, rows.outdated_rows(state, changes))
    put(statements.NUMBER_REPORT, rows.report_number_rows(changes))
    for sql, row in rows.ticket_rows(state, changes):
        connection.execute(sql, row)
    for sql, row in rows.standing_rows(state, changes):
        connection.execute(sql, row)
    put(statements.TOUCH_USER, rows.seen_rows(changes))
    for sql, row in rows.erasure_rows(state, changes):
        connection.execute(sql, row)
    put(statements.PUT_LANE, rows.fence_rows(state, changes))


def _put(connection: sqlite3.Connection, sql: str, parameters: Iterable[Row]) -> None:
    """Write rows, if there are any: few statements have anything to write, and one that has not is
    not free either."""
    listed = list(parameters)
    if listed:
        connection.executemany(sql, listed)


def _is_the_databases(error: BaseException) -> bool:
    """Return whether an error is the database's (locked, full, read-only, I/O) and not the batch's
    fault, as a constraint or a bad value is."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error,
        sqlite3.IntegrityError
        | sqlite3.DataError
        | sqlite3.ProgrammingError
        | sqlite3.InternalError,
    )
