"""Owns the rows of the search index: those of a message's current text.

No word can be read in them, only numbers (see `terms`). New messages are indexed behind the
cursor `indexed`, which moves in the transaction of their rows; what is edited or wiped is so in
the transaction that does it.
"""

import sqlite3
from collections.abc import Iterable

from services.persistence.decide.changes import Changes, Edited, Erased
from services.persistence.store import words

CURSOR = "SELECT value FROM meta WHERE key = 'indexed'"
PUT_CURSOR = """
INSERT INTO meta VALUES ('indexed', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
NEXT = """
SELECT message_id, conversation_id, content FROM messages
WHERE message_id > ? ORDER BY message_id LIMIT ?
"""
ONE = "SELECT message_id, conversation_id, content FROM messages WHERE message_id = ?"
LEARN = "INSERT INTO words (word, message_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
FORGET = "DELETE FROM words WHERE word = ? AND message_id = ?"

Text = tuple[int, str, str]


def catch_up(connection: sqlite3.Connection, secret: bytes, messages: int, characters: int) -> bool:
    """Index the next few messages, within a transaction; whether there are more."""
    found = connection.execute(CURSOR).fetchone()
    rows: list[Text] = connection.execute(
        NEXT, (int(found[0]) if found else 0, messages)
    ).fetchall()
    if not rows:
        return False
    taken = _within(rows, characters)
    connection.executemany(LEARN, _rows(secret, taken))
    connection.execute(PUT_CURSOR, (str(taken[-1][0]),))
    return len(rows) == messages or len(taken) < len(rows)


def revised(changes: Changes) -> set[int]:
    """Return the messages that say something else after these changes."""
    return {one.message.message_id for one in changes.revisions if isinstance(one, Edited | Erased)}


def forget(connection: sqlite3.Connection, secret: bytes, message_ids: Iterable[int]) -> None:
    """Delete the rows of messages before they change: the rows are found by what they say."""
    connection.executemany(FORGET, _rows(secret, _said(connection, message_ids)))


def learn(connection: sqlite3.Connection, secret: bytes, message_ids: Iterable[int]) -> None:
    connection.executemany(LEARN, _rows(secret, _said(connection, message_ids)))


def _said(connection: sqlite3.Connection, message_ids: Iterable[int]) -> list[Text]:
    return [row for one in message_ids for row in connection.execute(ONE, (one,))]


def _within(rows: list[Text], characters: int) -> list[Text]:
    """Return as many as fit, at least one."""
    for count, (_, _, content) in enumerate(rows):
        characters -= len(content)
        if characters < 0 and count:
            return rows[:count]
    return rows


def _rows(secret: bytes, said: Iterable[Text]) -> list[tuple[int, int]]:
    """Return rows in the order of the table, so that neighbours are written together. A wiped
    message has no content and no rows."""
    return sorted(
        (number, message_id)
        for message_id, conversation_id, content in said
        if content
        for number in words.numbers(secret, conversation_id, content)
    )
