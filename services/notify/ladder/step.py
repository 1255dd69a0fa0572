"""Owns the decision about a delivery that is due: to send it, or why not."""

from services.notify.ladder.delivery import ADDRESS, Delivery, Outcome
from shared.commands import MarksRow


def next_step(group: Delivery, marks: MarksRow | None) -> Outcome | None:
    """A claimed delivery, and what the log says of it: how it ends, or None to send it."""
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
