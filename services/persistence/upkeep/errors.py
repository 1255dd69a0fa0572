"""Owns the stored error records: merging, deleting old ones, and resolving.

It writes in transactions of its own, and only while the store is known to work: an error of the
store stays in memory until then.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from services.persistence.queries.errors import COLUMNS, record_of
from services.persistence.store.connections import transaction
from services.persistence.store.store import Store
from services.persistence.upkeep.requests import Requests
from shared import clock, commands
from shared.bus import Bus, Delivery
from shared.commands import ErrorPageAnswer, Errors, ResolveError
from shared.errors import NotFound, Unavailable
from shared.health.records import KEPT, record
from shared.health.taxonomy import Record

EVERY = 1.0  # seconds between two transactions
AGAIN = 5.0  # seconds, after the store did not take it
MAX_WAITING = 5 * KEPT  # records
MAX_ROWS = 10_000  # stored
LONGEST_NOTES = 2000  # characters

MERGE = f"""
INSERT INTO errors ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,NULL,'')
ON CONFLICT (error_id) DO UPDATE SET
  message = excluded.message, context = excluded.context, user_id = excluded.user_id,
  trace = excluded.trace, count = count + excluded.count,
  occurred_at = max(occurred_at, excluded.occurred_at),
  resolved_at = CASE WHEN excluded.occurred_at > resolved_at THEN NULL ELSE resolved_at END
"""  # noqa: S608 - a list of columns
PRUNE = "DELETE FROM errors WHERE occurred_at < ?"
BOUND = """
DELETE FROM errors WHERE (occurred_at, error_id) <
  (SELECT occurred_at, error_id FROM errors ORDER BY occurred_at DESC, error_id DESC
   LIMIT 1 OFFSET ?)
"""
RESOLVE = f"""
UPDATE errors SET resolved_at = coalesce(resolved_at, ?2), notes = ?3 WHERE error_id = ?1
RETURNING {COLUMNS}
"""  # noqa: S608 - a list of columns


class StoredErrors:
    """The errors of all services in the store. `keep` is the number of seconds for which an error
    is kept after its last occurrence, 0 for ever."""

    def __init__(
        self, store: Store, bus: Bus, keep: float, now: Callable[[], int] = clock.now
    ) -> None:
        self._store = store
        self._keep = int(keep * clock.SECOND)
        self._now = now
        self._waiting: dict[str, Record] = {}
        self.requests = Requests(bus, self._resolved)
        self._news = asyncio.Event()

    def accept(self, delivery: Delivery) -> None:
        """Take in records of another service."""
        try:
            self._add(commands.decode(delivery.payload, Errors).records)
        except msgspec.MsgspecError:
            record("routing_error", "records of errors cannot be decoded")

    async def tell(self, records: list[Record]) -> None:
        """Take in our own records."""
        self._add(records)

    async def run(self) -> None:
        """Store records until cancelled, beginning by deleting those that are too old."""
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            stored = await self._write()
            if not stored:
                self._news.set()
            await asyncio.sleep(EVERY if stored else AGAIN)

    async def _write(self) -> bool:
        if self._store.writes.check().status != "pass":
            return False
        records, self._waiting = list(self._waiting.values()), {}
        before = self._now() - self._keep if self._keep else 0
        try:
            await self._store.between(lambda connection: _write(connection, records, before))
        except Unavailable:
            self._add(records)
            return False
        return True

    async def _resolved(self, payload: bytes) -> ErrorPageAnswer:
        asked = commands.decode(payload, ResolveError)
        notes, now = asked.notes[:LONGEST_NOTES], self._now()
        row = await self._store.between(lambda c: _resolve(c, asked.error_id, now, notes))
        if row is None:
            raise NotFound("There is no error with this id")
        return ErrorPageAnswer(records=[row])

    def _add(self, records: Iterable[Record]) -> None:
        for one in records:
            known = self._waiting.get(one.id)
            if known is not None:
                one = merged(known, one)
            elif len(self._waiting) >= MAX_WAITING:
                continue  # its service still has it in memory
            self._waiting[one.id] = one
        self._news.set()


def merged(known: Record, more: Record) -> Record:
    """Return both as one; what it says is of the later."""
    later = max(known, more, key=lambda one: one.occurred_at)
    first_at = min(known.first_at, more.first_at)
    return replace(later, count=known.count + more.count, first_at=first_at)


def _write(connection: sqlite3.Connection, records: Iterable[Record], before: int) -> None:
    with transaction(connection):
        connection.executemany(MERGE, map(_row, records))
        connection.execute(PRUNE, (before,))
        connection.execute(BOUND, (MAX_ROWS - 1,))


def _row(one: Record) -> tuple[object, ...]:
    context = msgspec.json.encode(one.context).decode()
    said = (one.id, one.category, one.severity, one.service, one.message, context)
    return (*said, one.user, one.trace, one.first_at, one.occurred_at, one.count)


def _resolve(connection: sqlite3.Connection, error_id: str, now: int, notes: str) -> Record | None:
    with transaction(connection):
        rows = connection.execute(RESOLVE, (error_id, now, notes)).fetchall()
    return record_of(rows[0]) if rows else None
