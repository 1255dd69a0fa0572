"""Owns the followers' log: the rows that call for something, and the marks to judge them by."""

from services.persistence.projection.message import preview
from services.persistence.queries.source import MAX_LIST, MAX_UNREAD, PROFILE, Room, Source, profile
from services.persistence.queries.visibility import newest_unread, unread
from shared.commands import (
    LogPage,
    LogPageAnswer,
    LogRow,
    Marks,
    MarksAnswer,
    MarksRow,
    Preview,
    Unread,
    encode,
)

MAX_LOG_PAGE = 10_000  # rows of the feed looked at; the answer is bounded by its bytes

# One step down the index per writer: a plain DISTINCT or GROUP BY would read all of it.
WRITERS = """
WITH RECURSIVE w (writer) AS (
  SELECT min(writer) FROM feed
  UNION ALL
  SELECT (SELECT min(writer) FROM feed WHERE writer > w.writer) FROM w WHERE w.writer IS NOT NULL
)
SELECT writer, (SELECT min(n) FROM feed WHERE feed.writer = w.writer),
       (SELECT max(n) FROM feed WHERE feed.writer = w.writer)
FROM w WHERE writer IS NOT NULL
"""
LOG = """
SELECT f.writer, f.n, f.user_id, f.kind, m.conversation_id, f.message_id, m.seq, m.sender_id,
       f.created_at
FROM feed AS f JOIN messages AS m ON m.message_id = f.message_id AND m.sender_id <> f.user_id
WHERE f.writer = ?1 AND f.n > ?2 AND f.n <= ?3 AND f.kind = 'message'
UNION ALL
SELECT f.writer, f.n, f.user_id, f.kind, f.conversation_id, 0, b.read_seq, f.actor_id, f.created_at
FROM feed AS f
JOIN members AS b ON b.conversation_id = f.conversation_id AND b.user_id = f.actor_id
WHERE f.writer = ?1 AND f.n > ?2 AND f.n <= ?3 AND f.actor_id = f.user_id
  AND f.kind = 'receipt'
ORDER BY 2
"""
MARKS = f"""
SELECT b.read_seq, c.last_seq, c.kind, c.title, b.muted,
       {unread("b", "?3")},
       {PROFILE}
FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
JOIN users AS u ON u.user_id = b.user_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2
"""  # noqa: S608 - a list of columns
PREVIEWS = f"""
SELECT m.sender_id, u.name, {preview("m", "500")}, m.seq, m.created_at
FROM members AS b
JOIN messages AS m ON m.message_id IN ({newest_unread("b", "?3", "?4")})
LEFT JOIN users AS u ON u.user_id = m.sender_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2 ORDER BY m.seq DESC
"""  # noqa: S608 - names, no values


def log(source: Source, asked: LogPage) -> LogPageAnswer:
    """Rows in each writer's commit order; a writer the follower has not met begins with its oldest.

    What was pruned is stepped over: it has been kept for longer than anybody waits for.
    """
    limit = max(1, min(asked.limit, MAX_LOG_PAGE))
    positions = dict(asked.positions)
    rows: list[LogRow] = []
    more, room = False, Room()
    for writer, first, last in source.fetch(WRITERS):
        after = max(positions.get(writer, 0), first - 1)
        reached = max(after, min(after + limit, last))
        found = [LogRow(*row) for row in source.fetch(LOG, (writer, after, reached))]
        taken = room.fit(map(encode, found))
        if len(taken) < len(found):
            reached = found[len(taken)].n - 1
        rows += taken
        positions[writer] = reached
        more = more or reached < last
    return LogPageAnswer(epoch=source.epoch, rows=rows, more=more, positions=positions)


def marks(source: Source, asked: Marks) -> MarksAnswer:
    return MarksAnswer(
        epoch=source.epoch,
        rows=[_marks(source, one, asked.preview) for one in asked.asked[:MAX_LIST]],
    )


def _marks(source: Source, asked: Unread, preview: int) -> MarksRow | None:
    key = (asked.user_id, asked.conversation_id)
    rows = source.fetch(MARKS, (*key, MAX_UNREAD))
    if not rows:
        return None
    read_seq, last_seq, kind, title, muted, unread, *who = rows[0]
    latest = source.fetch(PREVIEWS, (*key, read_seq, preview))
    previews = [
        Preview(sender_id=sender, sender_name=name, content=content, seq=seq, created_at=at)
        for sender, name, content, seq, at in reversed(latest)
    ]
    return MarksRow(
        user_id=asked.user_id,
        conversation_id=asked.conversation_id,
        read_seq=read_seq,
        last_seq=last_seq,
        kind=kind,
        title=title,
        muted=bool(muted),
        unread=unread,
        profile=profile(who),
        previews=previews,
    )
