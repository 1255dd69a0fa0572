"""Owns the pages of a conversation's members, with their roles and marks."""

from services.persistence.queries.membership import member
from services.persistence.queries.source import Source, fit, page_size
from services.persistence.store.connections import Row
from shared import api
from shared.commands import Roster, Snapshot

ROSTER = """
SELECT b.user_id, u.name, u.avatar, b.role, b.delivered_seq, b.read_seq
FROM members AS b JOIN users AS u ON u.user_id = b.user_id
WHERE b.conversation_id = ?1 AND b.user_id > ?2 ORDER BY b.user_id LIMIT ?3
"""


def roster(source: Source, asked: Roster) -> Snapshot:
    member(source, asked.user_id, asked.conversation_id)
    limit = page_size(asked.limit)
    rows = source.fetch(ROSTER, (asked.conversation_id, asked.after, limit + 1))
    shown = fit(api.encode(_member(row)) for row in rows[:limit])
    body = api.MembersAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        conversation_id=asked.conversation_id,
        members=shown,
        next=rows[len(shown) - 1][0] if len(rows) > len(shown) else None,
    )
    return Snapshot(body=api.encode(body))


def _member(row: Row) -> api.MemberView:
    user_id, name, avatar, role, delivered_seq, read_seq = row
    return api.MemberView(
        user_id=user_id,
        name=name,
        avatar=avatar,
        role=role,
        delivered_seq=delivered_seq,
        read_seq=read_seq,
    )
