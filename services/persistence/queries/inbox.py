"""Owns the inbox: a user's conversations with their last message, marks and unread counts."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from services.persistence.projection.message import (
    MESSAGE_COLUMNS,
    MESSAGE_WIDTH,
    MessageRow,
    message_body,
    preview,
)
from services.persistence.queries.source import MAX_UNREAD, Source, fit, page_size
from services.persistence.queries.visibility import newest_unread, visible
from services.persistence.queries.visibility import unread as unread_of
from services.persistence.store.connections import Row
from shared import api, frames
from shared.commands import Conversation, Inbox, Snapshot, Totals
from shared.errors import NotFound
from shared.frames import Role

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


class InboxRow(NamedTuple):
    """One conversation as its member sees it. `peer_…`: of the other side of a direct one."""

    conversation_id: str
    kind: str
    last_message_id: int
    last_seq: int
    updated_at: int
    delivered_seq: int
    read_seq: int
    peer_delivered_seq: int
    peer_read_seq: int
    peer_id: str
    peer_name: str | None
    peer_avatar: str | None
    title: str | None
    role: Role
    archived: int
    muted: int
    blocked: int
    unread_count: int
    last: MessageRow  # without an id where they see none


def inbox(source: Source, asked: Inbox) -> Snapshot:
    limit = page_size(asked.limit)
    rows = _rows(source, asked, limit)
    shown = fit(map(api.encode, _conversations(source, asked.user_id, rows[:limit])))
    body = api.InboxAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        conversations=shown,
        next=rows[len(shown) - 1].last_message_id if len(rows) > len(shown) else None,
    )
    return Snapshot(body=api.encode(body))


def _rows(source: Source, asked: Inbox, limit: int) -> list[InboxRow]:
    """Return rows; one more than `limit` says that there are more."""
    if asked.conversation_id is not None:
        return _fetch(source, ONE, (asked.user_id, asked.conversation_id, 1, MAX_UNREAD))
    before = asked.before if asked.before is not None else frames.MAX_INT
    page = (asked.user_id, before, limit + 1, MAX_UNREAD)
    if asked.conversation_ids is None:
        return _fetch(source, INBOX, page)
    ids = msgspec.json.encode(asked.conversation_ids).decode()
    return _fetch(source, THESE, (*page, ids))


def _fetch(source: Source, sql: str, parameters: tuple[Any, ...]) -> list[InboxRow]:
    found = source.fetch(sql, parameters)
    split = ((*row[:-MESSAGE_WIDTH], MessageRow(*row[-MESSAGE_WIDTH:])) for row in found)
    return [InboxRow._make(row) for row in split]


def conversation(source: Source, asked: Conversation) -> Snapshot:
    key = (asked.user_id, asked.conversation_id)
    rows = _fetch(source, ONE, (*key, 1, MAX_UNREAD))
    if not rows:
        raise NotFound("There is no such conversation")
    body = api.ConversationAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        conversation=next(_conversations(source, asked.user_id, rows)),
    )
    return Snapshot(body=api.encode(body))


def unread(source: Source, asked: Totals) -> Snapshot:
    """Return the unread totals. The cost grows with the conversations that hold something unread,
    not with their messages. Muted and archived ones are left out."""
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


def _conversations(
    source: Source, user_id: str, rows: Sequence[InboxRow]
) -> Iterator[api.ConversationView]:
    """Yield the views. In a group a message has a tick once all the others have given it."""
    groups = [row.conversation_id for row in rows if row.kind == "group"]
    wanted = (user_id, msgspec.json.encode(groups).decode())
    found = source.fetch(OTHERS, wanted) if groups else []
    others = {group: (count, delivered, read) for group, count, delivered, read in found}
    for row in rows:
        mine = (int(row.peer_id != user_id), row.peer_delivered_seq, row.peer_read_seq)
        yield _conversation(row, *others.get(row.conversation_id, mine))


def _conversation(
    row: InboxRow, others: int, delivered_seq: int, read_seq: int
) -> api.ConversationView:
    """Return a conversation. Pass the number of other members and the lowest of their marks."""
    direct = row.kind == "direct"
    last: Any = None if row.last.message_id is None else Raw(message_body(*row.last))
    peer = api.Peer(user_id=row.peer_id, name=row.peer_name, avatar=row.peer_avatar)
    return api.ConversationView(
        conversation_id=row.conversation_id,
        kind=row.kind,
        title=row.title,
        role=None if direct else row.role,
        member_count=others + 1,
        peer=peer if direct else None,
        last_seq=row.last_seq,
        last_message=last,
        unread_count=row.unread_count,
        archived=bool(row.archived),
        muted=bool(row.muted),
        blocked=bool(row.blocked),
        delivered_seq=row.delivered_seq,
        read_seq=row.read_seq,
        peer_delivered_seq=delivered_seq,
        peer_read_seq=read_seq,
        updated_at=frames.time_of(row.updated_at),
    )
