"""Owns the digests: one e-mail for a user and a window, in the place of all that was due in it.

What is due is `collected` until the window ends and its digest, a delivery like any other, is due
itself. From `begin` on, what the digest shows has its id, and ends as the digest does. What it does
not show is collected still, for the next one.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from services.notify.ladder.cases import Part
from services.notify.ladder.clocks import window_end
from services.notify.ladder.delivery import DIGEST, Delivery, Outcome, Watch
from services.notify.ladder.groups import identity
from services.notify.ladder.preferences import Preferences


def joined(watch: Watch, member: Delivery, preferences: Preferences, now: int) -> Watch:
    """The digests of a user, with one that waits for the end of the window. `seen_at` is the end of
    the last window that has one: each has one only, also where the clock is set back."""
    end = window_end(preferences.digest, now, preferences.zone)
    if watch.open is not None:
        due_at = watch.open.due_at if watch.open.attempts else min(watch.open.due_at, end)
        return replace(watch, open=replace(watch.open, due_at=due_at))
    if end == watch.seen_at:
        end = window_end(preferences.digest, end, preferences.zone)
    opened = Delivery(
        delivery_id=identity(DIGEST, member.delivery_id),
        user_id=member.user_id,
        thread=DIGEST,
        first_seq=1,
        last_seq=1,
        count=0,
        state="waiting",
        due_at=end,
        created_at=now,
    )
    return replace(watch, seen_at=end, open=opened)


def shown(part: Part, digest: Delivery, last_seq: int) -> list[Delivery]:
    """The members of one thread, now on their way; the last of them holds all that is shown."""
    *first, last = sorted(part.deliveries, key=lambda one: one.last_seq)
    last = replace(last, last_seq=max(last.last_seq, last_seq))
    known = {"digest_id": digest.delivery_id, "omissions": part.omissions}
    return [replace(one, **known) for one in (*first, last)]


def fate(watch: Watch, digest: Delivery) -> Outcome | None:
    """Return how a digest ended, or None if it was not accepted and comes again."""
    for one in watch.closed:
        if one.delivery_id == digest.delivery_id and one.reason != "merged":
            return Outcome(one.state, one.reason)  # type: ignore[arg-type] # it is closed
    return None


def settled(members: Iterable[Delivery], outcome: Outcome | None, now: int) -> list[Delivery]:
    """The members as their digest ended, or collected for the next one."""
    if outcome is None:
        return [replace(one, digest_id="") for one in members]
    return [ended(one, outcome, now) for one in members]


def ended(member: Delivery, outcome: Outcome, now: int) -> Delivery:
    return replace(member, state=outcome.kind, reason=outcome.reason, closed_at=now)
