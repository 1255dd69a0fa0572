"""Owns the commands that change messages, and the marks on them."""

from typing import Literal

from msgspec import Struct


class StoreMessage(Struct, frozen=True, kw_only=True, tag=True):
    """Store a message once for ever by (user_id, client_id). `to`: makes a direct conversation.

    `accepted_at`: when the gateway took it, in microseconds since 1970; 0: not known.
    """

    user_id: str
    connection_id: str
    client_id: str
    conversation_id: str
    content: str
    to: str | None = None
    after: str | None = None
    reply_to: int | None = None
    attachments: list[str] = []
    accepted_at: int = 0


class RejectMessage(Struct, frozen=True, kw_only=True, tag=True):
    """Refuse a message that the host app does not allow, in its `words`. If it is a repeat of one
    that is stored, it is answered like a StoreMessage."""

    user_id: str
    message: StoreMessage
    words: str


class EditMessage(Struct, frozen=True, kw_only=True, tag=True):
    """Give an own message another content; what it said before is kept."""

    user_id: str
    message_id: int
    content: str


class DeleteMessage(Struct, frozen=True, kw_only=True, tag=True):
    """Hide a message from this user (`me`), or wipe an own one (`everyone`)."""

    user_id: str
    message_id: int
    mode: Literal["me", "everyone"]


class React(Struct, frozen=True, kw_only=True, tag=True):
    """Set or remove one emoji of this user on a message."""

    user_id: str
    message_id: int
    emoji: str
    remove: bool = False


class AdvanceReceipt(Struct, frozen=True, kw_only=True, tag=True):
    """Move a member's cumulative marks forwards; 0 leaves a mark where it is.

    `read_message_id` names the message to read up to, instead of conversation_id and read_seq.
    """

    user_id: str
    connection_id: str
    conversation_id: str = ""
    delivered_seq: int = 0
    read_seq: int = 0
    read_message_id: int = 0


class ReadMessages(Struct, frozen=True, kw_only=True, tag=True):
    """Move the read mark of each conversation up to the highest of these messages in it."""

    user_id: str
    connection_id: str
    message_ids: list[int]
