"""Owns the display of the steps of a message, in order of time, and of its transaction."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from shared.api import TraceAnswer, TraceStep, TraceTransaction


def lines(found: TraceAnswer) -> Iterator[str]:
    yield (
        f"message {found.message_id}: seq {found.seq} of conversation {found.conversation_id}, "
        f"from {found.sender_id} (client_id {found.client_id})"
    )
    yield from _stored(found.transaction)
    began = next((step.at for step in found.steps if step.at), None)
    for step in found.steps:
        yield _line(step, began)
    has, all_of_them = found.delivered_count, found.member_count
    yield f"{has} of {all_of_them} have it, {found.read_count} have read it"
    if found.shown_count < all_of_them:
        yield f"steps of the first {found.shown_count} recipients by user id"
    if found.notifications == "unavailable":
        yield "e-mails and pushes: notify does not answer; see its /readyz"


def _stored(one: TraceTransaction | None) -> Iterable[str]:
    if one is None:
        yield "  how it was stored is no longer known"
        return
    waited = "?" if one.waited_ms is None else f"{one.waited_ms:.1f}"
    yield (
        f"  waited {waited} ms in lane, bus and line; committed in {one.commit_ms:.1f} ms with "
        f"{one.commands - 1} other commands of {one.batches} batches; told as one of {one.events} "
        f"events to {one.users} users in {one.told_ms:.1f} ms"
    )


def _line(step: TraceStep, began: datetime | None) -> str:
    when, after = "time not known", ""
    at = step.at or step.due_at
    if at:
        when = at.strftime("%Y-%m-%d %H:%M:%S.%f")
    if at and began:
        after = f"+{(at - began).total_seconds():.3f} s"
    words = [step.step, step.user_id, step.outcome, (step.reason or "").replace("_", " ")]
    due = "is due" if step.due_at and not step.at else ""
    attempts = "attempt" if step.attempts == 1 else "attempts"
    refused = f"after {step.attempts} failed {attempts}" if step.attempts else ""
    return f"  {when:<26} {after:>12}  {' '.join(map(str, filter(None, [*words, due, refused])))}"
