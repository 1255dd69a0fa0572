"""Owns what the services say to each other: commands to the writer, queries to the log, events.

All of it travels as MessagePack. Unknown fields are allowed, so that two versions can run side
by side during a rolling upgrade. Times are integer microseconds since 1970, UTC.
"""

import functools
from collections.abc import Hashable, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from shared.errors import BY_CODE, Internal, LinkupError

T = TypeVar("T", bound=Struct)

MAX_BATCH = 256  # commands a lane sends at once
MAX_BATCH_BYTES = 512 * 1024  # well below the bus's max_payload of 1 MiB
MAX_PAGE_BYTES = 512 * 1024
MAX_HEADS = 500  # users in one comparison of heads


# ------------------------------------------------------------------ commands, for the writer


class StoreMessage(Struct, frozen=True, kw_only=True, tag=True):
    """Store a message once for ever by (user_id, client_id). `to`: makes a direct conversation."""

    user_id: str
    connection_id: str
    client_id: str
    conversation_id: str
    content: str
    to: str | None = None
    after: str | None = None
    reply_to: int | None = None


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


class SetConversation(Struct, frozen=True, kw_only=True, tag=True):
    """A member's own view of a conversation; None keeps what is there."""

    user_id: str
    conversation_id: str
    archived: bool | None = None
    muted: bool | None = None


class PutUser(Struct, frozen=True, kw_only=True, tag=True):
    """Make a user known, with what the host app's token says of them; None keeps what is there."""

    user_id: str
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    avatar: str | None = None


Command = (
    StoreMessage
    | EditMessage
    | DeleteMessage
    | React
    | AdvanceReceipt
    | ReadMessages
    | BeginConversation
    | ClearConversation
    | SetConversation
    | PutUser
)


class Batch(Struct, frozen=True, kw_only=True):
    """What a lane sends: in order, one at a time, numbered 1, 2, 3 … (R1: a repeat is the same)."""

    lane: str
    number: int
    commands: list[Command]


# Results are stored beside the lane's number: short names and arrays keep them small.


class Stored(Struct, frozen=True, array_like=True, tag=True):
    """The message is in the log. `cursor`: its place in the sender's feed, 0 in a duplicate."""

    message_id: int
    conversation_id: str
    seq: int
    created_at: int
    duplicate: bool
    cursor: int


class Done(Struct, frozen=True, array_like=True, tag=True):
    """Carried out, and nothing to tell."""


class Begun(Struct, frozen=True, array_like=True, tag=True):
    """The conversation is there; `created`: since now."""

    created: bool


class Cleared(Struct, frozen=True, array_like=True, tag=True):
    """So many messages went out of the member's sight."""

    count: int


class Refused(Struct, frozen=True, array_like=True, tag=True):
    """Not carried out: a LinkupError on the bus."""

    code: str
    message: str
    retry_after_ms: int | None = None

    def error(self, client_id: str | None = None) -> LinkupError:
        kind = BY_CODE.get(self.code, Internal)
        return kind(self.message, client_id=client_id, retry_after_ms=self.retry_after_ms)


Result = Stored | Done | Begun | Cleared | Refused


class Results(Struct, frozen=True, tag=True):
    """One result per command of the batch, in order."""

    results: list[Result]


class Fenced(Struct, frozen=True, tag=True):
    """A late copy of an older batch: refused as a whole, nothing was done (R1)."""

    number: int


class Failure(Struct, frozen=True, tag=True):
    """The whole request failed with that error."""

    code: str
    message: str
    retry_after_ms: int | None = None

    def error(self) -> LinkupError:
        return BY_CODE.get(self.code, Internal)(self.message, retry_after_ms=self.retry_after_ms)


BatchReply = Results | Fenced | Failure


# ------------------------------------------------------------------ events, for the hub


class Event(Struct, frozen=True, array_like=True):
    """One row of a user's feed. An empty `body` is a placeholder: step over it (R7).

    `body`: the frame as JSON, without its cursor. `origin`: the connection that caused it.
    `conversation_id` and `seq` say what a message event lets the client have read (R13).
    """

    cursor: int
    body: bytes
    origin: str = ""
    conversation_id: str = ""
    seq: int = 0


class Events(Struct, frozen=True, kw_only=True):
    """What one commit added to one user's feed. The hub compares the user id with its own."""

    user_id: str
    epoch: str
    events: list[Event]


class Live(Struct, frozen=True, kw_only=True):
    """A frame for a user's sockets, now or never. The hub compares the user id with its own."""

    user_id: str
    conversation_id: str
    frame: bytes


# ------------------------------------------------------------------ queries, for the log


class Profile(Struct, frozen=True, kw_only=True):
    user_id: str
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    avatar: str | None = None


class Join(Struct, frozen=True, kw_only=True):
    """query `join`: where does this user's feed stand?"""

    user_id: str


class Joined(Struct, frozen=True, kw_only=True):
    epoch: str
    head: int
    profile: Profile | None  # None: a user nobody has made known yet


class Heads(Struct, frozen=True, kw_only=True):
    """query `heads`: how far do these users' feeds reach? At most MAX_HEADS."""

    user_ids: list[str]


