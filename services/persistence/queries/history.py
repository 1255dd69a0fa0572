"""Owns a conversation's pages, by message ids of that conversation."""

import msgspec

from services.persistence.projection.message import MESSAGE_COLUMNS, message_body
from services.persistence.queries.membership import member
from services.persistence.queries.source import MAX_LIST, Source, fit, page_size
from services.persistence.queries.visibility import visible
from services.persistence.store.connections import Row
from shared import api, frames
from shared.commands import History, Snapshot
from shared.errors import InvalidRequest

_MEMBERS = f"""
SELECT {MESSAGE_COLUMNS} FROM members AS b
JOIN messages AS m ON m.conversation_id = b.conversation_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2 AND {visible("m", "b")}
"""  # noqa: S608 - a list of columns
OLDER = f"{_MEMBERS} AND m.seq < ?3 ORDER BY m.seq DESC LIMIT ?4"
NEWER = f"{_MEMBERS} AND m.seq > ?3 ORDER BY m.seq LIMIT ?4"
THESE = f"""
SELECT {MESSAGE_COLUMNS} FROM json_each(?3) AS j
CROSS JOIN messages AS m ON m.message_id = j.value AND m.conversation_id = ?2
CROSS JOIN members AS b ON b.conversation_id = m.conversation_id AND b.user_id = ?1
WHERE {visible("m", "b")} ORDER BY m.seq
"""  # noqa: S608 - a list of columns
# What this member has seen, though they may have hidden or cleared it since: a page goes on from
# what a device still shows. What was said before they came does not exist for them.
SEQ = """
SELECT m.seq FROM messages AS m
JOIN members AS b ON b.conversation_id = m.conversation_id AND b.user_id = ?1
WHERE m.message_id = ?3 AND m.conversation_id = ?2
  AND (m.seq > b.cleared_seq OR m.created_at >= b.joined_at)
"""


def history(source: Source, asked: History) -> Snapshot:
    member(source, asked.user_id, asked.conversation_id)
    limit = MAX_LIST if asked.message_ids is not None else page_size(asked.limit)
    rows = _rows(source, asked, limit + 1)
    page = fit(message_body(*row) for row in rows[:limit])
    in_order = asked.message_ids is not None or asked.after_id is not None
    body = api.HistoryAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        conversation_id=asked.conversation_id,
        messages=page if in_order else page[::-1],
        has_more=len(rows) > len(page),
    )
    return Snapshot(body=api.encode(body))


def _rows(source: Source, asked: History, limit: int) -> list[Row]:
    """Return rows, those nearest to what the page goes on from first."""
    key = (asked.user_id, asked.conversation_id)
    if asked.message_ids is not None:
        return source.fetch(THESE, (*key, msgspec.json.encode(asked.message_ids).decode()))
    if asked.after_id is not None:
        seq = _seq(source, key, asked.after_id, "after_id")
        return source.fetch(NEWER, (*key, seq, limit))
    seq = frames.MAX_INT
    if asked.before_id is not None:
        seq = _seq(source, key, asked.before_id, "before_id")
    return source.fetch(OLDER, (*key, seq, limit))


def _seq(source: Source, key: tuple[str, str], message_id: int, parameter: str) -> int:
    rows = source.fetch(SEQ, (*key, message_id))
    if not rows:
        message = f"`{parameter}` is not a message of this conversation"
        raise InvalidRequest(message, field=parameter)
    return int(rows[0][0])
