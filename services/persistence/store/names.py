"""Owns the rows by which people are found: the words of each user's name.

A user without a name is found by their id. Users of ours are not found. The words are those of
the search in messages; besides, a letter with a stroke is found by the letter without it.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

from services.persistence.store import words
from shared.reserved import PREFIX

MAX_NAME = 256  # code points; the rest of a longer name is not indexed
MAX_PREFIXES = 8  # of a query; further ones are left out
END = "\U0010ffff"  # sorts after each character of a word

STROKES = str.maketrans(
    {"ł": "l", "đ": "d", "ø": "o", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)

KNOWN = """
SELECT u.user_id, u.name,
  (SELECT json_group_array(n.word) FROM names AS n WHERE n.user_id = u.user_id)
FROM json_each(?1) AS j JOIN users AS u ON u.user_id = j.value
"""
LEARN = "INSERT INTO names (word, user_id) VALUES (?, ?)"
FORGET = "DELETE FROM names WHERE word = ? AND user_id = ?"

_words = msgspec.json.Decoder(set[str])


def words_of(user_id: str, name: str | None) -> set[str]:
    """Return the words by which that user is found."""
    return set() if user_id.startswith(PREFIX) else words.words(_folded(name or user_id))


def prefixes(query: str) -> list[str]:
    """Return the beginnings of words that a name must have, without those that begin another."""
    found = [wanted.text for wanted in words.wanted(_folded(query))][:MAX_PREFIXES]
    return [one for one in found if not any(two != one and two.startswith(one) for two in found)]


def learn(connection: sqlite3.Connection, user_ids: Iterable[str]) -> None:
    """Bring the rows of these users up to date with their names, within a transaction."""
    asked = msgspec.json.encode(sorted(set(user_ids))).decode()
    for user_id, name, known in connection.execute(KNOWN, (asked,)).fetchall():
        before, now = _words.decode(known), words_of(user_id, name)
        connection.executemany(FORGET, [(word, user_id) for word in before - now])
        connection.executemany(LEARN, [(word, user_id) for word in now - before])


def _folded(text: str) -> str:
    return text[:MAX_NAME].casefold().translate(STROKES)