class HeadsAnswer(Struct, frozen=True, kw_only=True):
    epoch: str
    heads: dict[str, int]


class FeedPage(Struct, frozen=True, kw_only=True):
    """query `feed`: the user's events after a cursor."""

    user_id: str
    after: int
    limit: int = 500


class FeedPageAnswer(Struct, frozen=True, kw_only=True):
    """A contiguous range: cursors after+1, after+2 … Empty and head > after: it was pruned."""

    epoch: str
    head: int
    events: list[Event]


class Inbox(Struct, frozen=True, kw_only=True):
    """query `conversations`: the user's conversations, latest activity first.

    `before`: the `next` of the page before. `conversation_id`: that one or none, also without a
    message in it.
    """

    user_id: str
    conversation_id: str | None = None
    before: int | None = None
    limit: int = 50


class History(Struct, frozen=True, kw_only=True):
    """query `history`: messages of a conversation, by message ids of that conversation."""

    user_id: str
    conversation_id: str
    before_id: int | None = None
    after_id: int | None = None
    limit: int = 50


class Conversation(Struct, frozen=True, kw_only=True):
    """query `conversation`: one of the user's conversations."""

    user_id: str
    conversation_id: str


class Totals(Struct, frozen=True, kw_only=True):
    """query `unread`: how much the user has not read, with a line of the latest."""

    user_id: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """An answer ready for HTTP: JSON, with the epoch and cursor of its own transaction."""

    body: bytes


class Members(Struct, frozen=True, kw_only=True):
    """query `members`: who is in this conversation of the user's?"""

    user_id: str
    conversation_id: str


class MembersAnswer(Struct, frozen=True, kw_only=True):
    user_ids: list[str]


class LogPage(Struct, frozen=True, kw_only=True):
    """query `log`: rows after a follower's position, which is one number per writer."""

    follower: str
    positions: dict[str, int]
    limit: int = 500


class LogRow(Struct, frozen=True, array_like=True):
    """A row of the log that calls for something: references only.

    A "message" row is one recipient's, who is not its author; `actor_id` wrote it and `seq` is
    the message's. A "receipt" row is the reader's own; `seq` is their read mark. The copies of
    both in other feeds tell a follower nothing new and are left out.
    """

    writer: str
    n: int
    user_id: str
    kind: str
    conversation_id: str
    message_id: int
    seq: int
    actor_id: str
    created_at: int


class LogPageAnswer(Struct, frozen=True, kw_only=True):
    """`positions`: how far this page reaches, which may be beyond its last row."""

    epoch: str
    rows: list[LogRow]
    more: bool
    positions: dict[str, int] = {}


class Unread(Struct, frozen=True, kw_only=True):
    """One member's view of one conversation, for a notification about it."""

    user_id: str
    conversation_id: str


class Marks(Struct, frozen=True, kw_only=True):
    """query `marks`: what has each of these members not read yet, as of now?"""

    asked: list[Unread]
    preview: int = 3  # latest unread messages to bring along, each cut at 500 code points


class Preview(Struct, frozen=True, kw_only=True):
    sender_id: str
    sender_name: str | None
    content: str
    seq: int
    created_at: int


class MarksRow(Struct, frozen=True, kw_only=True):
    """`unread` counts messages of others after `read_seq`; `previews` are the latest, in order."""

    user_id: str
    conversation_id: str
    read_seq: int
    last_seq: int
    unread: int
    profile: Profile
    previews: list[Preview]


class MarksAnswer(Struct, frozen=True, kw_only=True):
    """Rows in the order asked; None where that user is no member of that conversation."""

    epoch: str
    rows: list[MarksRow | None]


# ------------------------------------------------------------------ on the wire

_encoder = msgspec.msgpack.Encoder()


def encode(value: Struct | Sequence[Any]) -> bytes:
    return _encoder.encode(value)


def decode(payload: bytes, kind: type[T]) -> T:
    """Raises msgspec.MsgspecError when the payload is not of that kind."""
    decoder: msgspec.msgpack.Decoder[T] = _decoder_of(kind)
    return decoder.decode(payload)


_reply_decoder: msgspec.msgpack.Decoder[BatchReply] = msgspec.msgpack.Decoder(BatchReply)


def decode_reply(payload: bytes) -> BatchReply:
    return _reply_decoder.decode(payload)


@functools.cache
def _decoder_of(kind: Hashable) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


class Answer(Struct, frozen=True, kw_only=True):
    """Envelope of a query's answer: a failure, or the value."""

    failure: Failure | None = None
    value: bytes = b""


def answer(value: Struct) -> bytes:
    return _encoder.encode(Answer(value=_encoder.encode(value)))


def refusal(error: LinkupError) -> bytes:
    failure = Failure(error.code, error.message, error.retry_after_ms)
    return _encoder.encode(Answer(failure=failure))


def open_answer(payload: bytes, kind: type[T]) -> T:
    """The value of an answer. Raises the LinkupError that came instead of it."""
    envelope: Answer = decode(payload, Answer)
    if envelope.failure is not None:
        raise envelope.failure.error()
    return decode(envelope.value, kind)
