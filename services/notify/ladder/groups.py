"""Owns the life of a delivery: how it begins, grows, is claimed, sent and ends.

    waiting ──claim──▶ claimed ──begin──▶ sending ──settle──▶ sent | failed | unknown
       ▲  │             │ │ │                │
       │  └─ read ─▶ cancelled ◀─ read ──────┤ (read while the server refused)
       │                │   └─▶ collected ─────▶ as the digest that it went in
       └──── delayed ───┴─────── postponed ──┘

Messages join a delivery only while it waits: the log has been asked about a claimed one, and what
comes later was not in the answer, so it opens the next one, whose turn comes when this one is
settled. Receipts cancel a delivery until it is `sending`. From there only an answer that says
"not accepted" leads back. A process that finds a row in `sending` when it starts cannot know
what the server did: `unknown`, never sent again.
"""

import hashlib
from collections.abc import Iterable

from msgspec.structs import replace

from services.notify.ladder.delivery import (
    DIGEST,
    LEASE,
    LONGEST_PAUSE,
    RELEASE,
    Delivery,
    Outcome,
    State,
    Waits,
    Watch,
)
from shared.clock import SECOND
from shared.commands import LogRow, Preview
from shared.frames import MAX_INT


def fold(watch: Watch, row: LogRow, now: int, waits: Waits) -> Watch:
    """One row that `concerns` this recipient and conversation."""
    due_at = min(row.created_at, now) + waits.unread  # a clock that is ahead must not put it off
    if row.kind == "receipt":
        return _read(watch, row.seq, now, due_at)
    due_at = max(due_at, _rested_at(watch, now, waits))
    if row.seq <= watch.seen_seq:
        if row.created_at <= watch.seen_at:
            return watch  # a repeat: the log is read again from the start after a restore
        # The number was given again, by a restored database: what was read of it is undone too.
        watch = replace(watch, read_seq=min(watch.read_seq, row.seq - 1))
    watch = replace(watch, seen_seq=row.seq, seen_at=max(watch.seen_at, row.created_at))
    if row.seq <= watch.read_seq:
        return watch
    return replace(watch, open=_grown(watch.open, row, due_at) or _opened(watch, row, now, due_at))


def fold_all(watch: Watch, rows: Iterable[LogRow], now: int, waits: Waits) -> Watch:
    """Fold rows one after another; those that only lengthen the waiting delivery are counted."""
    count, seen_at, beyond = 0, 0, _beyond(watch)
    for row in rows:
        if row.seq > beyond and row.kind == "message":
            count += 1
            seen_at = max(seen_at, row.created_at)
            beyond = row.seq
        else:
            watch = fold(_lengthened(watch, count, beyond, seen_at), row, now, waits)
            count, seen_at, beyond = 0, 0, _beyond(watch)
    return _lengthened(watch, count, beyond, seen_at)


def _beyond(watch: Watch) -> int:
    """Return the number from which messages only lengthen the waiting delivery, exclusive: none if
    there is no delivery, or if they may bring it forward."""
    if watch.open is None or (watch.channel == "push" and watch.open.attempts):
        return MAX_INT
    return max(watch.seen_seq, watch.read_seq)


def _lengthened(watch: Watch, count: int, last_seq: int, seen_at: int) -> Watch:
    """Return it with so many more messages, up to that one."""
    if watch.open is None or not count:
        return watch
    return replace(
        watch,
        seen_seq=last_seq,
        seen_at=max(watch.seen_at, seen_at),
        open=replace(
            watch.open,
            last_seq=max(watch.open.last_seq, last_seq),
            count=watch.open.count + count,
        ),
    )


def _rested_at(watch: Watch, now: int, waits: Waits) -> int:
    """Return the end of the pause after the last e-mail."""
    if not watch.mails or not watch.is_conversation:
        return min(watch.mailed_at, now)
    doubled = waits.pause << min(watch.mails, 32) - 1  # no figure grows without end
    return min(watch.mailed_at, now) + min(doubled, LONGEST_PAUSE)


