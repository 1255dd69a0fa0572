"""Owns what becomes of an upload's record: reserved, uploaded, attached, condemned. Pure.

The order makes a crash harmless: a record stands before the first byte, and goes after the last.
What is condemned can never be attached again.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from services.persistence.decide.state import Attachment
from services.persistence.decide.transaction import Turn
from shared.commands import (
    CommitAttachment,
    CondemnAttachments,
    Condemned,
    Done,
    ForgetAttachments,
    Refused,
    ReserveAttachment,
    Result,
    StoreMessage,
)

MAX_UNSENT = 50  # uploads of a user that no message has yet

GONE = Refused("not_found", "The upload was given up")
TOO_MANY = Refused("rate_limited", f"{MAX_UNSENT} uploads wait to be sent: send some, or wait")


def reserve(turn: Turn, command: ReserveAttachment) -> Result:
    waiting = turn.state.unsent.get(command.user_id, 0)
    if waiting >= MAX_UNSENT:
        return TOO_MANY
    turn.state.unsent[command.user_id] = waiting + 1
    now = turn.state.now
    _put(turn, Attachment(command.attachment_id, command.user_id, "reserved", now, command.name))
    return Done()


def commit(turn: Turn, command: CommitAttachment) -> Result:
    known = turn.state.attachments.get(command.attachment_id)
    if known is None or known.owner_id != command.user_id or known.state != "reserved":
        return GONE
    uploaded = replace(
        known,
        state="uploaded",
        media_type=command.media_type,
        size=command.size,
        width=command.width,
        height=command.height,
        thumbnail=command.thumbnail,
    )
    _put(turn, uploaded)
    return Done()


def condemn(turn: Turn, command: CondemnAttachments) -> Result:
    """Of those that were read: what was erased, and what no message took in time."""
    too_old = turn.state.unsent_before
    due = [
        one
        for one in turn.state.attachments.values()
        if one.state == "condemned" or (one.state != "attached" and one.created_at < too_old)
    ]
    for one in due:
        if one.state != "condemned":
            _put(turn, replace(one, state="condemned", name=""))
    return Condemned([one.attachment_id for one in due])


def forget(turn: Turn, command: ForgetAttachments) -> Result:
    for attachment_id in command.attachment_ids:
        known = turn.state.attachments.get(attachment_id)
        if known is not None and known.state != "attached":
            del turn.state.attachments[attachment_id]
            turn.changes.attachments.add(attachment_id)
    return Done()


def wanted(turn: Turn, command: StoreMessage) -> list[Attachment] | None:
    """What the message is to carry; None unless all of it are uploads of the sender's own."""
    found = [turn.state.attachments.get(one) for one in command.attachments]
    own = [
        one
        for one in found
        if one is not None and one.owner_id == command.user_id and one.state == "uploaded"
    ]
    return own if len(own) == len(found) else None


def attach(turn: Turn, uploads: Sequence[Attachment], message_id: int) -> tuple[Attachment, ...]:
    """In the order the sender gave."""
    attached = tuple(
        replace(one, state="attached", message_id=message_id, position=position)
        for position, one in enumerate(uploads)
    )
    for one in attached:
        _put(turn, one)
    return attached


def _put(turn: Turn, attachment: Attachment) -> None:
    turn.state.attachments[attachment.attachment_id] = attachment
    turn.changes.attachments.add(attachment.attachment_id)
