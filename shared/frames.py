"""Owns the client-facing contract: every frame, its limits, and the one way in (`decode`).

Frames forbid unknown fields: a client hears of its typing error at once. Feed frames are the
same for every member but for `cursor`, so a body is encoded once and the cursor is spliced in
front of it by `feed_frame`.
"""

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from shared.errors import InvalidFrame, TooLarge

MAX_INT = 2**53 - 1  # what JavaScript can count
MAX_FRAME_BYTES = 64 * 1024
MAX_CONTENT = 5_000  # code points
MAX_EMOJI_BYTES = 32  # in UTF-8: a family with skin tones takes 25 to 41, a flag 8

# \Z: $ would also match before a final newline. Half of a surrogate pair reaches no wire.
_NAME = r"^[^/\x00-\x1f\x7f-\x9f\ud800-\udfff]+\Z"
_PRINTABLE = r"^[!-~]+\Z"
_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*\Z"
_SIGN = r"^[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+\Z"
_IN_WORDS = {  # what to tell a client instead of a regular expression
    _NAME: "of at least one character, without control characters or `/`",
    _PRINTABLE: "of printable ASCII characters without spaces",
    _SIGN: "of at least one character, without control characters or spaces",
    _TEXT: "with something to see in it and without NUL",
}

UserId = Annotated[str, Meta(max_length=128, pattern=_NAME)]
ConversationId = Annotated[str, Meta(max_length=64, pattern=_PRINTABLE)]
ClientId = Annotated[str, Meta(max_length=100, pattern=_PRINTABLE)]
Content = Annotated[str, Meta(max_length=MAX_CONTENT, pattern=_TEXT)]
Emoji = Annotated[str, Meta(max_length=MAX_EMOJI_BYTES, pattern=_SIGN)]
DeleteMode = Literal["me", "everyone"]
PositiveInt = Annotated[int, Meta(ge=1, le=MAX_INT)]
Count = Annotated[int, Meta(ge=0, le=MAX_INT)]
Epoch = Annotated[str, Meta(max_length=64, pattern=_PRINTABLE)]
Change = Literal["begun", "cleared", "settings"]
Token = Annotated[str, Meta(max_length=4096, pattern=_PRINTABLE)]
Device = Annotated[str, Meta(max_length=64, pattern=_PRINTABLE)]
Timestamp = (
    Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)] | float | Annotated[str, Meta(max_length=64)]
)


class CloseCode(IntEnum):
    """Why a socket ends. With 4401, 4403, 4404 and 4408 do not come back with the same token."""

    LOST = 1006  # never sent: what a socket that just broke off is said to have ended with
    RESTART = 1012
    TRY_AGAIN = 1013
    ASKED = 4000
    SLOW_CONSUMER = 4001
    DRAINED = 4002
    TOO_MANY = 4029
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    NO_SUCH_USER = 4404
    ABUSE = 4408


# ------------------------------------------------------------------ client → server


class Hello(Struct, frozen=True, kw_only=True, tag="hello", forbid_unknown_fields=True):
    """The first frame: who is there, and from where the feed goes on."""

    token: Token | None = None
    epoch: Epoch | None = None
    cursor: Count | None = None
    device: Device | None = None


class SendMessage(Struct, frozen=True, kw_only=True, tag="message", forbid_unknown_fields=True):
    """A message to a user (`to`) or a conversation; answered by `ack` or `error`.

    `after` names the sender's previous `client_id`: this one is stored only after that one.
    `reply_to` is a message of the same conversation.
    """

    client_id: ClientId
    content: Content
    to: UserId | None = None
    conversation_id: ConversationId | None = None
    after: ClientId | None = None
    reply_to: PositiveInt | None = None
    exactly_one: ClassVar[tuple[str, ...]] = ("to", "conversation_id")  # for the schema

    def __post_init__(self) -> None:
        if (self.to is None) == (self.conversation_id is None):
            raise ValueError("Expected exactly one of `to` and `conversation_id`")


class EditMessage(
    Struct, frozen=True, kw_only=True, tag="edit_message", forbid_unknown_fields=True
):
    """Another content for an own message, within the server's window."""

    message_id: PositiveInt
    content: Content
    client_id: ClientId | None = None


class DeleteMessage(
    Struct, frozen=True, kw_only=True, tag="delete_message", forbid_unknown_fields=True
):
    """`me` hides any message from this user; `everyone` wipes an own one, within the window."""

    message_id: PositiveInt
    mode: DeleteMode
    client_id: ClientId | None = None


class React(Struct, frozen=True, kw_only=True, tag="react", forbid_unknown_fields=True):
    """One emoji on a message; each user has one of each. `remove` takes it back."""

    message_id: PositiveInt
    emoji: Emoji
    remove: bool = False
    client_id: ClientId | None = None

    def __post_init__(self) -> None:
        check_emoji(self.emoji)


