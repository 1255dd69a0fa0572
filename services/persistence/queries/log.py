"""Owns the log as its followers read it: the rows that may need a notification, and the marks."""

from services.persistence.projection.message import preview
from services.persistence.queries.omissions import omissions
from services.persistence.queries.source import (
    MAX_LIST,
    MAX_UNREAD,
    PROFILE,
    Source,
    fit,
    page_size,
    profile,
)
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

WRITER = "1"  # a log position is (writer, n), and SQLite has one writer
ENDS = "SELECT coalesce((SELECT min(n) FROM feed), 1), coalesce((SELECT max(n) FROM feed), 0)"
# Of a message the rows of those who did not send it, of all else the member's own.
_LOG = """
FROM feed AS f
LEFT JOIN messages AS m ON f.kind = 'message' AND m.message_id = f.message_id
LEFT JOIN members AS b ON f.actor_id = f.user_id AND f.kind IN ('receipt', 'cleared', 'set')
  AND b.conversation_id = f.conversation_id AND b.user_id = f.actor_id
WHERE f.n > ?1 AND f.n <= ?2 AND (m.sender_id <> f.user_id OR b.user_id IS NOT NULL
  OR f.kind IN ('erasing', 'erased')
  OR (f.kind IN ('member_removed', 'left') AND NOT EXISTS (SELECT 1 FROM members AS v
    WHERE v.conversation_id = f.conversation_id AND v.user_id = f.user_id)))
ORDER BY f.n
"""
_COLUMNS = f"""
SELECT '{WRITER}', f.n, f.user_id, f.kind, coalesce(m.conversation_id, f.conversation_id, ''),
       coalesce(m.message_id, 0),
       coalesce(m.seq, CASE f.kind WHEN 'receipt' THEN b.read_seq WHEN 'cleared' THEN b.cleared_seq
         WHEN 'set' THEN b.muted OR b.blocked ELSE 0 END),
       coalesce(m.sender_id, f.user_id), f.created_at
"""
LOG = f"{_COLUMNS} {_LOG}"
# Mutes are few: they have an index of their own, and cost nothing where there are none.
ANY_MUTE = "SELECT min(user_id) FROM members WHERE muted"
LOG_WITH_MUTES = f"""
{_COLUMNS}, EXISTS (SELECT 1 FROM members AS u INDEXED BY members_muted
  WHERE u.muted AND u.user_id = f.user_id AND u.conversation_id = m.conversation_id) {_LOG}
"""  # noqa: S608 - constants
MARKS = f"""
SELECT b.read_seq, b.delivered_seq, c.last_seq, c.kind, c.title, b.muted,
       {unread("b", "?3")},
       {PROFILE}
FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
JOIN users AS u ON u.user_id = b.user_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2
  AND NOT EXISTS (SELECT 1 FROM standings AS s WHERE s.user_id = b.user_id AND s.banned)
"""  # noqa: S608 - a list of columns
PREVIEWS = f"""
SELECT m.sender_id, u.name, {preview("m", "500")}, m.seq, m.created_at
FROM members AS b
JOIN messages AS m ON m.message_id IN ({newest_unread("b", "?3", "?4")})
LEFT JOIN users AS u ON u.user_id = m.sender_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2 ORDER BY m.seq DESC
"""  # noqa: S608 - names, no values
SENDERS = f"""
SELECT count(DISTINCT m.sender_id)
FROM members AS b
JOIN messages AS m ON m.message_id IN ({newest_unread("b", "?3", "?4")})
WHERE b.user_id = ?1 AND b.conversation_id = ?2
"""  # noqa: S608 - names, no values


def log(source: Source, asked: LogPage) -> LogPageAnswer:
    """Return rows in commit order; a follower that names no position begins with the oldest.

    What was pruned is stepped over: it has been kept for longer than anybody waits for.
    """
    limit = page_size(asked.limit, MAX_LOG_PAGE)
    [(first, last)] = source.fetch(ENDS)
    after = max(asked.positions.get(WRITER, 0), first - 1)
    reached = max(after, min(after + limit, last))
    rows = _rows(source, (after, reached))
    taken = fit(map(encode, rows))
    if len(taken) < len(rows):
        reached = rows[len(taken)].n - 1
    return LogPageAnswer(
        epoch=source.epoch,
        rows=taken,
        more=reached < last,
        positions={**asked.positions, WRITER: reached},
        stood=asked.stood,
    )


def _rows(source: Source, between: tuple[int, int]) -> list[LogRow]:
    [(first,)] = source.fetch(ANY_MUTE)
    if first is None:
        return [LogRow(*row) for row in source.fetch(LOG, between)]
    return [LogRow(*(*row[:-1], bool(row[-1]))) for row in source.fetch(LOG_WITH_MUTES, between)]


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
    read_seq, delivered_seq, last_seq, kind, title, muted, unread, *who = rows[0]
    latest = source.fetch(PREVIEWS, (*key, read_seq, preview))
    previews = [
        Preview(sender_id=sender, sender_name=name, content=content, seq=seq, created_at=at)
        for sender, name, content, seq, at in reversed(latest)
    ]
    return MarksRow(
        user_id=asked.user_id,
        conversation_id=asked.conversation_id,
        read_seq=read_seq,
        delivered_seq=delivered_seq,
        last_seq=last_seq,
        kind=kind,
        title=title,
        muted=bool(muted),
        unread=unread,
        senders=_senders(source, key, read_seq) if kind == "group" else min(unread, 1),
        profile=profile(who),
        previews=previews,
        omissions=omissions(source, key, read_seq, last_seq, unread),
    )


def _senders(source: Source, member: tuple[str, str], read_seq: int) -> int:
    [(count,)] = source.fetch(SENDERS, (*member, read_seq, MAX_UNREAD))
    return int(count)