def _back(watch: Watch, due_at: int) -> Watch:
    """The recipient is there again: what waits for the end of a pause waits as a first one does."""
    if not watch.mails:
        return watch
    watch = replace(watch, mails=0, mailed_at=0)
    if watch.open is None or watch.open.attempts:  # the mail server's own pause goes on
        return watch
    return replace(watch, open=replace(watch.open, due_at=min(watch.open.due_at, due_at)))


def _opened(watch: Watch, row: LogRow, now: int, due_at: int) -> Delivery:
    return Delivery(
        delivery_id=_identity(watch, row),
        channel=watch.channel,
        user_id=watch.user_id,
        thread=watch.thread,
        first_seq=row.seq,
        last_seq=row.seq,
        count=1,
        state="waiting",
        due_at=due_at,
        created_at=now,
    )


def _identity(watch: Watch, row: LogRow) -> str:
    """The same row opens the same delivery, also in a database that started anew."""
    parts = [watch.user_id, watch.thread, str(row.message_id), str(row.created_at)]
    if watch.channel != "email":  # which was the first channel: its ids are as they were
        parts.append(watch.channel)
    return identity(*parts)


def identity(*parts: str) -> str:
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=16, person=b"linkup.notify")
    return digest.hexdigest()


def _grown(group: Delivery | None, row: LogRow, due_at: int) -> Delivery | None:
    if group is None:
        return None
    group = _hurried(group, due_at)
    return replace(group, last_seq=max(group.last_seq, row.seq), count=group.count + 1)


def _hurried(group: Delivery, due_at: int) -> Delivery:
    """Bring a new message forward: it must not wait for one browser whose push service fails."""
    if group.channel != "push" or not group.attempts:
        return group
    return replace(group, due_at=min(group.due_at, due_at))


def _read(watch: Watch, read_seq: int, now: int, due_at: int) -> Watch:
    if read_seq <= watch.read_seq:
        return watch
    watch = _back(replace(watch, read_seq=read_seq), due_at)
    for group in (watch.open, watch.claimed):
        if group is not None and read_seq >= group.last_seq:
            watch = _closed(watch, group, "cancelled", "read", now)
    if watch.open is None or read_seq < watch.open.first_seq:
        return watch
    left = _after(watch.open, read_seq)  # somebody was there: the wait begins again
    return replace(watch, open=replace(left, due_at=max(left.due_at, due_at)))


def _after(group: Delivery, seq: int) -> Delivery:
    """Return it without the messages up to that one."""
    first_seq = max(group.first_seq, seq + 1)
    return replace(group, first_seq=first_seq, count=min(group.count, group.last_seq - seq))


def announced(watch: Watch, number: int, at: int, now: int, due_at: int) -> Watch:
    """A notification of the host's, or another thing in its group: `number` counts them."""
    if watch.open is not None:
        group = _hurried(watch.open, due_at)
        grown = replace(group, last_seq=number, count=group.count + 1)
        return replace(watch, open=grown)
    opened = Delivery(
        delivery_id=identity(watch.user_id, watch.thread, watch.channel, str(number), str(at)),
        channel=watch.channel,
        user_id=watch.user_id,
        thread=watch.thread,
        first_seq=number,
        last_seq=number,
        count=1,
        state="waiting",
        due_at=due_at,
        created_at=now,
    )
    return replace(watch, open=opened)


def claim(group: Delivery, now: int) -> Delivery:
    return replace(group, state="claimed", claims=group.claims + 1, due_at=now + LEASE)


def begin(watch: Watch, group: Delivery, unread: int, newest: Preview, now: int) -> Watch:
    """The point of no return: these messages are about to be handed over."""
    last_seq = max(group.last_seq, newest.seq)
    sending = replace(group, state="sending", count=unread, last_seq=last_seq)
    watch = replace(watch, claimed=None, closed=(*watch.closed, sending))
    return shown(watch, last_seq, newest, now)


def begin_other(watch: Watch, group: Delivery, count: int) -> Watch:
    """The point of no return of what is no conversation."""
    sending = replace(group, state="sending", count=count)
    return replace(watch, claimed=None, closed=(*watch.closed, sending))