class Delivered(Struct, frozen=True, kw_only=True, tag="delivered", forbid_unknown_fields=True):
    """Cumulative: this device holds everything of the conversation up to `seq`."""

    conversation_id: ConversationId
    seq: PositiveInt
    client_id: ClientId | None = None


class ReadReceipt(
    Struct, frozen=True, kw_only=True, tag="read_receipt", forbid_unknown_fields=True
):
    """Moves the read mark up to that message, never back."""

    message_id: PositiveInt
    client_id: ClientId | None = None


class BulkReadReceipt(
    Struct, frozen=True, kw_only=True, tag="bulk_read_receipt", forbid_unknown_fields=True
):
    """Moves the read mark of each conversation up to the highest of these messages in it."""

    message_ids: Annotated[list[PositiveInt], Meta(min_length=1, max_length=500)]
    client_id: ClientId | None = None


class MarkChatRead(
    Struct, frozen=True, kw_only=True, tag="mark_chat_read", forbid_unknown_fields=True
):
    """Moves the read mark to `up_to`, or to the last message this connection was sent."""

    conversation_id: ConversationId
    up_to: PositiveInt | None = None
    client_id: ClientId | None = None


class SyncRequest(
    Struct, frozen=True, kw_only=True, tag="sync_request", forbid_unknown_fields=True
):
    """Replays the feed after `cursor` (by default: after what this connection was sent)."""

    cursor: Count | None = None


class Ping(Struct, frozen=True, kw_only=True, tag="ping", forbid_unknown_fields=True):
    timestamp: Timestamp | None = None


class Typing(Struct, frozen=True, kw_only=True, tag="typing", forbid_unknown_fields=True):
    """For the others in the conversation, now: never stored, dropped first."""

    is_typing: bool
    to: UserId | None = None
    conversation_id: ConversationId | None = None

    def __post_init__(self) -> None:
        if (self.to is None) == (self.conversation_id is None):
            raise ValueError("Expected exactly one of `to` and `conversation_id`")


class GetConnectionStatus(
    Struct, frozen=True, kw_only=True, tag="get_connection_status", forbid_unknown_fields=True
):
    """Answered by `connection_status`."""


class ForceReconnect(
    Struct, frozen=True, kw_only=True, tag="force_reconnect", forbid_unknown_fields=True
):
    """Answered by `reconnect` and the end of the socket, 4000."""


class Refresh(Struct, frozen=True, kw_only=True, tag="refresh", forbid_unknown_fields=True):
    """A newer token of the same user: the socket lives as long as that one says."""

    token: Token
    client_id: ClientId | None = None


ClientFrame = (
    Hello
    | SendMessage
    | EditMessage
    | DeleteMessage
    | React
    | Delivered
    | ReadReceipt
    | BulkReadReceipt
    | MarkChatRead
    | SyncRequest
    | Ping
    | Typing
    | GetConnectionStatus
    | ForceReconnect
    | Refresh
)


def check_emoji(emoji: str) -> None:
    """Raises ValueError for one that takes too many bytes."""
    if len(emoji.encode()) > MAX_EMOJI_BYTES:
        raise ValueError(f"Expected `emoji` of at most {MAX_EMOJI_BYTES} bytes")


# ------------------------------------------------------------------ server → client


class Limits(Struct, frozen=True, kw_only=True):
    """What this server accepts; sizes in bytes or code points, rates per second."""

    max_frame_bytes: int = MAX_FRAME_BYTES
    max_content: int = MAX_CONTENT
    message_burst: int
    message_rate: float


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome"):
    user_id: str
    connection_id: str
    epoch: str
    cursor: int
    heartbeat_ms: int
    recovered: bool
    limits: Limits


class SyncCompleted(Struct, frozen=True, kw_only=True, tag="sync_completed"):
    """All that was missed has been sent; live frames follow."""

    cursor: int


class ResyncRequired(Struct, frozen=True, kw_only=True, tag="resync_required"):
    """The feed cannot go on from the client's cursor: reload the inbox over HTTP."""

    reason: str
    epoch: str
    cursor: int


class Reconnect(Struct, frozen=True, kw_only=True, tag="reconnect"):
    after_ms: int
    reason: str


class Pong(Struct, frozen=True, kw_only=True, tag="pong", omit_defaults=True):
    cursor: int
    timestamp: int | float | str | None = None


class Ack(Struct, frozen=True, kw_only=True, tag="ack"):
    """Committed and synced to disk (C1). Never moves the client's cursor.

    The fields about a message are there when the frame it answers was one.
    """

    client_id: str
    message_id: int | UnsetType = UNSET
    conversation_id: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    duplicate: bool = False


class Reactions(Struct, frozen=True, kw_only=True):
    """Who set that emoji, in the order they did."""

    emoji: str
    user_ids: list[str]


