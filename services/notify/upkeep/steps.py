"""Owns notify's answers about the notifications of a message, without addresses.

Its sender is told less than the operator, who may ask about any.
"""

import re
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from services.notify.ladder.delivery import Delivery
from services.notify.questions import Questions
from services.notify.store.store import Store
from shared.commands import (
    MAX_TRACED,
    NotificationState,
    NotificationStep,
    NotificationSteps,
    NotificationStepsAnswer,
    NotificationTrace,
    NotificationTraceAnswer,
    Omissions,
)
from shared.frames import MAX_NAMED

WORD = re.compile(r"[a-z][a-z0-9_]*\Z")  # a class of an error is for the log
# How a recipient wants to see it, and when, is for them to know; a ban is, for the host.
PRIVATE = ("muted", "nothing_unread", "switched_off", "banned")
HABITS = ("quiet_hours", "digest")

_omissions = msgspec.json.Decoder(Omissions).decode


class Steps:
    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, questions: Questions) -> None:
        questions.on(NotificationSteps, self.steps)
        questions.on(NotificationTrace, self.trace)

    async def steps(self, asked: NotificationSteps) -> NotificationStepsAnswer:
        groups = await self._groups(asked, MAX_NAMED)
        return NotificationStepsAnswer(steps=list(steps(groups)))

    async def trace(self, asked: NotificationTrace) -> NotificationTraceAnswer:
        groups = await self._groups(asked, MAX_TRACED)
        return NotificationTraceAnswer(notifications=list(map(state, groups)))

    async def _groups(
        self, asked: NotificationSteps | NotificationTrace, most: int
    ) -> list[Delivery]:
        user_ids = asked.user_ids[:most]
        found = await self._store.of_message(asked.conversation_id, asked.seq, user_ids)
        return [of_message(group, asked.seq) for group in found]


def of_message(group: Delivery, seq: int) -> Delivery:
    """Return what became of this message: one that was left out ended as if it were alone."""
    waits = group.state in ("waiting", "claimed") or (
        group.state == "collected" and not group.digest_id
    )
    if waits or not group.omissions or not _omissions(group.omissions).include(seq):
        return group
    return replace(group, state="cancelled", reason="nothing_unread")


def state(group: Delivery) -> NotificationState:
    """All of it, for the operator."""
    return NotificationState(
        notification_id=group.delivery_id,
        user_id=group.user_id,
        channel=group.channel,
        state=group.state,
        reason=group.reason,
        attempts=group.attempts,
        opened_at=group.created_at,
        due_at=group.due_at if group.state == "waiting" else None,
        closed_at=group.closed_at or None,
    )


def steps(groups: Iterable[Delivery]) -> Iterable[NotificationStep]:
    for group in groups:
        if group.reason not in PRIVATE:
            yield _step(group)


def _step(group: Delivery) -> NotificationStep:
    waits = group.state in ("waiting", "claimed", "collected")
    told = not waits or group.reason not in HABITS
    return NotificationStep(
        user_id=group.user_id,
        channel=group.channel,
        outcome="waiting" if waits else group.state,
        at=group.closed_at or None,
        due_at=group.due_at if group.state == "waiting" and told else None,
        reason=group.reason if told and WORD.match(group.reason) else "",
    )
