"""Owns the deletion of canary messages: all but the latest, as a prefix of their conversation and
of the two feeds, so that no number in between is missing.
"""

import asyncio
import logging
import sqlite3

from services.persistence.queries.followers import Followers
from services.persistence.queries.log import WRITER
from services.persistence.store import index
from services.persistence.store.connections import transaction
from services.persistence.store.store import Store
from shared.errors import Unavailable
from shared.reserved import CANARIES
from shared.subjects import direct_conversation_id

logger = logging.getLogger("linkup.persistence.canary")

PAUSE = 60.0  # seconds
KEPT = 10  # messages
MOST = 1000  # at once: a transaction of some milliseconds

CONVERSATION = direct_conversation_id(*CANARIES)
# The first message to stay, and the last of the feed's rows before it.
FIRST_KEPT = """
SELECT seq, message_id FROM messages WHERE conversation_id = ?1 AND seq <= min(
  (SELECT last_seq FROM conversations WHERE conversation_id = ?1) - ?2,
  (SELECT min(seq) FROM messages WHERE conversation_id = ?1) + ?3)
ORDER BY seq DESC LIMIT 1
"""
BEFORE = """
SELECT max(cursor), max(n) FROM feed WHERE user_id = ?1 AND cursor < (
  SELECT min(cursor) FROM feed WHERE user_id = ?1 AND message_id = ?2)
"""
FORGET_FEED = "DELETE FROM feed WHERE user_id = ?1 AND cursor <= ?2"
SECRET = "SELECT value FROM meta WHERE key = 'hash_key'"
GOING = "SELECT message_id FROM messages WHERE conversation_id = ?1 AND seq < ?2"
FORGET_MESSAGES = "DELETE FROM messages WHERE conversation_id = ?1 AND seq < ?2"


class CanaryPruning:
    def __init__(self, store: Store, followers: Followers) -> None:
        self._store = store
        self._followers = followers

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.prune()
            except Unavailable as error:
                logger.warning("messages to ourselves are not pruned: %s", error.__cause__)

    async def prune(self) -> int:
        """Delete old messages to ourselves, and return their number. Raises Unavailable."""
        slowest = self._followers.slowest(WRITER)
        return await self._store.between(lambda connection: _prune(connection, slowest))


def _prune(connection: sqlite3.Connection, slowest: int | None) -> int:
    """Delete old messages to ourselves, not before every follower has read them. In one
    transaction: no row is left without another."""
    with transaction(connection):
        return _forget(connection, slowest)


def _forget(connection: sqlite3.Connection, slowest: int | None) -> int:
    kept = connection.execute(FIRST_KEPT, (CONVERSATION, KEPT, MOST)).fetchone()
    if kept is None:
        return 0
    seq, message_id = kept
    ends = [connection.execute(BEFORE, (each, message_id)).fetchone() for each in CANARIES]
    if slowest is not None and any(n is not None and n > slowest for _, n in ends):
        return 0
    for user_id, (cursor, _) in zip(CANARIES, ends, strict=True):
        if cursor is not None:
            connection.execute(FORGET_FEED, (user_id, cursor))
    _forget_words(connection, seq)
    return connection.execute(FORGET_MESSAGES, (CONVERSATION, seq)).rowcount


def _forget_words(connection: sqlite3.Connection, seq: int) -> None:
    """Delete the words before the messages go: the index is found by what they say."""
    [(secret,)] = connection.execute(SECRET).fetchall()
    gone = connection.execute(GOING, (CONVERSATION, seq)).fetchall()
    index.forget(connection, bytes.fromhex(secret), [message_id for (message_id,) in gone])
