"""Owns the questions about dead letters, the events that were given up, and about test events."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable

from services.notify.database import Between
from services.notify.questions import Questions
from services.notify.webhooks import request, rows
from services.notify.webhooks.event import TEST, body
from services.notify.webhooks.lines import CONNECT_TIMEOUT, TIMEOUT
from services.notify.webhooks.registry import Registry
from shared import signature
from shared.commands import (
    DeadEvent,
    DeadEvents,
    DeadEventsAnswer,
    ReplayEvents,
    ReplayEventsAnswer,
    TriedWebhook,
    TryWebhook,
)
from shared.outward import open_outward

MOST = 500  # listed at once


class Letters:
    def __init__(self, registry: Registry, between: Between, clock: Callable[[], int]) -> None:
        self._registry = registry
        self._between = between
        self._clock = clock

    def answer(self, questions: Questions) -> None:
        questions.on(DeadEvents, self.dead)
        questions.on(ReplayEvents, self.replay)
        questions.on(TryWebhook, self.test)

    async def dead(self, asked: DeadEvents) -> DeadEventsAnswer:
        """Raises NotFound."""
        name = (await self._registry.hook(asked.webhook_id)).webhook_id
        limit = max(1, min(asked.limit, MOST))
        found = await self._between(lambda raw: _dead(raw, name, limit))
        return DeadEventsAnswer(events=found)

    async def replay(self, asked: ReplayEvents) -> ReplayEventsAnswer:
        """Send dead letters again, before all later events of their conversations that still wait.
        Raises NotFound."""
        name = (await self._registry.hook(asked.webhook_id)).webhook_id
        now = self._clock()
        count = await self._between(lambda raw: _revived(raw, name, asked.event_ids, now))
        if (line := self._registry.lines.of(name)) is not None:
            line.sender.reload()
        return ReplayEventsAnswer(count=count)

    async def test(self, asked: TryWebhook) -> TriedWebhook:
        """Raises NotFound."""
        hook, now = await self._registry.hook(asked.webhook_id), self._clock()
        event_id = f"test_{secrets.token_hex(12)}"
        content = body(TEST, now, b"{}")
        signed = signature.headers(event_id, content, [hook.secret], now)
        began = time.monotonic()
        async with open_outward(
            self._registry.rules, timeout=TIMEOUT, connect_timeout=CONNECT_TIMEOUT
        ) as outward:
            result = await request.post(outward, hook.url, content, signed)
        took = round(1000 * (time.monotonic() - began))
        return TriedWebhook(event_id=event_id, reason=result.reason, took_ms=took)


def _dead(connection: sqlite3.Connection, name: str, limit: int) -> list[DeadEvent]:
    asked = {"webhook_id": name, "limit": limit}
    return [_told(row) for row in connection.execute(rows.DEAD, asked)]


def _told(row: sqlite3.Row) -> DeadEvent:
    event = rows.event(row)
    return DeadEvent(
        event_id=event.event_id,
        event_type=event.event_type,
        conversation_id=event.fact.conversation_id,
        attempts=event.attempts,
        reason=row["reason"],
        created_at=event.fact.created_at,
        closed_at=row["closed_at"],
    )


def _revived(connection: sqlite3.Connection, name: str, event_ids: Iterable[str], now: int) -> int:
    values = {"webhook_id": name, "now": now}
    named = [values | {"event_id": one} for one in event_ids]
    if not named:
        return connection.execute(rows.REVIVE, values).rowcount
    return sum(connection.execute(rows.REVIVE_ONE, one).rowcount for one in named)
