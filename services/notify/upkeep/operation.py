"""Owns the operator's questions about notifications: counts, deletion, and deliveries that failed
or of which nobody knows.

What looks at whole tables reads them through a connection of its own, in a thread.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from services.notify.database import Between
from services.notify.inbox.pruning import Pruning
from services.notify.questions import Questions
from services.notify.store import refusals
from services.notify.upkeep.audit import reading
from shared.clock import SECOND
from shared.commands import (
    CleanAnswer,
    CleanNotices,
    DeadAnswer,
    DeadDeliveries,
    DeadDelivery,
    NotifyStats,
    NotifyStatsAnswer,
    RetryAnswer,
    RetryDeliveries,
    SendDigests,
    SendDigestsAnswer,
)
from shared.errors import InvalidRequest
from shared.settings import Settings

T = TypeVar("T")

MOST = 500  # deliveries that one question lists or tries again

ITEMS = "SELECT notification_type, count(*) FROM items GROUP BY notification_type"
UNREAD = """
    SELECT notification_type, count(*) FROM items WHERE read_at = 0 AND NOT muted
    GROUP BY notification_type
"""
DELIVERIES = "SELECT channel, state, count(*) FROM deliveries GROUP BY channel, state"
REASONS = """
    SELECT reason, count(*) FROM deliveries WHERE closed_at > 0 AND reason <> '' GROUP BY reason
"""
SUBSCRIPTIONS = "SELECT count(*) FROM push_subscriptions"
DEAD = """
    SELECT delivery_id, user_id, channel, thread, state, reason, attempts, closed_at
    FROM deliveries WHERE state IN ('failed', 'unknown') ORDER BY closed_at DESC LIMIT :limit
"""
FAILED = """
    SELECT delivery_id FROM deliveries WHERE state IN ('failed', 'unknown') AND state = 'failed'
    ORDER BY closed_at DESC LIMIT :limit
"""
# Only what is known not to have arrived. A digest is made anew of what it was to show.
RETRY = """
    UPDATE deliveries AS d SET state = 'waiting', reason = '', attempts = 0, due_at = :now,
        closed_at = 0, digest_id = ''
    WHERE delivery_id = :delivery_id AND state = 'failed' AND thread <> 'digest:'
    AND NOT EXISTS (
        SELECT 1 FROM deliveries AS o WHERE o.user_id = d.user_id AND o.channel = d.channel
        AND o.thread = d.thread AND o.last_seq >= d.last_seq AND o.reason <> 'merged'
        AND o.delivery_id <> d.delivery_id AND o.state NOT IN ('failed', 'cancelled', 'no_address')
    )
"""
# So is what a push service has refused, of the browsers of a delivery.
REFUSED = "DELETE FROM pushes WHERE delivery_id = :delivery_id AND outcome = 'failed'"
DUE_NOW = """
    UPDATE deliveries SET due_at = :now WHERE channel = 'email' AND thread = 'digest:'
    AND state IN ('waiting', 'claimed') AND state = 'waiting' AND due_at > :now
    AND (:user_id = '' OR user_id = :user_id)
"""


class Operation:
    """`woken`: called when something is due now."""

    def __init__(
        self,
        settings: Settings,
        between: Between,
        pruning: Pruning,
        clock: Callable[[], int],
        woken: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._between = between
        self._pruning = pruning
        self._clock = clock
        self._woken = woken

    def answer(self, questions: Questions) -> None:
        questions.on(NotifyStats, self.stats)
        questions.on(CleanNotices, self.clean)
        questions.on(DeadDeliveries, self.dead)
        questions.on(RetryDeliveries, self.retry)
        questions.on(SendDigests, self.send_digests)

    async def stats(self, asked: NotifyStats) -> NotifyStatsAnswer:
        return await self._read(lambda raw: _stats(raw, self._settings.smtp_refusals))

    async def clean(self, asked: CleanNotices) -> CleanAnswer:
        if not asked.keep > 0:
            raise InvalidRequest("`keep` must be a number of seconds above 0")
        done = await self._pruning.once(int(asked.keep * SECOND))
        return CleanAnswer(
            items=done.items,
            keys=done.keys,
            deliveries=done.deliveries,
            dead_letters=done.dead_letters,
        )

    async def dead(self, asked: DeadDeliveries) -> DeadAnswer:
        limit = max(1, min(asked.limit, MOST))
        return DeadAnswer(deliveries=await self._read(lambda raw: _dead(raw, limit)))

    async def retry(self, asked: RetryDeliveries) -> RetryAnswer:
        now = self._clock()
        tried = await self._between(lambda raw: _retried(raw, asked.delivery_ids, now))
        self._woken()
        return RetryAnswer(delivery_ids=tried)

    async def send_digests(self, asked: SendDigests) -> SendDigestsAnswer:
        values = {"now": self._clock(), "user_id": asked.user_id}
        count = await self._between(lambda raw: raw.execute(DUE_NOW, values).rowcount)
        self._woken()
        return SendDigestsAnswer(count=count)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def read() -> T:
            with reading(self._settings) as connection:
                return work(connection)

        return await asyncio.to_thread(read)


def _stats(connection: sqlite3.Connection, most_refusals: int) -> NotifyStatsAnswer:
    deliveries: dict[str, dict[str, int]] = {}
    for channel, state, count in connection.execute(DELIVERIES):
        deliveries.setdefault(channel, {})[state] = count
    [(subscriptions,)] = connection.execute(SUBSCRIPTIONS).fetchall()
    return NotifyStatsAnswer(
        unread=dict(connection.execute(UNREAD).fetchall()),
        items=dict(connection.execute(ITEMS).fetchall()),
        deliveries=deliveries,
        reasons=dict(connection.execute(REASONS).fetchall()),
        subscriptions=subscriptions,
        suppressed_addresses=refusals.count(connection, most_refusals),
    )


def _dead(connection: sqlite3.Connection, limit: int) -> list[DeadDelivery]:
    found = connection.execute(DEAD, {"limit": limit}).fetchall()
    names = DeadDelivery.__struct_fields__
    return [msgspec.convert(dict(zip(names, row, strict=True)), DeadDelivery) for row in found]


def _retried(connection: sqlite3.Connection, wanted: Iterable[str], now: int) -> list[str]:
    """Return the deliveries that are due now: of these, or of the latest that failed. They are
    tried one after another, as of two about the same thing only one may be sent."""
    failed = connection.execute(FAILED, {"limit": MOST}).fetchall()
    delivery_ids = list(wanted) or [delivery_id for (delivery_id,) in failed]
    return [one for one in delivery_ids if _retry(connection, one, now)]


def _retry(connection: sqlite3.Connection, delivery_id: str, now: int) -> bool:
    asked = {"delivery_id": delivery_id, "now": now}
    if connection.execute(RETRY, asked).rowcount == 0:
        return False
    connection.execute(REFUSED, asked)
    return True
