"""Owns the inbox: a user's conversations with their last message, marks and unread counts."""

from collections.abc import Sequence

import msgspec

from services.persistence.projection import MESSAGE_COLUMNS, message, preview
from services.persistence.queries.source import MAX_LIST, MAX_UNREAD, Source, fitting
from services.persistence.queries.visibility import newest_unread, visible
from services.persistence.queries.visibility import unread as unread_of
from services.persistence.store.connections import Row
from shared import api, frames
from shared.commands import Conversation, Inbox, Snapshot, Totals
from shared.errors import NotFound

UNREAD_ITEMS = 5
PREVIEW_CHARACTERS = 120

# A direct conversation's other side; with oneself, and in a group, one's own row.
_COLUMNS = f"""
SELECT c.conversation_id, c.kind, c.last_message_id, c.last_seq, c.updated_at,
       b.delivered_seq, b.read_seq, p.delivered_seq, p.read_seq,
       p.user_id, u.name, u.avatar,
       c.title, b.role, b.archived, b.muted, b.blocked, {unread_of("b", "?4")},
       {MESSAGE_COLUMNS}
"""
_SIDES = f"""
JOIN conversations AS c ON c.conversation_id = b.conversation_id
JOIN members AS p ON p.conversation_id = b.conversation_id AND p.user_id = CASE
  WHEN c.kind = 'direct' THEN coalesce((
    SELECT o.user_id FROM members AS o
    WHERE o.conversation_id = b.conversation_id AND o.user_id <> b.user_id), b.user_id)
  ELSE b.user_id END
JOIN users AS u ON u.user_id = p.user_id
LEFT JOIN messages AS m ON m.message_id = (
  SELECT l.message_id FROM messages AS l
  WHERE l.conversation_id = b.conversation_id AND {visible("l", "b")}
  ORDER BY l.seq DESC LIMIT 1)
"""  # noqa: S608 - a list of columns
# Without a message a conversation is not in the list; it is found by its id.
_LISTED = """
FROM members AS o CROSS JOIN conversations AS s ON s.conversation_id = o.conversation_id
WHERE o.user_id = ?1 AND s.last_message_id > 0 AND s.last_message_id < ?2
  AND o.recency <= coalesce((
    SELECT a.recency FROM members AS a WHERE a.user_id = ?1 AND a.conversation_id = coalesce(
      (SELECT m.conversation_id FROM messages AS m WHERE m.message_id = ?2),
      (SELECT g.conversation_id FROM group_changes AS g WHERE g.change_id = ?2))), 9e18)
"""
# The page is found first, by an index that is in order but for what happened in the same stretch
# of the user's feed: from there down to the stretch in which the page is full.
INBOX = f"""
{_COLUMNS} FROM (
  SELECT o.conversation_id {_LISTED} AND o.recency >= coalesce((
    SELECT o.recency {_LISTED} ORDER BY o.recency DESC LIMIT 1 OFFSET ?3 - 1), -9e18)
  ORDER BY s.last_message_id DESC LIMIT ?3) AS page
CROSS JOIN members AS b ON b.conversation_id = page.conversation_id AND b.user_id = ?1
{_SIDES} ORDER BY c.last_message_id DESC
"""
THESE = f"""
{_COLUMNS} FROM members AS b {_SIDES} WHERE b.user_id = ?1 AND c.last_message_id < ?2
  AND b.conversation_id IN (SELECT j.value FROM json_each(?5) AS j)
ORDER BY c.last_message_id DESC LIMIT ?3
"""  # noqa: S608 - names, no values
ONE = f"""
{_COLUMNS} FROM members AS b {_SIDES} WHERE b.user_id = ?1 AND b.conversation_id = ?2 LIMIT ?3
"""
OTHERS = """
SELECT o.conversation_id, count(*), min(o.delivered_seq), min(o.read_seq)
FROM json_each(?2) AS j JOIN members AS o ON o.conversation_id = j.value AND o.user_id <> ?1
GROUP BY o.conversation_id
"""
UNREAD = f"""
SELECT b.conversation_id, {unread_of("b", "?2")}
FROM members AS b JOIN conversations AS c ON c.conversation_id = b.conversation_id
WHERE b.user_id = ?1 AND c.last_seq > b.read_seq AND NOT b.muted AND NOT b.archived
ORDER BY c.last_message_id DESC
"""  # noqa: S608 - names, no values
LATEST = f"""
SELECT m.message_id, m.seq, m.sender_id, u.name, {preview("m", "?3")}, m.created_at
FROM members AS b
JOIN messages AS m ON m.message_id = ({newest_unread("b", "b.read_seq", "1")})
LEFT JOIN users AS u ON u.user_id = m.sender_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2
"""  # noqa: S608 - names, no values


