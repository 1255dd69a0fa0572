"""Owns the pages of blocked users."""

from services.persistence.queries.source import Source, page_size
from shared import api, frames
from shared.commands import Blocks, Snapshot

BLOCKS = """
SELECT k.blocked_id, u.name, u.avatar, k.created_at
FROM blocks AS k JOIN users AS u ON u.user_id = k.blocked_id
WHERE k.user_id = ?1 AND k.blocked_id > ?2 ORDER BY k.blocked_id LIMIT ?3
"""
ONE = """
SELECT k.blocked_id, u.name, u.avatar, k.created_at
FROM blocks AS k JOIN users AS u ON u.user_id = k.blocked_id
WHERE k.user_id = ?1 AND k.blocked_id = ?2
"""


def blocks(source: Source, asked: Blocks) -> Snapshot:
    limit = page_size(asked.limit)
    if asked.other_id is None:
        rows = source.fetch(BLOCKS, (asked.user_id, asked.after, limit + 1))
    else:
        rows = source.fetch(ONE, (asked.user_id, asked.other_id))
    shown = [
        api.BlockView(user_id=user_id, name=name, avatar=avatar, created_at=frames.time_of(at))
        for user_id, name, avatar, at in rows[:limit]
    ]
    body = api.BlocksAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        blocks=shown,
        next=shown[-1].user_id if len(rows) > limit else None,
    )
    return Snapshot(body=api.encode(body))
