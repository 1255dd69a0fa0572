"""Owns reading a user's feed: where it ends, and its events after a cursor."""

import msgspec

from services.persistence.projection import (
    CONVERSATION_COLUMNS,
    MESSAGE_COLUMNS,
    REACTION_COLUMNS,
    RECEIPT_COLUMNS,
    replayed,
)
from services.persistence.queries.source import PROFILE, Source, profile
from services.persistence.visibility import visible
from shared.commands import (
    MAX_HEADS,
    MAX_PAGE_BYTES,
    Event,
    FeedPage,
    FeedPageAnswer,
    Heads,
    HeadsAnswer,
    Join,
    Joined,
)

MAX_PAGE = 500

JOIN = f"""
SELECT h.head, (SELECT min(f.cursor) FROM feed AS f WHERE f.user_id = h.user_id), {PROFILE}
FROM heads AS h JOIN users AS u ON u.user_id = h.user_id
WHERE h.user_id = ?1
"""  # noqa: S608 - a list of columns
HEADS = "SELECT h.user_id, h.head FROM json_each(?1) AS j JOIN heads AS h ON h.user_id = j.value"
FEED = f"""
SELECT f.cursor, f.kind, f.created_at,
       CASE WHEN m.message_id IS NULL THEN v.user_id IS NOT NULL ELSE {visible("m", "v")} END,
       {MESSAGE_COLUMNS}, {RECEIPT_COLUMNS}, {REACTION_COLUMNS}, {CONVERSATION_COLUMNS}
FROM feed AS f
LEFT JOIN messages AS m ON m.message_id = f.message_id
LEFT JOIN members AS v ON v.conversation_id = coalesce(m.conversation_id, f.conversation_id)
  AND v.user_id = f.user_id
LEFT JOIN members AS b ON b.conversation_id = f.conversation_id AND b.user_id = f.actor_id
LEFT JOIN reactions AS r ON r.message_id = f.message_id AND r.number = f.reaction
LEFT JOIN conversations AS c ON c.conversation_id = f.conversation_id AND f.kind <> 'receipt'
LEFT JOIN group_changes AS g ON g.change_id = f.change_id
WHERE f.user_id = ?1 AND f.cursor > ?2 ORDER BY f.cursor LIMIT ?3
"""  # noqa: S608 - a list of columns


async def join(source: Source, asked: Join) -> Joined:
    rows = await source.fetch(JOIN, (asked.user_id,))
    if not rows:
        return Joined(epoch=source.epoch, head=0, profile=None)
    head, first, *who = rows[0]
    oldest = head if first is None else first - 1
    return Joined(epoch=source.epoch, head=head, profile=profile(who), oldest=oldest)


async def heads(source: Source, asked: Heads) -> HeadsAnswer:
    wanted = msgspec.json.encode(asked.user_ids[:MAX_HEADS]).decode()
    return HeadsAnswer(epoch=source.epoch, heads=dict(await source.fetch(HEADS, (wanted,))))


async def feed(source: Source, asked: FeedPage) -> FeedPageAnswer:
    limit = max(1, min(asked.limit, MAX_PAGE))
    rows = await source.fetch(FEED, (asked.user_id, asked.after, limit))
    events: list[Event] = []
    size = 0
    for row in rows:
        event = replayed(row)
        size += len(event.body) + 64
        if size > MAX_PAGE_BYTES and events:
            break
        events.append(event)
    return FeedPageAnswer(epoch=source.epoch, head=await source.head(asked.user_id), events=events)
