"""Invisible characters part no words: messages that hold one are listed anew."""

import re
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

from services.persistence.store import words

revision = "0012"
down_revision = "0011"

AT_ONCE = 1000
CHANGED = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u0131\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U00016fe4\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
META = sa.text("SELECT key, value FROM meta WHERE key IN ('hash_key', 'indexed')")
NEXT = sa.text("""
SELECT message_id, conversation_id, content FROM messages
WHERE message_id > :after AND message_id <= :indexed ORDER BY message_id LIMIT :limit
""")
FORGET = sa.text("DELETE FROM words WHERE word = :word AND message_id = :message_id")
LEARN = sa.text("""
INSERT INTO words (word, message_id) VALUES (:word, :message_id) ON CONFLICT DO NOTHING
""")


def upgrade() -> None:
    connection = op.get_bind()
    meta: dict[str, str] = {key: value for key, value in connection.execute(META)}
    if "indexed" not in meta:
        return
    secret, indexed, after = bytes.fromhex(meta["hash_key"]), int(meta["indexed"]), 0
    page = {"indexed": indexed, "limit": AT_ONCE}
    while rows := connection.execute(NEXT, {"after": after, **page}).fetchall():
        after = rows[-1][0]
        for message_id, conversation_id, content in rows:
            if CHANGED.search(content):
                _list_anew(connection, secret, message_id, conversation_id, content)


def downgrade() -> None:
    """The index is filled again in the background, by the release that has the older words."""
    op.execute("DELETE FROM words")
    op.execute("DELETE FROM meta WHERE key = 'indexed'")


def _list_anew(
    connection: sa.Connection, secret: bytes, message_id: int, conversation_id: str, content: str
) -> None:
    now = words.numbers(secret, conversation_id, content)
    before = words.numbers_of(secret, conversation_id, set(words.parted(_plain_before(content))))
    for statement, changed in ((FORGET, before - now), (LEARN, now - before)):
        rows: list[dict[str, Any]] = [{"word": n, "message_id": message_id} for n in changed]
        if rows:
            connection.execute(statement, rows)


def _plain_before(text: str) -> str:
    """The form of a text in which an index of schema 0011 found its words."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(
        sign
        for sign in unicodedata.normalize("NFKD", decomposed)
        if not unicodedata.combining(sign)
    )
