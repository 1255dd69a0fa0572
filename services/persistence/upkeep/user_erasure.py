"""Owns erasing users: deletes what is stored of them, in steps that no message waits for.

Whatever was deleted is not found by the next step, so a process that dies in between is no matter:
the next one goes on. What others are told of is decided in transactions (`decide/erasure.py`); what
nobody is told of is deleted by the statements of UNTOLD.
"""

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from services.persistence.queries.followers import Followers
from services.persistence.queries.log import ENDS, WRITER
from services.persistence.store.connections import Row, transaction
from services.persistence.store.store import Store
from services.persistence.upkeep.retention import LEAST_REST, REST, STEP_ROWS, adapted
from shared.chunks import chunks
from shared.commands import Batch, Command, EraseTraces, FinishErasure
from shared.errors import Unavailable
from shared.files import Displaced
from shared.health.defects import unexpected
from shared.reserved import SYSTEM
from shared.sqlite.held import Held
from shared.sqlite.overwriting import empty_the_log, write_anew
from shared.subjects import direct_conversation_id

logger = logging.getLogger("linkup.persistence.user_erasure")

T = TypeVar("T")

AGAIN = 5.0  # seconds, after the store did not take it
WALKED = 4096  # rows that are looked at together, of a table that has no index by user

PENDING = "SELECT user_id FROM erasures WHERE finished_at IS NULL ORDER BY asked_at"
CONVERSATIONS = """
SELECT b.conversation_id FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
WHERE b.user_id = ?1 AND (c.kind = 'group' OR NOT b.blocked) LIMIT ?2
"""
# Those that are wiped have a client id that begins with a space, which comes before all others.
MESSAGES = """
SELECT message_id FROM messages WHERE sender_id = ?1 AND client_id >= '!'
ORDER BY client_id LIMIT ?2
"""
UPLOADS = """
SELECT attachment_id FROM attachments
WHERE owner_id = ?1 AND state IN ('reserved', 'uploaded') LIMIT ?2
"""
OF_SYSTEM = f"""
SELECT message_id FROM messages
WHERE conversation_id = ?1 AND sender_id = '{SYSTEM}' AND client_id >= '!' LIMIT ?2
"""  # noqa: S608 - a constant
REACTIONS = """
SELECT message_id, number, CASE WHEN user_id = ?1 AND NOT removed THEN emoji END
FROM reactions WHERE (message_id, number) > (?2, ?3) ORDER BY message_id, number LIMIT ?4
"""
HIDDEN = """
SELECT message_id, user_id, user_id = ?1 FROM hidden WHERE (message_id, user_id) > (?2, ?3)
ORDER BY message_id, user_id LIMIT ?4
"""
SHOW_AGAIN = "DELETE FROM hidden WHERE message_id = ?1 AND user_id = ?2"
# A row that a follower has not read yet is pruned with the feed, as is the newest one.
FORGET_FEED = """
DELETE FROM feed WHERE n IN (
  SELECT n FROM feed WHERE user_id = ?1 ORDER BY cursor LIMIT ?2) AND n <= ?3
"""
# Of a report, who reported whom and why stays for the operator, without words of anybody.
UNTOLD = (
    "DELETE FROM tickets WHERE user_id = ?1",
    "DELETE FROM blocks WHERE user_id = ?1",
    """
DELETE FROM contacts WHERE contact_id = ?1
  AND user_id IN (SELECT contact_id FROM contacts WHERE user_id = ?1)
""",
    "DELETE FROM contacts WHERE user_id = ?1",
    """
UPDATE reports SET comment = '', request_hash = x'' WHERE reporter_id = ?1 OR user_id = ?1
""",
    "DELETE FROM errors WHERE user_id = ?1",
)


