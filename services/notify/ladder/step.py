"""Owns the decision about a delivery that is due: to make it, to put it off, or why it ends."""

from msgspec import Struct

from services.notify.ladder.clocks import quiet_until, window_end
from services.notify.ladder.delivery import ADDRESS, Channel, Delivery, Outcome
from services.notify.ladder.preferences import Preferences
from shared.commands import MarksRow, Reached
from shared.frames.fields import Priority


class Facts(Struct, frozen=True, kw_only=True):
    """Facts of a delivery when it is due.

    `digest`: it is what others were collected into. `there`: the recipient is a member.
    `delivered`: a device of theirs has it. `unread`: there is something to show, which was not
    deleted, cleared or said by somebody who is blocked. `reach`: whether there is an address, and
    nothing reaches who is banned.
    """

    channel: Channel
    notification_type: str = "new_message"
    priority: Priority = "normal"
    digest: bool = False
    there: bool = True
    muted: bool = False
    read: bool = False
    delivered: bool = False
    unread: bool = True
    reach: Reached = "reached"


def next_step(facts: Facts, preferences: Preferences, now: int) -> Outcome | None:
    """Return how the delivery ends or until when it is put off, or None to make it."""
    return ended(facts, preferences) or _put_off(facts, preferences, now)


def ended(facts: Facts, preferences: Preferences) -> Outcome | None:
    """Return why there is nothing to bring or nobody to bring it to, or None."""
    if facts.reach == "banned":
        return Outcome("cancelled", "banned")
    if not facts.there:
        return Outcome("cancelled", "not_a_member")
    if facts.muted:
        return Outcome("cancelled", "muted")
    if facts.read:
        return Outcome("cancelled", "read")
    if not facts.unread:
        return Outcome("cancelled", "nothing_unread")
    if facts.delivered and facts.channel == "push":
        return Outcome("cancelled", "delivered")
    if not facts.digest and not preferences.brings(facts.notification_type, facts.channel):
        return Outcome("cancelled", "switched_off")
    return _unreached(facts.reach)


def _unreached(reach: Reached) -> Outcome | None:
    if reach == "reached":
        return None
    return Outcome("no_address", "" if reach == "nowhere" else reach)


def _put_off(facts: Facts, preferences: Preferences, now: int) -> Outcome | None:
    """Put off all but urgent ones; a digest waits for the end of quiet hours itself."""
    if facts.priority in ("high", "urgent"):
        return None
    if preferences.digest != "off" and facts.channel == "email" and not facts.digest:
        end = window_end(preferences.digest, now, preferences.zone)
        return Outcome("collected", "digest", due_at=end)
    until = quiet_until(preferences.quiet_hours, now, preferences.zone)
    return Outcome("delayed", "quiet_hours", due_at=until) if until > now else None


def of_messages(group: Delivery, marks: MarksRow | None, reach: Reached) -> Facts:
    """The facts of a conversation, as the log has them; None: no longer a member. What is unread
    may all be older: then it has been shown, and what came later was deleted."""
    if marks is None:
        return Facts(channel=group.channel, there=False, reach=reach)
    return Facts(
        channel=group.channel,
        muted=marks.muted,
        read=marks.read_seq >= group.last_seq,
        delivered=marks.delivered_seq >= group.last_seq,
        unread=marks.unread > 0 and any(one.seq >= group.first_seq for one in marks.previews),
        reach=reach,
    )


def mail_reach(email: str | None, suppressed: bool = False) -> Reached:
    if not email:
        return "nowhere"
    if not ADDRESS.match(email):
        return "bad_address"
    return "suppressed" if suppressed else "reached"
