"""Owns every decision about a notification: to create, extend, end or send it.

Pure: values in, values out; the time is an argument. Times are microseconds since 1970, UTC.

    waiting ──claim──▶ claimed ──begin──▶ sending ──settle──▶ sent | failed | unknown
       ▲  │               │                  │
       │  └─ read ─▶ cancelled ◀─ read ──────┤ (read while the server refused)
       └──────────── postponed ──────────────┘

Messages join a group only while it waits: the log has been asked about a claimed one, and what
comes later was not in the answer, so it opens the next group, whose turn comes when this one
is settled. Receipts cancel a group until it is `sending`. From there only an answer that says
"not accepted" leads back. A process that finds a row in `sending` when it starts cannot know
what the server did: `unknown`, never sent again.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from shared.clock import SECOND
from shared.commands import LogRow, MarksRow, Preview
from shared.reserved import is_reserved
from shared.retry import Retries

State = Literal[
    "waiting", "claimed", "sending", "sent", "failed", "unknown", "cancelled", "no_address"
]
Key = tuple[str, str]  # recipient, conversation

LEASE = 300 * SECOND  # longer than the slowest e-mail: who holds a claim that old has died
RELEASE = 5 * SECOND  # the log was out of reach: ask again soon
LONGEST_PAUSE = 7 * 86_400 * SECOND  # between two e-mails to somebody who stays away

# The dot-atom form of an address (RFC 5321, 4.1.2), its parts no longer than 4.5.3.1 and DNS allow.
# Quoted and non-ASCII local parts would need SMTPUTF8, and an encoded word (RFC 2047) is none: it
# would be read as what it encodes.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(
    rf"(?!.*=\?.*\?=)(?=[^@]{{1,64}}@.{{1,189}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*\Z"
)


class Waits(Struct, frozen=True, kw_only=True):
    """The delays before e-mails, in microseconds.

    `pause`: the least time between two e-mails of one conversation; it doubles with each e-mail,
    up to LONGEST_PAUSE, until the recipient has read something there. 0: no pause.
    `retries`: after temporary refusals.
    """

    unread: int
    pause: int
    retries: Retries = Retries()


class Notification(Struct, frozen=True, kw_only=True):
    """A group of unread messages: one recipient, one conversation, at most one e-mail.

    `count`: about how many; what is sent asks the log. `due_at`: while claimed, the
    end of the lease. `claims`: the fence, which a late holder of an older claim no longer matches.
    """

    notification_id: str
    user_id: str
    conversation_id: str
    first_seq: int
    last_seq: int
    count: int
    state: State
    reason: str = ""
    due_at: int
    claims: int = 0
    attempts: int = 0
    created_at: int
    closed_at: int = 0

    @property
    def key(self) -> Key:
        return self.user_id, self.conversation_id


class Watch(Struct, frozen=True, kw_only=True):
    """The state of one recipient in one conversation: the waiting group and the claimed one.

    `seen_seq`, `seen_at`: the newest message that has joined a group or stood in an e-mail.
    `mails`, `mailed_at`: e-mails since the recipient was last there, and when the last one went.
    `closed`: groups that have gone on from there since this was loaded.
    """

    user_id: str
    conversation_id: str
    seen_seq: int = 0
    seen_at: int = 0
    read_seq: int = 0
    mails: int = 0
    mailed_at: int = 0
    open: Notification | None = None
    claimed: Notification | None = None
    closed: tuple[Notification, ...] = ()

    @property
    def key(self) -> Key:
        return self.user_id, self.conversation_id


class Outcome(Struct, frozen=True):
    """The outcome of an attempt.

    `postponed`: known not to be accepted. `released`: not tried. `withdrawn`: read meanwhile.
    `worked`: whether the mail server itself did; None where the attempt has not shown it.
    """

    kind: Literal[
        "sent", "failed", "unknown", "cancelled", "no_address", "postponed", "released", "withdrawn"
    ]
    reason: str = ""
    worked: bool | None = None


def after(rows: Iterable[LogRow], positions: Mapping[str, int]) -> list[LogRow]:
    """The rows beyond these positions."""
    return [row for row in rows if row.n > positions.get(row.writer, 0)]


def advance(positions: Mapping[str, int], rows: Iterable[LogRow]) -> dict[str, int]:
    reached = dict(positions)
    for row in rows:
        reached[row.writer] = max(row.n, reached.get(row.writer, 0))
    return reached


def key(row: LogRow) -> Key:
    return row.user_id, row.conversation_id


def order(row: LogRow) -> tuple[int, str]:
    """A page's rows of one conversation as they happened, whichever writers they come from."""
    return row.seq, row.kind  # a mark covers the message of its number


def concerns(row: LogRow) -> bool:
    """Somebody else's message, or the recipient's own marks; nothing else moves the ladder, and
    nothing at all of a reserved user, who is told of nothing."""
    if is_reserved(row.user_id):
        return False
    own = row.actor_id == row.user_id
    return (row.kind == "message" and not own) or (row.kind == "receipt" and own)


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
    return replace(watch, open=_grown(watch.open, row) or _opened(row, now, due_at))


