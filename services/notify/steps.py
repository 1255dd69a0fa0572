"""Owns what a message's sender is told of its notifications: outcomes, and nobody's address."""

import asyncio
import logging
import re
from collections.abc import Iterable

import msgspec

from services.notify.ladder import Notification
from services.notify.store import Store
from shared import commands, readiness, subjects
from shared.bus import Bus, Delivery
from shared.commands import NotificationStep, NotificationSteps, NotificationStepsAnswer
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
        try:
            self._queue.put_nowait(delivery)
        except asyncio.QueueFull:
            record("overload", "too many queries are waiting in notify")
            refusal = commands.refusal(Overloaded("Too many queries are waiting: try again later"))
            self._bus.post(delivery.reply_to, refusal)

    async def _answer(self, delivery: Delivery) -> bytes:
        try:
            if delivery.subject != subjects.notify("steps"):
                raise NotFound(f"Unknown subject {delivery.subject!r}")
            asked = commands.decode(delivery.payload, NotificationSteps)
            asked = msgspec.structs.replace(asked, user_ids=asked.user_ids[:MAX_NAMED])
            groups = await self._store.of_message(asked)
            return commands.encode(NotificationStepsAnswer(steps=list(steps(groups))))
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
