"""Owns the progress of one message among its members, for its sender.

Marks are cumulative: one that reached the message, or passed it, has it. When a mark moved stands
in the reader's own receipt in the feed, and goes when that is pruned.
"""

from typing import NamedTuple

from services.persistence.queries.source import Source
from services.persistence.queries.visibility import visible
from services.persistence.store.connections import Row
from shared.errors import Forbidden, NotFound

SEEN = f"""
SELECT m.message_id, m.conversation_id, m.seq, m.sender_id, m.client_id, m.created_at,
       m.accepted_at, m.edited_at, m.deleted_at
FROM messages AS m
JOIN members AS b ON b.conversation_id = m.conversation_id AND b.user_id = ?2
WHERE m.message_id = ?1 AND {visible("m", "b")}
"""  # noqa: S608 - names, no values
OLDEST = "SELECT created_at FROM feed WHERE n = (SELECT min(n) FROM feed)"
# Those it was for: members when it was sent, and still.
_FOR = "b.conversation_id = ?1 AND b.user_id <> ?3 AND b.joined_at <= ?4"
COUNTS = f"""
SELECT count(*), coalesce(sum(b.delivered_seq >= ?2), 0), coalesce(sum(b.read_seq >= ?2), 0)
FROM members AS b WHERE {_FOR}
"""  # noqa: S608 - names, no values


def _moment(mark: str) -> str:
    """SQL: when that mark reached ?2. The first row at or above it tells, if none before that row
    was pruned: none was where all is kept since the message (?5), or where a lower mark stands."""
    own = "f.conversation_id = b.conversation_id AND f.user_id = b.user_id"
    return (
        f"CASE WHEN b.{mark} >= ?2 AND (?5 OR EXISTS"  # noqa: S608 - names, no values
        f" (SELECT 1 FROM feed AS f WHERE {own} AND f.{mark} < ?2)) THEN"
        f" (SELECT f.created_at FROM feed AS f WHERE {own} AND f.{mark} >= ?2"
        f" ORDER BY f.{mark} LIMIT 1) END"
    )


REACHED = f"""
SELECT b.user_id, u.name, u.avatar, b.delivered_seq >= ?2, b.read_seq >= ?2,
       {_moment("delivered_seq")}, {_moment("read_seq")}
FROM members AS b JOIN users AS u ON u.user_id = b.user_id
WHERE {_FOR} AND b.user_id > ?6 ORDER BY b.user_id LIMIT ?7
"""  # noqa: S608 - names, no values


class Sent(NamedTuple):
    """A message as its sender sees it. `accepted_at`: None of what an older release stored."""

    message_id: int
    conversation_id: str
    seq: int
    sender_id: str
    client_id: str
    created_at: int
    accepted_at: int | None
    edited_at: int | None
    deleted_at: int | None

    @property
    def key(self) -> tuple[str, int, str, int]:
        return self.conversation_id, self.seq, self.sender_id, self.created_at


class Counts(NamedTuple):
    member_count: int
    delivered_count: int
    read_count: int


def sent(source: Source, user_id: str, message_id: int) -> Sent:
    """Raises NotFound, for what does not exist as for what they may not see, and Forbidden."""
    found = source.fetch(SEEN, (message_id, user_id))
    if not found:
        raise NotFound("There is no such message")
    message = Sent(*found[0])
    if message.sender_id != user_id:
        raise Forbidden("Only the sender of the message may do this")
    return message


def counts(source: Source, message: Sent) -> Counts:
    return Counts(*(source.fetch(COUNTS, message.key))[0])


def reached(source: Source, message: Sent, after: str, limit: int) -> list[Row]:
    """Return rows of REACHED, by user id."""
    oldest = source.fetch(OLDEST)
    whole = message.accepted_at is not None and bool(oldest)
    whole = whole and oldest[0][0] <= message.created_at
    return source.fetch(REACHED, (*message.key, whole, after, limit))
