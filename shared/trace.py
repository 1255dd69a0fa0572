"""Owns how the way of a message is put together, from what persistence and notify tell of it."""

from datetime import datetime
from typing import get_args

import msgspec
from msgspec import UNSET, UnsetType

from shared import api, frames
from shared.commands import NotificationState, Step, TraceAnswer

ORDER = get_args(api.TraceStepName)  # of steps of one moment


def trace(found: TraceAnswer, kept: list[NotificationState] | None) -> api.TraceAnswer:
    """Return the trace of a message. `kept`: what notify knows, None when it did not answer."""
    steps = [_step(step) for step in found.steps] + [_brought(one) for one in kept or ()]
    return api.TraceAnswer(
        message_id=found.message_id,
        conversation_id=found.conversation_id,
        seq=found.seq,
        sender_id=found.sender_id,
        client_id=found.client_id,
        member_count=found.member_count,
        delivered_count=found.delivered_count,
        read_count=found.read_count,
        shown_count=len(found.user_ids),
        notifications="unavailable" if kept is None else "complete",
        transaction=_transaction(found),
        steps=sorted(steps, key=_order),
    )


def _step(step: Step) -> api.TraceStep:
    return api.TraceStep(
        step=msgspec.convert(step.step, api.TraceStepName),
        at=_time(step.at) or None,
        user_id=step.user_id or UNSET,
    )


def _brought(one: NotificationState) -> api.TraceStep:
    return api.TraceStep(
        step=msgspec.convert(one.channel, api.TraceStepName),
        at=_time(one.closed_at) or None,
        user_id=one.user_id,
        outcome=one.state,
        reason=one.reason or UNSET,
        attempts=one.attempts,
        opened_at=_time(one.opened_at),
        due_at=_time(one.due_at),
    )


def _transaction(found: TraceAnswer) -> api.TraceTransaction | None:
    entry = found.transacted
    if entry is None:
        return None
    at = {step.step: step.at for step in found.steps if not step.user_id}
    began, accepted = at["committed"] or 0, at["accepted"]
    return api.TraceTransaction(
        waited_ms=None if accepted is None else _ms(accepted, began),
        commit_ms=_ms(began, entry.committed_at),
        told_ms=_ms(entry.committed_at, entry.told_at),
        batches=entry.batches,
        commands=entry.commands,
        messages=entry.messages,
        events=entry.events,
        users=entry.users,
    )


def _ms(since: int, until: int) -> float:
    return round((until - since) / 1000, 3)


def _time(microseconds: int | None) -> datetime | UnsetType:
    return UNSET if microseconds is None else frames.time_of(microseconds)


def _order(step: api.TraceStep) -> tuple[bool, float, int, str]:
    """Sort by time; a step without a time, or one yet to come, is last."""
    at = step.at.timestamp() if step.at else 0.0
    return step.at is None, at, ORDER.index(step.step), step.user_id or ""
