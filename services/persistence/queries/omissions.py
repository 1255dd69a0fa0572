"""Owns what an e-mail or a push about a conversation leaves out: messages that are not unread."""

from collections.abc import Iterable

from services.persistence.queries.source import Source
from services.persistence.queries.visibility import runs, visible
from shared.commands import Omissions

MAX_LOOKED_AT = 10_000  # messages, the newest
MAX_RANGES = 200

# The member's own, too: this way a range ends only where something is shown. They are read by runs.
LEFT_OUT = f"""
SELECT coalesce(m.seq, max(run.below, ?3) + 1), coalesce(m.seq, run.top)
FROM {runs("?2", "?3", "coalesce(r.others_seq, r.seq - 1)")}
JOIN members AS b ON b.user_id = ?1 AND b.conversation_id = ?2
LEFT JOIN messages AS m ON m.conversation_id = b.conversation_id
  AND m.seq > max(run.below, ?3)
  AND m.seq <= CASE WHEN run.sender_id = b.user_id THEN 0 ELSE run.top END
  AND (m.deleted_at IS NOT NULL OR NOT {visible("m", "b")})
WHERE run.sender_id = b.user_id OR m.seq IS NOT NULL
ORDER BY 2 DESC
"""  # noqa: S608 - names, no values


def omissions(
    source: Source, member: tuple[str, str], read_seq: int, last_seq: int, unread: int
) -> Omissions:
    """`unread`: how many messages between the two marks are shown or counted."""
    if unread == last_seq - read_seq:
        return Omissions(read_seq + 1)
    after = max(read_seq, last_seq - MAX_LOOKED_AT)
    found = joined(source.fetch(LEFT_OUT, (*member, after)))
    if len(found) > MAX_RANGES:
        after = found[MAX_RANGES][1]
    return Omissions(after + 1, found[:MAX_RANGES])


def joined(descending: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return these ranges, the highest first, with one in the place of those without a gap."""
    found: list[tuple[int, int]] = []
    for first, last in descending:
        if found and found[-1][0] == last + 1:
            found[-1] = (first, found[-1][1])
        else:
            found.append((first, last))
    return found