def apart(due: Iterable[Delivery]) -> list[Delivery]:
    """Return what may be claimed at once: a digest goes alone, and all else that is due to its
    recipient waits until it has gone."""
    due = list(due)
    digests = {one.user_id for one in due if one.thread == DIGEST}
    return [one for one in due if one.thread == DIGEST or one.user_id not in digests]


def shown(watch: Watch, last_seq: int, newest: Preview, now: int) -> Watch:
    """Mark messages as shown: they need no delivery, even if the follower has not seen them yet."""
    watch = replace(
        watch,
        seen_seq=max(watch.seen_seq, newest.seq),
        seen_at=max(watch.seen_at, newest.created_at),
    )
    if watch.open is None:
        return watch
    if watch.open.last_seq <= last_seq:
        return _closed(watch, watch.open, "cancelled", "merged", now)
    return replace(watch, open=_after(watch.open, last_seq))


def settle(
    watch: Watch,
    group: Delivery,
    outcome: Outcome,
    now: int,
    waits: Waits,
    draw: float = 0.0,
) -> Watch:
    """Write down how the attempt on a claimed or sending group ended. `draw`: see `Retries`."""
    match outcome.kind:
        case "withdrawn":
            return watch
        case "released":
            return _again(watch, replace(group, due_at=now + RELEASE), now)
        case "delayed":
            later = replace(group, due_at=outcome.due_at, reason=outcome.reason)
            return _again(watch, later, now)
        case "postponed" if group.attempts + 1 < waits.retries.attempts:
            attempts = group.attempts + 1
            pause = int(waits.retries.pause(attempts, draw) * SECOND)
            due_at = max(now + pause, outcome.due_at)
            tried = replace(group, attempts=attempts, due_at=due_at)
            return _again(watch, replace(tried, reason=outcome.reason), now)
        case "postponed" | "failed":
            tried = replace(group, attempts=group.attempts + 1)
            return _closed(watch, tried, "failed", outcome.reason, now)
        case "sent" | "unknown" as state:
            return mailed(_closed(watch, group, state, outcome.reason, now), now, waits)
        case state:
            return _closed(watch, group, state, outcome.reason, now)


def collected(watch: Watch, group: Delivery) -> Watch:
    """For the digest of a window, which shows it in the place of an e-mail of its own."""
    return _closed(watch, group, "collected", "digest", 0)


def mailed(watch: Watch, now: int, waits: Waits) -> Watch:
    """An e-mail may have gone out: the next one waits for the end of the pause."""
    watch = replace(watch, mails=watch.mails + 1, mailed_at=now)
    if watch.open is None:
        return watch
    due_at = max(watch.open.due_at, _rested_at(watch, now, waits))
    return replace(watch, open=replace(watch.open, due_at=due_at))


def _again(watch: Watch, group: Delivery, now: int) -> Watch:
    """Back to waiting, joined with what has come since."""
    if watch.read_seq >= group.last_seq:
        return _closed(watch, group, "cancelled", "read", now)
    other = watch.open
    if other is None:
        return replace(watch, open=replace(group, state="waiting"), claimed=None)
    merged = replace(
        other,
        first_seq=min(other.first_seq, group.first_seq),
        count=other.count + group.count,
        due_at=min(other.due_at, group.due_at),
        attempts=group.attempts,
    )
    return _closed(replace(watch, open=merged), group, "cancelled", "merged", now)


def _closed(watch: Watch, group: Delivery, state: State, reason: str, now: int) -> Watch:
    ended = replace(group, state=state, reason=reason, closed_at=now)
    return replace(
        watch,
        open=_unless(watch.open, group),
        claimed=_unless(watch.claimed, group),
        closed=(*watch.closed, ended),
    )


def _unless(held: Delivery | None, group: Delivery) -> Delivery | None:
    return held if held and held.delivery_id != group.delivery_id else None


def recover(watch: Watch, group: Delivery, now: int, waits: Waits) -> Watch:
    """A delivery that a process left claimed or sending when it ended."""
    if group.state == "sending":
        return mailed(_closed(watch, group, "unknown", "interrupted", now), now, waits)
    return _again(watch, replace(group, due_at=now), now)
