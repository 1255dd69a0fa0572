"""Owns the record of an upload: reserved, uploaded, attached, condemned. Pure.

The order makes a crash harmless: a record stands before the first byte, and goes after the last.
What is condemned can never be attached again.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from services.persistence.decide.state import Attachment
from services.persistence.decide.transaction import Transaction
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
from shared.errors import NotFound, RateLimited

MAX_UNSENT = 50  # uploads of a user that no message has yet

GONE = Refused.of(NotFound("The upload does not exist any more"))
TOO_MANY = Refused.of(RateLimited(f"You have {MAX_UNSENT} unsent files: send some of them first"))


def reserve(tx: Transaction, command: ReserveAttachment) -> Result:
    waiting = tx.state.unsent.get(command.user_id, 0)
    if waiting >= MAX_UNSENT:
        return TOO_MANY
    tx.state.unsent[command.user_id] = waiting + 1
    now = tx.state.now
    _put(tx, Attachment(command.attachment_id, command.user_id, "reserved", now, command.name))
    return Done()


def commit(tx: Transaction, command: CommitAttachment) -> Result:
    known = tx.state.attachments.get(command.attachment_id)
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
    _put(tx, uploaded)
    return Done()


def condemn(tx: Transaction, command: CondemnAttachments) -> Result:
    """Condemn the uploads that were erased, and those that no message took in time."""
    too_old = tx.state.unsent_before
    due = [
        one
        for one in tx.state.attachments.values()
        if one.state == "condemned" or (one.state != "attached" and one.created_at < too_old)
    ]
    for one in due:
        if one.state != "condemned":
            _put(tx, replace(one, state="condemned", name=""))
    return Condemned([one.attachment_id for one in due])


def forget(tx: Transaction, command: ForgetAttachments) -> Result:
    for attachment_id in command.attachment_ids:
        known = tx.state.attachments.get(attachment_id)
        if known is not None and known.state != "attached":
            del tx.state.attachments[attachment_id]
            tx.changes.attachments.add(attachment_id)
    return Done()


def wanted(tx: Transaction, command: StoreMessage) -> list[Attachment] | None:
    """Return the uploads that the message carries; None unless all of them are the sender's own."""
    if not command.attachments:
        return []
    found = [tx.state.attachments.get(one) for one in command.attachments]
    own = [
        one
        for one in found
        if one is not None and one.owner_id == command.user_id and one.state == "uploaded"
    ]
    return own if len(own) == len(found) else None


def attach(
    tx: Transaction, uploads: Sequence[Attachment], message_id: int
) -> tuple[Attachment, ...]:
    """Attach the uploads to the message, in the order the sender gave."""
    attached = tuple(
        replace(one, state="attached", message_id=message_id, position=position)
        for position, one in enumerate(uploads)
    )
    for one in attached:
        _put(tx, one)
    return attached


def _put(tx: Transaction, attachment: Attachment) -> None:
    tx.state.attachments[attachment.attachment_id] = attachment
    tx.changes.attachments.add(attachment.attachment_id)
