"""Owns notify's answers about the notifications of a message, without addresses.

Its sender is told less than the operator, who may ask about any.
"""

import asyncio
import logging
import re
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from services.notify.ladder import Notification
from services.notify.store import Store
from shared import commands, readiness, reporter, subjects
from shared.bus import Bus, Delivery
from shared.commands import (
    MAX_TRACED,
    NotificationState,
    NotificationStep,
    NotificationSteps,
    NotificationStepsAnswer,
    NotificationTrace,
    NotificationTraceAnswer,
)
from shared.defects import unexpected
from shared.errors import Internal, LinkupError, NotFound, Overloaded
from shared.frames import MAX_NAMED
from shared.health import Health
from shared.records import record

logger = logging.getLogger("linkup.notify")

MAX_QUEUED = 64
WORD = re.compile(r"[a-z][a-z0-9_]*\Z")  # a class of an error is for the log
PRIVATE = ("muted", "nothing_unread")  # how a recipient wants to see it is for them to know


class Steps:
    """A bounded queue of questions, answered one after another."""

    STEPS, TRACE = subjects.notify("steps"), subjects.notify("trace")

    def __init__(self, bus: Bus, store: Store, health: Health) -> None:
        self._bus = bus
        self._health = health
        self._store = store
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(MAX_QUEUED)

    async def run(self) -> None:
        await self._bus.subscribe(subjects.notify("*"), self._accept, queue=subjects.NOTIFY_GROUP)
        while True:
            delivery = await self._queue.get()
            await self._bus.publish(delivery.reply_to, await self._answer(delivery))

    def _accept(self, delivery: Delivery) -> None:
        if delivery.subject == subjects.notify("health"):
            self._bus.post(delivery.reply_to, readiness.tell(self._health, delivery.payload))
            return
        if delivery.subject == subjects.notify("recent_errors"):
            self._bus.post(delivery.reply_to, reporter.recent(self._health.errors))
            return
        try:
            self._queue.put_nowait(delivery)
        except asyncio.QueueFull:
            record("overload", "too many queries are waiting in notify")
            refusal = commands.refusal(Overloaded("Too many queries are waiting: try again later"))
            self._bus.post(delivery.reply_to, refusal)

    async def _answer(self, delivery: Delivery) -> bytes:
        try:
            return commands.encode(await self._found(delivery))
        except LinkupError as error:
            return commands.refusal(error)
        except msgspec.MsgspecError as error:
            logger.error("a question does not decode: %s", error)
            record("routing_error", "a query to notify cannot be decoded")
            return commands.refusal(Internal("The query cannot be decoded"))
        except Exception as error:
            logger.exception("a question failed")
            unexpected(error, "a query to notify failed")
            return commands.refusal(Internal("The query failed"))

    async def _found(self, delivery: Delivery) -> Struct:
        match delivery.subject:
            case self.STEPS:
                asked = commands.decode(delivery.payload, NotificationSteps)
                groups = await self._groups(asked, MAX_NAMED)
                return NotificationStepsAnswer(steps=list(steps(groups)))
            case self.TRACE:
                traced = commands.decode(delivery.payload, NotificationTrace)
                groups = await self._groups(traced, MAX_TRACED)
                return NotificationTraceAnswer(notifications=list(map(state, groups)))
            case other:
                raise NotFound(f"Unknown subject {other!r}")

    async def _groups(
        self, asked: NotificationSteps | NotificationTrace, most: int
    ) -> list[Notification]:
        return await self._store.of_message(asked.conversation_id, asked.seq, asked.user_ids[:most])


def state(group: Notification) -> NotificationState:
    """All of it, for the operator."""
    return NotificationState(
        notification_id=group.notification_id,
        user_id=group.user_id,
        channel="email",
        state=group.state,
        reason=group.reason,
        attempts=group.attempts,
        opened_at=group.created_at,
        due_at=group.due_at if group.state == "waiting" else None,
        closed_at=group.closed_at or None,
    )


def steps(groups: Iterable[Notification]) -> Iterable[NotificationStep]:
    for group in groups:
        if group.reason in PRIVATE:
            continue
        yield NotificationStep(
            user_id=group.user_id,
            channel="email",
            outcome="waiting" if group.state == "claimed" else group.state,
            at=group.closed_at or None,
            due_at=group.due_at if group.state == "waiting" else None,
            reason=group.reason if WORD.match(group.reason) else "",
        )
