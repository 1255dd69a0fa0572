"""Owns the queries for the unread messages that a notification is about, and their answers."""

from msgspec import Struct

from shared.commands.people import Profile

MAX_GLIMPSES = 200  # messages in one question


class Unread(Struct, frozen=True, kw_only=True):
    """One member's view of one conversation, for a notification about it."""

    user_id: str
    conversation_id: str


class Marks(Struct, frozen=True, kw_only=True, tag="marks"):
    """Asks for the unread messages of each of these members."""

    asked: list[Unread]
    preview: int = 3  # latest unread messages to bring along, each cut at 500 code points


class Preview(Struct, frozen=True, kw_only=True):
    sender_id: str
    sender_name: str | None
    content: str
    seq: int
    created_at: int


class Omissions(Struct, frozen=True, array_like=True):
    """The messages of a conversation that are neither shown nor counted as unread, such as deleted
    ones: those before `first_seq`, and those of each range, from its first to its last number."""

    first_seq: int = 0
    ranges: list[tuple[int, int]] = []

    def include(self, seq: int) -> bool:
        return seq < self.first_seq or any(first <= seq <= last for first, last in self.ranges)


class MarksRow(Struct, frozen=True, kw_only=True):
    """The unread messages of one member in one conversation.

    `unread` counts messages of others after `read_seq`, and `senders` who wrote them; `previews`
    are the latest, in order.
    """

    user_id: str
    conversation_id: str
    read_seq: int
    delivered_seq: int = 0
    last_seq: int
    kind: str = "direct"
    title: str | None = None
    muted: bool = False
    unread: int
    senders: int = 0
    profile: Profile
    previews: list[Preview]
    omissions: Omissions = Omissions()


class MarksAnswer(Struct, frozen=True, kw_only=True):
    """The rows in the order asked; one is None if the user is no member of the conversation, or is
    banned."""

    epoch: str
    rows: list[MarksRow | None]


class Glimpsed(Struct, frozen=True, array_like=True):
    """Messages of others to that member, from one `seq` to another."""

    user_id: str
    conversation_id: str
    first_seq: int
    last_seq: int


class Glimpses(Struct, frozen=True, kw_only=True, tag="glimpses"):
    """Asks for the newest message of each of these, as the member may see it now, and for the
    names and avatars of other users."""

    asked: list[Glimpsed]
    sender_ids: list[str] = []


class Glimpse(Struct, frozen=True, kw_only=True):
    """The beginning of a message, at most 200 code points; None where it is deleted or hidden.

    `title`: of a group. The name and the avatar of the sender are "" where they have none.
    """

    title: str = ""
    sender_id: str
    sender_name: str = ""
    sender_avatar: str = ""
    content: str | None


class GlimpsesAnswer(Struct, frozen=True, kw_only=True):
    """The newest messages in the order asked. A row is None if that user is no member of that
    conversation. `senders` has those who are known, without their addresses."""

    rows: list[Glimpse | None]
    senders: list[Profile] = []
