"""Owns the display of the steps of a message, in order of time, and of its transaction."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct

from shared import frames
from shared.commands import NotificationState, Step, TraceAnswer

ORDER = ("accepted", "committed", "delivered", "read", "edited", "deleted", "email")


class Stage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step. `at`: None where the time is not known, or is yet to come (`due_at`).

    Of an e-mail: `outcome`, with the reply of the mail server as `reason` (`smtp_550`), and how
    many `attempts` were refused for now. `opened_at`: when notify first saw the message unread.
    """

    step: str
    at: datetime | None
    user_id: str = ""
    outcome: str = ""
    reason: str = ""
    attempts: int = 0
    opened_at: datetime | None = None
    due_at: datetime | None = None


class Transaction(Struct, frozen=True, kw_only=True):
    """The transaction of the message, while persistence remembers it.

    `waited_ms`: from the gateway to the transaction, in the lane, on the bus and in line; None
    where the gateway's time is not known. `commit_ms`: until it was on the disk. `told_ms`: from
    there, until everybody was told and the gateway was answered.
    """

    waited_ms: float | None
    commit_ms: float
    told_ms: float
    batches: int
    commands: int
    messages: int
    events: int
    users: int


class Way(Struct, frozen=True, kw_only=True):
    """`transaction`: None when it is no longer known. `shown`: of how many recipients the steps
    are."""

    message_id: int
    conversation_id: str
    seq: int
    sender_id: str
    client_id: str
    recipients: int
    delivered: int
    read: int
    shown: int
    notifications: Literal["complete", "unavailable"]
    transaction: Transaction | None
    steps: list[Stage]


def way(found: TraceAnswer, kept: list[NotificationState] | None) -> Way:
    """`kept`: what notify knows, None when it did not answer."""
    stages = [_stage(step) for step in found.steps] + [_email(one) for one in kept or ()]
    return Way(
        message_id=found.message_id,
        conversation_id=found.conversation_id,
        seq=found.seq,
        sender_id=found.sender_id,
        client_id=found.client_id,
        recipients=found.member_count,
        delivered=found.delivered_count,
        read=found.read_count,
        shown=len(found.user_ids),
        notifications="unavailable" if kept is None else "complete",
        transaction=_transaction(found),
        steps=sorted(stages, key=_order),
    )


def _stage(step: Step) -> Stage:
    return Stage(step=step.step, at=_time(step.at), user_id=step.user_id)


def _email(one: NotificationState) -> Stage:
    return Stage(
        step=one.channel,
        at=_time(one.closed_at),
        user_id=one.user_id,
        outcome=one.state,
        reason=one.reason,
        attempts=one.attempts,
        opened_at=_time(one.opened_at),
        due_at=_time(one.due_at),
    )


def _transaction(found: TraceAnswer) -> Transaction | None:
    entry = found.transacted
    if entry is None:
        return None
    at = {step.step: step.at for step in found.steps if not step.user_id}
    began, accepted = at["committed"] or 0, at["accepted"]
    return Transaction(
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


def _time(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else frames.time_of(microseconds)


def _order(stage: Stage) -> tuple[bool, float, int, str]:
    """Return the sort key of a step. Steps without a time come last."""
    at = stage.at.timestamp() if stage.at else 0.0
    return stage.at is None, at, ORDER.index(stage.step), stage.user_id


def lines(found: Way) -> Iterator[str]:
    yield (
        f"message {found.message_id}: seq {found.seq} of conversation {found.conversation_id}, "
        f"from {found.sender_id} (client_id {found.client_id})"
    )
    yield from _stored(found.transaction)
    began = next((stage.at for stage in found.steps if stage.at), None)
    for stage in found.steps:
        yield _line(stage, began)
    yield f"{found.delivered} of {found.recipients} have it, {found.read} have read it"
    if found.shown < found.recipients:
        yield f"steps of the first {found.shown} recipients by user id"
    if found.notifications == "unavailable":
        yield "e-mails: notify does not answer; see its /readyz"


def _stored(one: Transaction | None) -> Iterable[str]:
    if one is None:
        yield "  how it was stored is no longer known"
        return
    waited = "?" if one.waited_ms is None else f"{one.waited_ms:.1f}"
    yield (
        f"  waited {waited} ms in lane, bus and line; committed in {one.commit_ms:.1f} ms with "
        f"{one.commands - 1} other commands of {one.batches} batches; told as one of {one.events} "
        f"events to {one.users} users in {one.told_ms:.1f} ms"
    )


def _line(stage: Stage, began: datetime | None) -> str:
    when, after = "time not known" if not stage.due_at else "due", ""
    at = stage.at or stage.due_at
    if at is not None:
        when = at.strftime("%Y-%m-%d %H:%M:%S.%f")
    if at is not None and began is not None:
        after = f"+{(at - began).total_seconds():.3f} s"
    words = [stage.step, stage.user_id, stage.outcome, stage.reason.replace("_", " ")]
    refused = [f"after {stage.attempts} refusals"] if stage.attempts else []
    return f"  {when:<26} {after:>12}  {' '.join(filter(None, words + refused))}"
