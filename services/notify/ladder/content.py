"""Owns the content of a delivery: unread messages, a notification, or a digest of both."""

from collections.abc import Sequence

from msgspec import Struct

from shared.commands import MarksRow, Preview
from shared.frames import Digest, Priority


class MessageContent(Struct, frozen=True, kw_only=True, tag="messages"):
    """The unread messages of one conversation. `previews`: the latest of them, in order, at least
    one. `senders`: how many people wrote the unread ones; 0 if the log did not say."""

    conversation_id: str
    kind: str = "direct"
    title: str | None = None
    unread: int
    senders: int = 0
    previews: Sequence[Preview]

    @classmethod
    def of(cls, marks: MarksRow) -> "MessageContent":
        return cls(
            conversation_id=marks.conversation_id,
            kind=marks.kind,
            title=marks.title,
            unread=marks.unread,
            senders=marks.senders,
            previews=marks.previews,
        )


class NoticeContent(Struct, frozen=True, kw_only=True, tag="notice"):
    """A notification from the host. `sender_id`: empty if nobody caused it."""

    notification_type: str
    priority: Priority = "normal"
    title: str
    body: str = ""
    action_url: str = ""
    sender_id: str = ""
    sender_name: str = ""
    created_at: int


class DigestContent(Struct, frozen=True, kw_only=True, tag="digest"):
    """Everything that was due at the end of a user's window, at least one thing."""

    period: Digest
    conversations: Sequence[MessageContent] = ()
    notices: Sequence[NoticeContent] = ()

    @property
    def unread(self) -> int:
        return sum(conversation.unread for conversation in self.conversations)


Content = MessageContent | NoticeContent | DigestContent
