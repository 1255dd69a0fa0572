"""Owns the queries to the log, and their answers.

A question's tag is its type on the wire, and the end of the subject that it is asked on.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from shared.commands.audit_log import AuditLogPage
from shared.commands.errors import ErrorPage
from shared.commands.event import Event
from shared.commands.hook import Details, FactPage, LeaveLog
from shared.commands.progress import Receipts, Timeline, Trace
from shared.commands.report import OneReport, ReportPage
from shared.commands.standing import Standing

MAX_PAGE_BYTES = 512 * 1024
MAX_JOINS = 500  # users in one question about where their feeds stand
MAX_FEEDS = 100  # feeds in one question for a page of each
MAX_HEADS = 500  # users in one comparison of heads
MAX_GLIMPSES = 200  # messages in one question
MAX_ACQUAINTANCES = 1000  # users asked for at once: half of what the bus carries


class Profile(Struct, frozen=True, kw_only=True):
    user_id: str
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    avatar: str | None = None


class Joins(Struct, frozen=True, kw_only=True, tag="joins"):
    """Asks for the profiles and last cursors of users, at most MAX_JOINS."""

    user_ids: list[str]


class Joined(Struct, frozen=True, kw_only=True):
    """The state of a user's feed. `oldest` is the cursor behind which it is whole; earlier rows
    are pruned. `standing` is None if it is good."""

    epoch: str
    head: int
    profile: Profile | None  # None: a user nobody has made known yet, or who is erased
    oldest: int = 0
    standing: Standing | None = None


class JoinsAnswer(Struct, frozen=True, kw_only=True):
    """In the order asked, as many as the bus carries at once, at least one."""

    joined: list[Joined]


class Heads(Struct, frozen=True, kw_only=True, tag="heads"):
    """Asks for the last cursors of users, at most MAX_HEADS."""

    user_ids: list[str]


class HeadsAnswer(Struct, frozen=True, kw_only=True):
    """The heads of feeds. `standings` has the users whose standing is not good."""

    epoch: str
    heads: dict[str, int]
    standings: dict[str, Standing] = {}


class FeedFrom(Struct, frozen=True, array_like=True):
    """Ask for a user's events after a cursor, at most `limit` of them."""

    user_id: str
    after: int
    limit: int = 500


class FeedPages(Struct, frozen=True, kw_only=True, tag="feeds"):
    """A page of each of these feeds. At most MAX_FEEDS."""

    asked: list[FeedFrom]


class FeedPageAnswer(Struct, frozen=True, kw_only=True):
    """A contiguous range: cursors after+1, after+2 … Empty and head > after: it was pruned."""

    epoch: str
    head: int
    events: list[Event]


class FeedPagesAnswer(Struct, frozen=True, kw_only=True):
    """In the order asked, as many as the bus carries at once, at least one; of one snapshot."""

    pages: list[FeedPageAnswer]


class Inbox(Struct, frozen=True, kw_only=True, tag="conversations"):
    """The user's conversations, latest activity first.

    `before`: the `next` of the page before. `conversation_id`: that one or none, also without a
    message in it; `conversation_ids`: those of them that are the user's.
    """

    user_id: str
    conversation_id: str | None = None
    conversation_ids: list[str] | None = None
    before: int | None = None
    limit: int = 50


class History(Struct, frozen=True, kw_only=True, tag="history"):
    """Messages of a conversation, by message ids of that conversation.

    `message_ids`: those of them that are there; then neither `before_id` nor `after_id`.
    """

    user_id: str
    conversation_id: str
    message_ids: list[int] | None = None
    before_id: int | None = None
    after_id: int | None = None
    limit: int = 50


class Conversation(Struct, frozen=True, kw_only=True, tag="conversation"):
    """One of the user's conversations."""

    user_id: str
    conversation_id: str


class Totals(Struct, frozen=True, kw_only=True, tag="unread"):
    """Asks for the unread totals of a user, with previews of the latest messages."""

    user_id: str


