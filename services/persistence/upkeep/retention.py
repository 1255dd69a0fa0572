"""Owns pruning: deletes feed rows past retention that every follower has read.

A few rows at a time, each time a transaction of its own between two of the writer's, so that no
message waits for more than a few milliseconds. Messages, and what makes a `client_id` count
once, are kept for ever.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable

from msgspec import Struct

from services.persistence.queries.followers import Followers
from services.persistence.queries.log import ENDS, WRITER
from services.persistence.store.connections import transaction
from services.persistence.store.store import Store
from shared import clock
from shared.errors import Unavailable
from shared.health.defects import unexpected

logger = logging.getLogger("linkup.persistence.retention")

PAUSE = 10.0  # seconds: before the first look, and when there is nothing to do
GRACE = 3600.0  # seconds after the start in which nobody is given up: they may be starting, too
REST = 4  # times as long as a step took: the writer keeps four fifths of the time, or more
LEAST_REST = 0.005
STEP_TIME = (0.001, 0.003)  # seconds: a quicker step takes more rows next time, a slower one fewer
STEP_ROWS = (16, 1024)

OLDEST = "SELECT n, created_at FROM feed ORDER BY n LIMIT ?1"
PRUNE = "DELETE FROM feed WHERE n <= ?1"
LOAD_FOLLOWERS = "SELECT follower, writer, n, heard_at FROM followers"
PUT_FOLLOWER = """
INSERT INTO followers (follower, writer, n, heard_at) VALUES (?, ?, ?, ?)
ON CONFLICT (follower, writer) DO UPDATE SET n = excluded.n, heard_at = excluded.heard_at
"""
FORGET_FOLLOWER = "DELETE FROM followers WHERE follower = ?1"


class Pruned(Struct, frozen=True):
    """The result of a step. `more`: it stopped at its limit, and more rows can be deleted."""

    rows: int
    more: bool


class Retention:
    """Deletes old rows of the feed.

    `keep` and `patience` are in seconds: the least age of a row, and how long a silent follower
    holds what it has not read. With a `keep` of 0 the feed is kept for ever.
    """

    def __init__(
        self,
        store: Store,
        followers: Followers,
        *,
        keep: float,
        patience: float,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self._store = store
        self._followers = followers
        self._keep = int(keep * 1_000_000)
        self._patience = int(patience * 1_000_000)
        self._now = now
        self._limit = STEP_ROWS[0]
        self._began = time.monotonic()

    async def load(self) -> None:
        self._followers.load(await self._store.between(_load))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.note()
                await self.prune()
            except Unavailable as error:
                logger.warning("the feed is not pruned: %s", error.__cause__)
            except Exception as error:
                unexpected(error, "the feed is not pruned")
                logger.exception("the feed is not pruned")  # which is no reason to stop serving

    async def note(self) -> None:
        """Write down where the followers stand, and give up on those that are gone."""
        settled = time.monotonic() - self._began > GRACE
        gone = self._followers.departed()
        gone += self._followers.forget(self._patience) if settled else []
        news = self._followers.news()
        if gone or news:
            await self._store.between(lambda connection: _note(connection, gone, news))
            self._followers.wrote(news)

    async def prune(self) -> int:
        """Delete until nothing more may go; return the number of rows deleted."""
        total = 0
        pruned = Pruned(0, bool(self._keep))
        while pruned.more:
            began = time.monotonic()
            pruned = await self._store.between(self._step)
            took = time.monotonic() - began
            total += pruned.rows
            self._limit = adapted(self._limit, took)
            await asyncio.sleep(max(LEAST_REST, REST * took))
        if total:
            logger.info("the feed is pruned", extra={"rows": total})
        return total

    def _step(self, connection: sqlite3.Connection) -> Pruned:
        """Delete rows in commit order, in one transaction."""
        upto, more = self._prunable(connection)
        if not upto:
            return Pruned(0, more=False)
        with transaction(connection):
            rows = connection.execute(PRUNE, (upto,)).rowcount
        return Pruned(rows, more)

    def _prunable(self, connection: sqlite3.Connection) -> tuple[int, bool]:
        """Return up to which row may go, and whether there are more. The newest stays: it says
        where the numbers go on."""
        [(_, last)] = connection.execute(ENDS)
        held = self._followers.slowest(WRITER)
        bound = last - 1 if held is None else min(held, last - 1)
        before, upto = self._now() - self._keep, 0
        rows = connection.execute(OLDEST, (self._limit,)).fetchall()
        for n, created_at in rows:
            if n > bound or created_at > before:
                return upto, False
            upto = n
        return upto, len(rows) == self._limit


def adapted(limit: int, took: float) -> int:
    """Return the number of rows of the next step, after one that took so many seconds."""
    quick, slow = STEP_TIME
    if took < quick:
        return min(STEP_ROWS[1], limit * 2)
    return max(STEP_ROWS[0], limit // 2) if took > slow else limit


def _load(connection: sqlite3.Connection) -> list[tuple[str, str, int, int]]:
    return connection.execute(LOAD_FOLLOWERS).fetchall()


def _note(
    connection: sqlite3.Connection, gone: list[str], news: list[tuple[str, str, int, int]]
) -> None:
    with transaction(connection):
        connection.executemany(FORGET_FOLLOWER, [(name,) for name in gone])
        connection.executemany(PUT_FOLLOWER, news)
