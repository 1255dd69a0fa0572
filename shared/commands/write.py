"""Owns the commands to the writer, and the batches that contain them."""

from typing import Literal

from msgspec import Raw, Struct

from shared.commands.standing import Disconnect, RevokeToken, SetBan
from shared.frames.fields import Reason, Role

MAX_BATCH = 256  # commands a lane sends at once
MAX_BATCH_BYTES = 512 * 1024  # well below the bus's max_payload of 1 MiB


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


class BeginConversation(Struct, frozen=True, kw_only=True, tag=True):
    """Make the direct conversation with `to`, if there is none yet."""

    user_id: str
    conversation_id: str
    to: str


class ClearConversation(Struct, frozen=True, kw_only=True, tag=True):
    """Hide everything said so far from this member."""

    user_id: str
    conversation_id: str


class CreateGroup(Struct, frozen=True, kw_only=True, tag=True):
    """Make a group of this user and these members. The id stands for the request: the same again
    changes nothing."""

    user_id: str
    conversation_id: str
    title: str
    members: list[str]


class AddMembers(Struct, frozen=True, kw_only=True, tag=True):
    """Adds users to a group. Existing members keep their roles."""

    user_id: str
    conversation_id: str
    members: list[str]


class RemoveMember(Struct, frozen=True, kw_only=True, tag=True):
    """Take a member out of a group; oneself: leave it."""

    user_id: str
    conversation_id: str
    member_id: str


class SetRole(Struct, frozen=True, kw_only=True, tag=True):
    """Changes the role of a group member."""

    user_id: str
    conversation_id: str
    member_id: str
    role: Role


class SetConversation(Struct, frozen=True, kw_only=True, tag=True):
    """A member's own view of a conversation, and a group's title; None keeps what is there."""

    user_id: str
    conversation_id: str
    archived: bool | None = None
    muted: bool | None = None
    title: str | None = None


class SetBlock(Struct, frozen=True, kw_only=True, tag=True):
    """Blocks or unblocks `other_id`; `conversation_id` is that of the two, which need not exist."""

    user_id: str
    conversation_id: str
    other_id: str
    blocked: bool


class SetContact(Struct, frozen=True, kw_only=True, tag=True):
    """Let two users write to each other, or end that, where only contacts may."""

    user_id: str
    other_id: str
    allowed: bool


class FileReport(Struct, frozen=True, kw_only=True, tag=True):
    """Tell the operator of a message, or else of a user. The id stands for the request: the same
    again changes nothing."""

    user_id: str
    report_id: str
    other_id: str | None
    message_id: int | None
    reason: Reason
    comment: str


class ReserveAttachment(Struct, frozen=True, kw_only=True, tag=True):
    """An upload begins: from now on its bytes are never without a record."""

    user_id: str
    attachment_id: str
    name: str


class CommitAttachment(Struct, frozen=True, kw_only=True, tag=True):
    """The upload is whole and on the disk: a message may carry it. `size` in bytes."""

    user_id: str
    attachment_id: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    thumbnail: bool = False


class CondemnAttachments(Struct, frozen=True, kw_only=True, tag=True):
    """Name what no message has in time, or no more: its bytes are to go. Answered by Condemned."""

    user_id: str = ""


class ForgetAttachments(Struct, frozen=True, kw_only=True, tag=True):
    """The bytes of these are gone: drop the records, but for what a message has."""

    attachment_ids: list[str]
    user_id: str = ""


class PutUser(Struct, frozen=True, kw_only=True, tag=True):
    """Make a user known, with what the host app's token says of them; None keeps what is there,
    an empty text takes it away."""

    user_id: str
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    avatar: str | None = None


class RecordChange(Struct, frozen=True, kw_only=True, tag=True):
    """Add an entry to the audit log: a request with that key was to change something.

    `target`: the ids in the path, or those that the route adds. `status`: of the HTTP answer.
    """

    key: str
    route: str
    target: str
    status: int
    user_id: str = ""


class IssueTicket(Struct, frozen=True, kw_only=True, tag=True):
    """A ticket of that hash opens one socket of this user, in the name of a token. Times in
    microseconds."""

    user_id: str
    ticket_hash: str
    token_expires_at: int
    token_issued_at: int = 0
    token_id: str = ""


class TakeTicket(Struct, frozen=True, kw_only=True, tag=True):
    """Use up the ticket of that hash; `user_id` is empty, nobody knows it yet."""

    user_id: str
    ticket_hash: str


class TouchUser(Struct, frozen=True, kw_only=True, tag=True):
    """The user's last socket went at that time (microseconds since 1970)."""

    user_id: str
    at: int


class EraseUser(Struct, frozen=True, kw_only=True, tag=True):
    """Erase a user: from now on the id is nobody's, and what is left of them is deleted in steps.
    The same again changes nothing."""

    user_id: str


class EraseTraces(Struct, frozen=True, kw_only=True, tag=True):
    """A step of an erasure: these conversations are left, and the messages, reactions and uploads
    are wiped, as far as they are those of the erased user."""

    user_id: str
    conversation_ids: list[str] = []
    message_ids: list[int] = []
    reactions: list[tuple[int, str]] = []  # the message, the emoji
    attachment_ids: list[str] = []


class FinishErasure(Struct, frozen=True, kw_only=True, tag=True):
    """Ends an erasure: nothing is left of the user but numbers and ids."""

    user_id: str


Command = (
    StoreMessage
    | RejectMessage
    | EditMessage
    | DeleteMessage
    | React
    | AdvanceReceipt
    | ReadMessages
    | BeginConversation
    | ClearConversation
    | SetConversation
    | CreateGroup
    | AddMembers
    | RemoveMember
    | SetRole
    | SetBlock
    | SetContact
    | FileReport
    | ReserveAttachment
    | CommitAttachment
    | CondemnAttachments
    | ForgetAttachments
    | PutUser
    | RecordChange
    | IssueTicket
    | TakeTicket
    | TouchUser
    | SetBan
    | Disconnect
    | RevokeToken
    | EraseUser
    | EraseTraces
    | FinishErasure
)


class Batch(Struct, frozen=True, kw_only=True):
    """A batch of a lane. Those of a lane are numbered 1, 2, 3 … (R1: a repeat is the same)."""

    lane: str
    number: int
    commands: list[Command]


class EncodedBatch(Struct, frozen=True, kw_only=True):
    """A Batch of commands that are encoded already: its bytes are those of the Batch."""

    lane: str
    number: int
    commands: list[Raw]