def _rested_at(watch: Watch, now: int, waits: Waits) -> int:
    """Return the end of the pause after the last e-mail."""
    doubled = min(watch.mails, 32) - 1  # no figure grows without end
    pause = min(waits.pause * 2**doubled, LONGEST_PAUSE) if watch.mails else 0
    return min(watch.mailed_at, now) + pause


def _back(watch: Watch, due_at: int) -> Watch:
    """The recipient is there again: what waits for the end of a pause waits as a first one does."""
    if not watch.mails:
        return watch
    watch = replace(watch, mails=0, mailed_at=0)
    if watch.open is None or watch.open.attempts:  # the mail server's own pause goes on
        return watch
    return replace(watch, open=replace(watch.open, due_at=min(watch.open.due_at, due_at)))


def _opened(row: LogRow, now: int, due_at: int) -> Notification:
    return Notification(
        notification_id=_identity(row),
        user_id=row.user_id,
        conversation_id=row.conversation_id,
        first_seq=row.seq,
        last_seq=row.seq,
        count=1,
        state="waiting",
        due_at=due_at,
        created_at=now,
    )


def _identity(row: LogRow) -> str:
    """The same row opens the same notification, also in a database that started anew."""
    parts = (row.user_id, row.conversation_id, str(row.message_id), str(row.created_at))
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=16, person=b"linkup.notify")
    return digest.hexdigest()


def _grown(group: Notification | None, row: LogRow) -> Notification | None:
    if group is None:
        return None
    return replace(group, last_seq=max(group.last_seq, row.seq), count=group.count + 1)


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


def _after(group: Notification, seq: int) -> Notification:
    """Return it without the messages up to that one."""
    first_seq = max(group.first_seq, seq + 1)
    return replace(group, first_seq=first_seq, count=min(group.count, group.last_seq - seq))


def claim(group: Notification, now: int) -> Notification:
    return replace(group, state="claimed", claims=group.claims + 1, due_at=now + LEASE)


def next_step(group: Notification, marks: MarksRow | None) -> Outcome | None:
    """A claimed group, and what the log says of it: how it ends, or None to send the e-mail."""
    if marks is None:
        return Outcome("cancelled", "not_a_member")
    if marks.muted:
        return Outcome("cancelled", "muted")
    if marks.read_seq >= group.last_seq:
        return Outcome("cancelled", "read")
    if marks.unread == 0 or not marks.previews:  # deleted, cleared, or said by who is blocked now
        return Outcome("cancelled", "nothing_unread")
    if not marks.profile.email:
        return Outcome("no_address")
    if not ADDRESS.match(marks.profile.email):
        return Outcome("no_address", "bad_address")
    return None


def begin(watch: Watch, group: Notification, unread: int, newest: Preview, now: int) -> Watch:
    """The point of no return: the e-mail with these messages is about to be handed over.

    What it shows needs no group of its own, whether the follower has seen it already or not.
    """
    last_seq = max(group.last_seq, newest.seq)
    sending = replace(group, state="sending", count=unread, last_seq=last_seq)
    watch = replace(
        watch,
        seen_seq=max(watch.seen_seq, newest.seq),
        seen_at=max(watch.seen_at, newest.created_at),
        claimed=None,
        closed=(*watch.closed, sending),
    )
    if watch.open is None:
        return watch
    if watch.open.last_seq <= last_seq:
        return _closed(watch, watch.open, "cancelled", "merged", now)
    return replace(watch, open=_after(watch.open, last_seq))


def settle(
    watch: Watch,
    group: Notification,
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
        case "postponed" if group.attempts + 1 < waits.retries.attempts:
            attempts = group.attempts + 1
            pause = int(waits.retries.pause(attempts, draw) * SECOND)
            tried = replace(group, attempts=attempts, due_at=now + pause)
            return _again(watch, replace(tried, reason=outcome.reason), now)
        case "postponed":
            return _closed(watch, group, "failed", outcome.reason, now)
        case "sent" | "unknown" as state:
            return _mailed(_closed(watch, group, state, outcome.reason, now), now, waits)
        case state:
            return _closed(watch, group, state, outcome.reason, now)


def _mailed(watch: Watch, now: int, waits: Waits) -> Watch:
    """An e-mail may have gone out: the next one waits for the end of the pause."""
    watch = replace(watch, mails=watch.mails + 1, mailed_at=now)
    if watch.open is None:
        return watch
    due_at = max(watch.open.due_at, _rested_at(watch, now, waits))
    return replace(watch, open=replace(watch.open, due_at=due_at))


def _again(watch: Watch, group: Notification, now: int) -> Watch:
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


def _closed(watch: Watch, group: Notification, state: State, reason: str, now: int) -> Watch:
    ended = replace(group, state=state, reason=reason, closed_at=now)
    return replace(
        watch,
        open=_unless(watch.open, group),
        claimed=_unless(watch.claimed, group),
        closed=(*watch.closed, ended),
    )


def _unless(held: Notification | None, group: Notification) -> Notification | None:
    return held if held and held.notification_id != group.notification_id else None


def recover(watch: Watch, group: Notification, now: int, waits: Waits) -> Watch:
    """A group that a process left claimed or sending when it ended."""
    if group.state == "sending":
        return _mailed(_closed(watch, group, "unknown", "interrupted", now), now, waits)
    return _again(watch, replace(group, due_at=now), now)