class Search(Struct, frozen=True, kw_only=True, tag="search"):
    """Messages that hold all these words. `before`: the `next` of a page."""

    user_id: str
    q: str
    conversation_id: str | None = None
    before: int | None = None
    limit: int = 50


class ReadUser(Struct, frozen=True, kw_only=True, tag="user"):
    """Asks for another user who does not block this one, or for themselves."""

    user_id: str
    other_id: str


class FindUsers(Struct, frozen=True, kw_only=True, tag="users"):
    """Asks for users to whom this user may write, by the words of their names. `after` is the
    `next` of a page."""

    user_id: str
    q: str
    after: str = ""
    limit: int = 50


class ListUsers(Struct, frozen=True, kw_only=True, tag="list_users"):
    """Asks for all users by id, for those whom `q` finds, or for only one; without the reserved
    ones. `after` is the `next` of a page."""

    q: str | None = None
    user_id: str | None = None
    after: str = ""
    limit: int = 50


class Snapshot(Struct, frozen=True, kw_only=True):
    """An answer ready for HTTP: JSON, with the epoch and cursor of its own transaction."""

    body: bytes


class Members(Struct, frozen=True, kw_only=True, tag="members"):
    """Asks for the members of a conversation of the user."""

    user_id: str
    conversation_id: str


class MembersAnswer(Struct, frozen=True, kw_only=True):
    user_ids: list[str]


class Acquaintances(Struct, frozen=True, kw_only=True, tag="acquaintances"):
    """Asks with which of these users, at most MAX_ACQUAINTANCES, the user shares a conversation.
    Everybody shares one with themselves."""

    user_id: str
    asked: list[str]


class AcquaintancesAnswer(Struct, frozen=True, kw_only=True):
    """Only those. `last_seen` by user id, in microseconds since 1970; None: not known."""

    last_seen: dict[str, int | None]


class Roster(Struct, frozen=True, kw_only=True, tag="roster"):
    """The members of this conversation of the user's, by user id.

    `after`: the `next` of the page before.
    """

    user_id: str
    conversation_id: str
    after: str = ""
    limit: int = 50


class Attachment(Struct, frozen=True, kw_only=True, tag="attachment"):
    """One that this user may see; without a user, as a signed URL grants."""

    attachment_id: str
    user_id: str | None = None


class Attachments(Struct, frozen=True, kw_only=True, tag="attachments"):
    """The ones among them that this user may see."""

    attachment_ids: list[str]
    user_id: str


class AttachmentRecord(Struct, frozen=True, kw_only=True):
    """`size` in bytes."""

    attachment_id: str
    name: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    thumbnail: bool


class AttachmentRecords(Struct, frozen=True, kw_only=True):
    records: list[AttachmentRecord]


class Blocks(Struct, frozen=True, kw_only=True, tag="blocks"):
    """Asks for the users that this user blocks, by user id. `after`: the `next` of a page.

    `other_id`: only that one.
    """

    user_id: str
    other_id: str | None = None
    after: str = ""
    limit: int = 50


class Contacts(Struct, frozen=True, kw_only=True, tag="contacts"):
    """Asks for the contacts of a user, by user id. `after`: the `next` of a page."""

    user_id: str
    after: str = ""
    limit: int = 50


class AttachedFiles(Struct, frozen=True, kw_only=True, tag="attached_files"):
    """Asks for the files of messages, in the order of their ids."""

    after: str = ""
    limit: int = 500


class AttachedFile(Struct, frozen=True, kw_only=True):
    """`thumbnail`: the file has one, which is a file of its own."""

    attachment_id: str
    message_id: int
    conversation_id: str
    thumbnail: bool


class AttachedFilesAnswer(Struct, frozen=True, kw_only=True):
    """Fewer than asked for: these are the last."""

    files: list[AttachedFile]


class LinkKey(Struct, frozen=True, kw_only=True, tag="link_key"):
    """Asks for the key with which all gateways sign the URLs of files."""


class LinkKeyAnswer(Struct, frozen=True, kw_only=True):
    key: bytes


