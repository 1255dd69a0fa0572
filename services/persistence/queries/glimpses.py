"""Owns the beginnings of messages, for lists that only refer to them."""

import msgspec

from services.persistence.projection.message import preview
from services.persistence.queries.source import Source
from services.persistence.queries.visibility import visible
from shared.commands import MAX_GLIMPSES, Glimpse, Glimpsed, Glimpses, GlimpsesAnswer, Profile

_READABLE = f"(m.deleted_at IS NULL AND {visible('m', 'b')} AND NOT b.blocked)"
# The newest that may be read; where none may, the last one says who wrote it.
GLIMPSE = f"""
SELECT coalesce(c.title, ''), g.sender_id, coalesce(u.name, ''), coalesce(u.avatar, ''),
       CASE WHEN g.message_id = r.message_id THEN {preview("g", "200")} END
FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
LEFT JOIN messages AS r ON r.message_id = (
  SELECT m.message_id FROM messages AS m
  WHERE m.conversation_id = b.conversation_id AND m.seq >= ?3 AND m.seq <= ?4
    AND m.sender_id <> b.user_id AND {_READABLE}
  ORDER BY m.seq DESC LIMIT 1)
JOIN messages AS g ON g.conversation_id = b.conversation_id AND g.seq = coalesce(r.seq, ?4)
LEFT JOIN users AS u ON u.user_id = g.sender_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2
"""  # noqa: S608 - names, no values
SENDERS = """
SELECT u.user_id, u.name, u.avatar FROM json_each(?1) AS j JOIN users AS u ON u.user_id = j.value
"""


def glimpses(source: Source, asked: Glimpses) -> GlimpsesAnswer:
    sender_ids = msgspec.json.encode(asked.sender_ids[:MAX_GLIMPSES]).decode()
    return GlimpsesAnswer(
        rows=[_glimpse(source, one) for one in asked.asked[:MAX_GLIMPSES]],
        senders=[
            Profile(user_id=user_id, name=name, avatar=avatar)
            for user_id, name, avatar in source.fetch(SENDERS, (sender_ids,))
        ],
    )


def _glimpse(source: Source, asked: Glimpsed) -> Glimpse | None:
    parameters = (asked.user_id, asked.conversation_id, asked.first_seq, asked.last_seq)
    for title, sender_id, name, avatar, content in source.fetch(GLIMPSE, parameters):
        return Glimpse(
            title=title,
            sender_id=sender_id,
            sender_name=name,
            sender_avatar=avatar,
            content=content,
        )
    return None