def inbox(source: Source, asked: Inbox) -> Snapshot:
    limit = max(1, min(asked.limit, MAX_LIST))
    rows = _rows(source, asked, limit)
    shown = fitting(rows, limit)
    body = api.InboxAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        conversations=_conversations(source, asked.user_id, shown),
        next=shown[-1][2] if len(rows) > len(shown) else None,
    )
    return Snapshot(body=api.encode(body))


def _rows(source: Source, asked: Inbox, limit: int) -> list[Row]:
    """One more than `limit` says that there are more."""
    if asked.conversation_id is not None:
        return source.fetch(ONE, (asked.user_id, asked.conversation_id, 1, MAX_UNREAD))
    before = asked.before if asked.before is not None else frames.MAX_INT
    page = (asked.user_id, before, limit + 1, MAX_UNREAD)
    if asked.conversation_ids is None:
        return source.fetch(INBOX, page)
    ids = msgspec.json.encode(asked.conversation_ids).decode()
    return source.fetch(THESE, (*page, ids))


def conversation(source: Source, asked: Conversation) -> Snapshot:
    key = (asked.user_id, asked.conversation_id)
    rows = source.fetch(ONE, (*key, 1, MAX_UNREAD))
    if not rows:
        raise NotFound("There is no such conversation")
    body = api.ConversationAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        conversation=(_conversations(source, asked.user_id, rows))[0],
    )
    return Snapshot(body=api.encode(body))


def unread(source: Source, asked: Totals) -> Snapshot:
    """Grows with the conversations that hold something unread, not with their messages. Muted and
    archived ones are left out."""
    found = source.fetch(UNREAD, (asked.user_id, MAX_UNREAD))
    rows = [row for row in found if row[1]]  # here: in SQL each would be counted twice
    body = api.UnreadAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        unread_count=sum(count for _, count in rows),
        conversations=len(rows),
        items=[_item(source, asked.user_id, row) for row in rows[:UNREAD_ITEMS]],
    )
    return Snapshot(body=api.encode(body))


def _item(source: Source, user_id: str, row: Row) -> api.UnreadItem:
    conversation_id, count = row
    wanted = (user_id, conversation_id, PREVIEW_CHARACTERS)
    [(message_id, seq, sender_id, name, preview, at)] = source.fetch(LATEST, wanted)
    return api.UnreadItem(
        conversation_id=conversation_id,
        unread_count=count,
        message_id=message_id,
        seq=seq,
        sender_id=sender_id,
        sender_name=name,
        preview=preview,
        created_at=frames.time_of(at),
    )


def _conversations(source: Source, user_id: str, rows: Sequence[Row]) -> list[api.ConversationView]:
    """Of a group all others count, for a tick is one that everybody has given."""
    places = [row[0] for row in rows if row[1] == "group"]
    wanted = (user_id, msgspec.json.encode(places).decode())
    found = source.fetch(OTHERS, wanted) if places else []
    others = {place: tuple(rest) for place, *rest in found}
    return [_conversation(row, others.get(row[0]), user_id) for row in rows]


def _conversation(
    row: Row, others: tuple[int, int, int] | None, user_id: str
) -> api.ConversationView:
    (
        conversation_id,
        kind,
        _,
        last_seq,
        updated_at,
        delivered_seq,
        read_seq,
        peer_delivered_seq,
        peer_read_seq,
        *rest,
    ) = row
    peer_id, name, avatar, title, role, archived, muted, blocked, count, *last = rest
    direct = kind == "direct"
    member_count = 2 - (peer_id == user_id)
    if others is not None:
        member_count, peer_delivered_seq, peer_read_seq = others[0] + 1, *others[1:]
    return api.ConversationView(
        conversation_id=conversation_id,
        kind=kind,
        title=title,
        role=None if direct else role,
        member_count=member_count,
        peer=api.Peer(user_id=peer_id, name=name, avatar=avatar) if direct else None,
        last_seq=last_seq,
        last_message=message(tuple(last)) if last[0] is not None else None,
        unread_count=count,
        archived=bool(archived),
        muted=bool(muted),
        blocked=bool(blocked),
        delivered_seq=delivered_seq,
        read_seq=read_seq,
        peer_delivered_seq=peer_delivered_seq,
        peer_read_seq=peer_read_seq,
        updated_at=frames.time_of(updated_at),
    )
