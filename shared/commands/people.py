"""Owns the commands that change users and their contacts and blocks, and the queries for them."""

from msgspec import Struct

MAX_ACQUAINTANCES = 1000  # users asked for at once: half of what the bus carries


class PutUser(Struct, frozen=True, kw_only=True, tag=True):
    """Make a user known, with what the host app's token says of them; None keeps what is there,
    an empty text takes it away."""

    user_id: str
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    avatar: str | None = None


class TouchUser(Struct, frozen=True, kw_only=True, tag=True):
    """Record when the user's last socket went, in microseconds since 1970."""

    user_id: str
    at: int


class SetContact(Struct, frozen=True, kw_only=True, tag=True):
    """Let two users write to each other, or end that, where only contacts may."""

    user_id: str
    other_id: str
    allowed: bool


class SetBlock(Struct, frozen=True, kw_only=True, tag=True):
    """Block or unblock `other_id`. `conversation_id` is that of the two, which need not exist."""

    user_id: str
    conversation_id: str
    other_id: str
    blocked: bool


class Profile(Struct, frozen=True, kw_only=True):
    user_id: str
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    avatar: str | None = None


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


class Contacts(Struct, frozen=True, kw_only=True, tag="contacts"):
    """Asks for the contacts of a user, by user id. `after`: the `next` of a page."""

    user_id: str
    after: str = ""
    limit: int = 50


class Blocks(Struct, frozen=True, kw_only=True, tag="blocks"):
    """Asks for the users that this user blocks, by user id. `after`: the `next` of a page.

    `other_id`: only that one.
    """

    user_id: str
    other_id: str | None = None
    after: str = ""
    limit: int = 50


class Acquaintances(Struct, frozen=True, kw_only=True, tag="acquaintances"):
    """Asks with which of these users, at most MAX_ACQUAINTANCES, the user shares a conversation.
    Everybody shares one with themselves."""

    user_id: str
    asked: list[str]


class AcquaintancesAnswer(Struct, frozen=True, kw_only=True):
    """The users with whom a conversation is shared. `last_seen` is by user id, in microseconds
    since 1970; None: not known."""

    last_seen: dict[str, int | None]
