"""Owns what an e-mail or a push about a conversation leaves out: messages that are not unread."""

from collections.abc import Iterable

from services.persistence.queries.source import Source
from services.persistence.queries.visibility import visible
from shared.commands import Omissions

MAX_LOOKED_AT = 10_000  # messages, the newest
MAX_RANGES = 200

# The member's own, too: this way a range ends only where something is shown.
LEFT_OUT = f"""
SELECT m.seq FROM members AS b
JOIN messages AS m ON m.conversation_id = b.conversation_id AND m.seq > ?3
WHERE b.user_id = ?1 AND b.conversation_id = ?2
  AND (m.sender_id = b.user_id OR m.deleted_at IS NOT NULL OR NOT {visible("m", "b")})
ORDER BY m.seq DESC
"""  # noqa: S608 - names, no values


def omissions(
    source: Source, member: tuple[str, str], read_seq: int, last_seq: int, unread: int
) -> Omissions:
    """`unread`: how many messages between the two marks are shown or counted."""
    if unread == last_seq - read_seq:
        return Omissions(read_seq + 1)
    after = max(read_seq, last_seq - MAX_LOOKED_AT)
    found = ranges(seq for (seq,) in source.fetch(LEFT_OUT, (*member, after)))
    if len(found) > MAX_RANGES:
        after = found[MAX_RANGES][1]
    return Omissions(after + 1, found[:MAX_RANGES])


def ranges(descending: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and the last number of each series without gaps, the highest first."""
    found: list[tuple[int, int]] = []
    for number in descending:
        if found and found[-1][0] == number + 1:
            found[-1] = (number, found[-1][1])
        else:
            found.append((number, number))
    return found
