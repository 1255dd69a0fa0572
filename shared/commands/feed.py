"""Owns the queries for the feeds of users: where they stand, and what they contain."""

from msgspec import Struct

from shared.commands.event import Event
from shared.commands.people import Profile
from shared.commands.standing import Standing

MAX_JOINS = 500  # users in one question about where their feeds stand
MAX_FEEDS = 100  # feeds in one question for a page of each
MAX_HEADS = 500  # users in one comparison of heads


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
    """The states of feeds in the order asked, as many as the bus carries at once, at least one."""

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
    """A user's events after a cursor, at most `limit` of them."""

    user_id: str
    after: int
    limit: int = 500


class FeedPages(Struct, frozen=True, kw_only=True, tag="feeds"):
    """Asks for a page of each of these feeds, at most MAX_FEEDS."""

    asked: list[FeedFrom]


class FeedPageAnswer(Struct, frozen=True, kw_only=True):
    """A contiguous range of events: cursors after+1, after+2 … If it is empty and head > after, the
    range was pruned."""

    epoch: str
    head: int
    events: list[Event]


class FeedPagesAnswer(Struct, frozen=True, kw_only=True):
    """The pages in the order asked, as many as the bus carries at once, at least one; all of one
    snapshot."""

    pages: list[FeedPageAnswer]
