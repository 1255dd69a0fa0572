"""Owns the pages of a user's contacts."""

from services.persistence.queries.source import Source, page_size
from shared import api, frames
from shared.commands import Contacts, Snapshot
from shared.errors import NotFound

USER = "SELECT 1 FROM users WHERE user_id = ?1"
CONTACTS = """
SELECT k.contact_id, u.name, k.created_at
FROM contacts AS k CROSS JOIN users AS u ON u.user_id = k.contact_id
WHERE k.user_id = ?1 AND k.contact_id > ?2 ORDER BY k.contact_id LIMIT ?3
"""


def contacts(source: Source, asked: Contacts) -> Snapshot:
    """Raises NotFound."""
    if not source.fetch(USER, (asked.user_id,)):
        raise NotFound("There is no such user")
    limit = page_size(asked.limit)
    rows = source.fetch(CONTACTS, (asked.user_id, asked.after, limit + 1))
    shown = [
        api.ContactView(user_id=user_id, name=name, created_at=frames.time_of(at))
        for user_id, name, at in rows[:limit]
    ]
    following = shown[-1].user_id if len(rows) > limit else None
    return Snapshot(body=api.encode(api.ContactsAnswer(contacts=shown, next=following)))