class UserErasure:
    """Erases users step by step. `write` stores a batch, and tells those concerned."""

    def __init__(
        self,
        store: Store,
        write: Callable[[Batch], Awaitable[None]],
        reader: Held,
        followers: Followers,
    ) -> None:
        self._store = store
        self._write = write
        self._reader = reader
        self._followers = followers
        self._lane = f"erasure-{secrets.token_hex(8)}"
        self._number = 0
        self._limit = STEP_ROWS[0]

    async def run(self) -> None:
        """Erase users until cancelled, beginning with those that an earlier process has left."""
        asked = self._store.erasing
        asked.set()
        try:
            while True:
                await asked.wait()
                asked.clear()
                if not await self._succeeds():
                    asked.set()
                    await asyncio.sleep(AGAIN)
        finally:
            await self._reader.close()

    async def _succeeds(self) -> bool:
        try:
            await self.erase()
        except (Unavailable, sqlite3.Error, Displaced) as error:
            logger.warning("users are not erased yet: %s", error.__cause__ or error)
            await self._reader.close()
        except Exception as error:
            unexpected(error, "a user is not erased")
            logger.exception("users are not erased")  # which is no reason to stop serving
        else:
            return True
        return False

    async def erase(self) -> None:
        """Erase all users who wait for it. Raises Unavailable, sqlite3.Error and Displaced."""
        users = [user_id for (user_id,) in await self._reader.fetch(PENDING)]
        for user_id in users:
            await self._forget(user_id)
        if users:
            await self._clean()
        for user_id in users:
            await self._carry(FinishErasure(user_id=user_id))
            logger.info("a user is erased", extra={"user_id": user_id})

    async def _clean(self) -> None:
        """Overwrite what is left in the files. Wait for whoever reads, as a backup does."""
        if not await self._store.between(write_anew):
            logger.warning("the store cannot be written anew after an erasure; see docs/privacy.md")
        is_empty = False
        while not is_empty:
            is_empty = await self._store.between(empty_the_log)
            await asyncio.sleep(0 if is_empty else AGAIN)

    async def _forget(self, user_id: str) -> None:
        await self._tell(user_id)
        for sql in UNTOLD:
            await self._put(sql, [(user_id,)])
        async for rows in self._walk(HIDDEN, user_id):
            await self._put(SHOW_AGAIN, [row[:2] for row in rows])
        while await self._paced(self._store.between(partial(self._forget_feed, user_id))):
            pass

    async def _tell(self, user_id: str) -> None:
        """Delete what others see, and let them know."""
        for (sql, key), name in told(user_id).items():
            before: list[Row] = []
            while rows := await self._reader.fetch(sql, (key, self._limit)):
                if rows[0] in before:
                    raise RuntimeError(f"{name} of an erased user stay")  # a defect of ours
                found = {name: [one for (one,) in rows]}
                await self._paced(self._carry(EraseTraces(user_id=user_id, **found)))
                before = rows
        async for rows in self._walk(REACTIONS, user_id):
            for some in chunks(rows, self._limit):
                own = [(message_id, emoji) for message_id, _, emoji in some]
                await self._paced(self._carry(EraseTraces(user_id=user_id, reactions=own)))

    async def _walk(self, sql: str, user_id: str) -> AsyncIterator[list[Row]]:
        """Yield the user's rows of each page of a table in which only a look at all finds them."""
        place: Row = (0, 0)
        while rows := await self._reader.fetch(sql, (user_id, *place, WALKED)):
            place = rows[-1][:2]
            if own := [row for row in rows if row[2]]:
                yield own
            await asyncio.sleep(LEAST_REST)

    def _forget_feed(self, user_id: str, connection: sqlite3.Connection) -> int:
        [(_, last)] = connection.execute(ENDS)
        read = self._followers.slowest(WRITER)
        bound = last - 1 if read is None else min(read, last - 1)
        return connection.execute(FORGET_FEED, (user_id, self._limit, bound)).rowcount

    async def _put(self, sql: str, rows: Iterable[Row]) -> None:
        """Run a statement for all rows in one transaction."""

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.executemany(sql, rows)

        await self._paced(self._store.between(work))

    async def _carry(self, command: Command) -> None:
        self._number += 1
        await self._write(Batch(lane=self._lane, number=self._number, commands=[command]))

    async def _paced(self, work: Awaitable[T]) -> T:
        """Wait for a step, and rest: messages come first."""
        began = time.monotonic()
        done = await work
        took = time.monotonic() - began
        self._limit = adapted(self._limit, took)
        await asyncio.sleep(max(LEAST_REST, REST * took))
        return done


def told(user_id: str) -> dict[tuple[str, str], str]:
    """Return statements with their first parameter, and the field of EraseTraces that takes what
    they find."""
    return {
        (CONVERSATIONS, user_id): "conversation_ids",
        (MESSAGES, user_id): "message_ids",
        (OF_SYSTEM, direct_conversation_id(user_id, SYSTEM)): "message_ids",
        (UPLOADS, user_id): "attachment_ids",
    }