class LogPage(Struct, frozen=True, kw_only=True, tag="log"):
    """Rows after a follower's position, which is one number per writer.

    Asking registers the position: what lies behind it need not be kept for this follower. Who
    has lost its place sends none, and goes on from the registered one. `epoch`: of the store the
    position belongs to. `stood`: persistence fills in the position that was registered before.
    """

    follower: str
    positions: dict[str, int]
    epoch: str = ""
    limit: int = 500
    stood: Mapping[str, int] = {}


class LogRow(Struct, frozen=True, array_like=True):
    """A row of the log that calls for something: references only.

    A "message" row is one recipient's, who is not its author; `actor_id` wrote it, `seq` is the
    message's, and `muted` says whether the recipient has muted the conversation. A "receipt" row
    is the reader's own; `seq` is their read mark. The copies of both in other feeds tell a follower
    nothing new and are left out.

    Rows of other kinds are a member's own, too. "cleared": `seq` is that of the last message that
    they have cleared. "set": `seq` is 1 if they have muted the conversation or block the other
    side, or else 0. "left" and "member_removed": the user is no member any more. "erasing": the
    user is erased from now on; "erased": nothing is left of them.
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
    muted: bool = False


class LogPageAnswer(Struct, frozen=True, kw_only=True):
    """`positions`: how far this page reaches, which may be beyond its last row. `stood`: where the
    follower said before that it stands; beyond its position, that is an older copy of it."""

    epoch: str
    rows: list[LogRow]
    more: bool
    positions: dict[str, int] = {}
    stood: Mapping[str, int] = {}


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


class MarksRow(Struct, frozen=True, kw_only=True):
    """`unread` counts messages of others after `read_seq`, and `senders` who wrote them;
    `previews` are the latest, in order."""

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
    """`rows` in the order asked; None where that user is no member of that conversation. Of the
    `senders` those who are known, without their addresses."""

    rows: list[Glimpse | None]
    senders: list[Profile] = []


class Erasure(Struct, frozen=True, kw_only=True, tag="erasure"):
    """Asks for the state of a user's erasure."""

    user_id: str


class ErasureAnswer(Struct, frozen=True, kw_only=True):
    """The state of an erasure. `finished_at` is None while something is left in the store.
    `files` is the number of files still to be deleted. Times are microseconds since 1970."""

    asked_at: int
    finished_at: int | None
    files: int


ExportPart = Literal[
    "conversations",
    "messages",
    "system_messages",
    "versions",
    "reactions",
    "files",
    "blocks",
    "contacts",
    "reports",
    "hidden",
    "receipts",
]


class Export(Struct, frozen=True, kw_only=True, tag="export"):
    """A page of a part of what is stored of a user. `after`: the `next` of a page."""

    user_id: str
    part: ExportPart
    after: str = ""


class ExportAnswer(Struct, frozen=True, kw_only=True):
    """A page. `rows` are encoded as JSON, and may be none; `next` is empty on the last page."""

    rows: list[bytes]
    next: str


class Readiness(Struct, frozen=True, kw_only=True, tag="health"):
    """question `health`, to persistence and to notify: is all there that it needs?"""


class Examination(Struct, frozen=True, kw_only=True, tag="examination"):
    """question `health`, to persistence and to notify: the whole report, a HealthAnswer."""


class ReadinessAnswer(Struct, frozen=True, kw_only=True):
    """`failing`: of each check that fails, why, in words; empty when it is ready."""

    failing: dict[str, str]


Question = (
    Joins
    | Heads
    | FeedPages
    | Inbox
    | Conversation
    | Totals
    | History
    | Roster
    | Blocks
    | Contacts
    | Receipts
    | Timeline
    | Trace
    | Search
    | ReadUser
    | FindUsers
    | ListUsers
    | Attachment
    | Attachments
    | AttachedFiles
    | LinkKey
    | LogPage
    | Marks
    | Glimpses
    | Acquaintances
    | Members
    | ErrorPage
    | AuditLogPage
    | FactPage
    | Details
    | LeaveLog
    | ReportPage
    | OneReport
    | Erasure
    | Export
)