class Message(Struct, frozen=True, kw_only=True, tag="message"):
    """A message as it is now: a replayed one shows its edits, and as a tombstone no content.

    `version` counts every change of it, reactions too.
    """

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    sender_id: str
    client_id: str
    content: str
    reply_to: int | UnsetType = UNSET
    reactions: list[Reactions] | UnsetType = UNSET
    created_at: datetime
    updated_at: datetime
    edited_at: datetime | UnsetType = UNSET
    deleted_at: datetime | UnsetType = UNSET


class MessageUpdated(Struct, frozen=True, kw_only=True, tag="message_updated"):
    """The message says something else now."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    content: str
    edited_at: datetime
    updated_at: datetime


class MessageDeleted(Struct, frozen=True, kw_only=True, tag="message_deleted"):
    """`everyone`: show a tombstone in its place; `me`: this user sees it no more."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    mode: DeleteMode
    deleted_at: datetime


class Reaction(Struct, frozen=True, kw_only=True, tag="reaction"):
    """That user set that emoji, or took it back."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    version: int
    user_id: str
    emoji: str
    removed: bool


class Receipt(Struct, frozen=True, kw_only=True, tag="receipt"):
    """How far a member got. Both marks are cumulative and only ever grow."""

    cursor: int | UnsetType = UNSET
    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int
    at: datetime


class TypingNow(Struct, frozen=True, kw_only=True, tag="typing"):
    """Somebody else is typing, or has stopped; without another word it ends after 5 s."""

    conversation_id: str
    user_id: str
    is_typing: bool


class ConnectionStatus(Struct, frozen=True, kw_only=True, tag="connection_status"):
    """This socket as the server sees it. `pending`: frames that wait to be written to it."""

    state: str = "connected"
    connection_id: str
    connected_at: datetime
    cursor: int
    pending: int


class Conversation(Struct, frozen=True, kw_only=True, tag="conversation"):
    """A conversation begins, or its member has changed their own view of it."""

    cursor: int | UnsetType = UNSET
    conversation_id: str
    version: int
    kind: str
    members: list[str]
    change: Change
    cleared_seq: int
    archived: bool
    muted: bool


class Error(Struct, frozen=True, kw_only=True, tag="error", omit_defaults=True):
    code: str
    message: str
    temporary: bool
    client_id: str | None = None
    retry_after_ms: int | None = None


ServerFrame = (
    Welcome
    | SyncCompleted
    | ResyncRequired
    | Reconnect
    | Pong
    | Ack
    | Message
    | MessageUpdated
    | MessageDeleted
    | Reaction
    | Receipt
    | TypingNow
    | ConnectionStatus
    | Conversation
    | Error
)


# ------------------------------------------------------------------ in and out


class _ClientIdOnly(Struct):
    """Second chance for a frame that does not decode: whom does the error concern?"""

    client_id: ClientId | None = None


_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_message_decoder = msgspec.json.Decoder(Message)
_client_id_decoder = msgspec.json.Decoder(_ClientIdOnly)
_encoder = msgspec.json.Encoder()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode(text: str | bytes, max_bytes: int = MAX_FRAME_BYTES) -> ClientFrame:
    """One frame of a client, valid as a whole.

    Raises InvalidFrame, naming the fault and echoing the `client_id` where one can be read, and
    TooLarge above `max_bytes`.
    """
    if size(text) > max_bytes:
        raise TooLarge(f"A frame holds at most {max_bytes} bytes", client_id=_client_id_of(text))
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise InvalidFrame("The frame is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidFrame(fault(error), client_id=_client_id_of(text)) from None


def decode_message(body: bytes) -> Message:
    """A message's body as the log encodes it."""
    return _message_decoder.decode(body)


def encode(frame: Struct) -> bytes:
    return _encoder.encode(frame)


def feed_frame(cursor: int, body: bytes) -> bytes:
    """The frame one user receives: their cursor in front of the body all members share."""
    return b'{"cursor":%d,%b' % (cursor, body[1:])


def time_of(microseconds: int) -> datetime:
    """UTC, from integer microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def fault(error: Exception) -> str:
    """A decoding error in words for a client: bounded, printable, without regular expressions."""
    text = str(error).replace("Input data was truncated", "JSON is malformed: it ends too early")
    for pattern, words in _IN_WORDS.items():
        text = text.replace(f"matching regex {pattern!r}", words)
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    return "".join(c if c.isprintable() else "\ufffd" for c in shown)


def size(text: str | bytes) -> int:
    """Bytes on the wire; for ASCII, which Python knows by itself, without counting."""
    if isinstance(text, bytes) or text.isascii():
        return len(text)
    return len(text.encode(errors="surrogatepass"))


def _client_id_of(text: str | bytes) -> str | None:
    try:
        return _client_id_decoder.decode(text).client_id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
