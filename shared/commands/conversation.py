"""Owns the commands that change conversations, the queries for them, and their answers."""

from msgspec import Struct

from shared.frames.fields import Role


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
    """Add users to a group. Existing members keep their roles."""

    user_id: str
    conversation_id: str
    members: list[str]


class RemoveMember(Struct, frozen=True, kw_only=True, tag=True):
    """Take a member out of a group; oneself: leave it."""

    user_id: str
    conversation_id: str
    member_id: str


class SetRole(Struct, frozen=True, kw_only=True, tag=True):
    """Change the role of a group member."""

    user_id: str
    conversation_id: str
    member_id: str
    role: Role


class SetConversation(Struct, frozen=True, kw_only=True, tag=True):
    """Change a member's own view of a conversation, or a group's title; None keeps what is
    there."""

    user_id: str
    conversation_id: str
    archived: bool | None = None
    muted: bool | None = None
    title: str | None = None


class Inbox(Struct, frozen=True, kw_only=True, tag="conversations"):
    """Asks for the user's conversations, latest activity first.

    `before`: the `next` of the page before. `conversation_id`: that one or none, also without a
    message in it; `conversation_ids`: those of them that are the user's.
    """

    user_id: str
    conversation_id: str | None = None
    conversation_ids: list[str] | None = None
    before: int | None = None
    limit: int = 50


class Conversation(Struct, frozen=True, kw_only=True, tag="conversation"):
    """Asks for one of the user's conversations."""

    user_id: str
    conversation_id: str


class Totals(Struct, frozen=True, kw_only=True, tag="unread"):
    """Asks for the unread totals of a user, with previews of the latest messages."""

    user_id: str


class History(Struct, frozen=True, kw_only=True, tag="history"):
    """Asks for messages of a conversation, by message ids of that conversation.

    `message_ids`: those of them that are there; then neither `before_id` nor `after_id`.
    """

    user_id: str
    conversation_id: str
    message_ids: list[int] | None = None
    before_id: int | None = None
    after_id: int | None = None
    limit: int = 50


class Search(Struct, frozen=True, kw_only=True, tag="search"):
    """Asks for messages that hold all these words. `before`: the `next` of a page."""

    user_id: str
    q: str
    conversation_id: str | None = None
    before: int | None = None
    limit: int = 50


class Roster(Struct, frozen=True, kw_only=True, tag="roster"):
    """Asks for the members of this conversation of the user's, by user id.

    `after`: the `next` of the page before.
    """

    user_id: str
    conversation_id: str
    after: str = ""
    limit: int = 50


class Members(Struct, frozen=True, kw_only=True, tag="members"):
    """Asks for the members of a conversation of the user."""

    user_id: str
    conversation_id: str


class MembersAnswer(Struct, frozen=True, kw_only=True):
    user_ids: list[str]
