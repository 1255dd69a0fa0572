"""Owns finding people by the words of their names: those whom the asker may write to.

A page costs as much among many people as among few: it begins within an index in the order that it
is shown in, and looks at a bounded number of people.
"""

from typing import NamedTuple

import msgspec

from services.persistence.queries.source import MAX_LIST, Source
from services.persistence.queries.visibility import apart
from services.persistence.store import names
from services.persistence.store.connections import Row
from shared import api
from shared.commands import FindUsers, Snapshot
from shared.reserved import is_reserved

ENOUGH = 128  # people looked at for one page

# Somebody is listed under the first of their words that begins with the prefix.
_LISTED = """
SELECT n.word, n.user_id, u.name, u.avatar,
  NOT EXISTS (SELECT 1 FROM names AS x
    WHERE x.user_id = n.user_id AND x.word >= ?4 AND x.word < n.word)
  AND NOT EXISTS (SELECT 1 FROM json_each(?6) AS j WHERE NOT EXISTS (
    SELECT 1 FROM names AS x WHERE x.user_id = n.user_id
      AND x.word >= j.value AND x.word < j.value || char(1114111)))
"""
_WITHIN = f"""
(n.word, n.user_id) > (?2, ?3) AND n.word < ?5 AND n.user_id <> ?1
  AND NOT {apart("n.user_id", "?1")}
ORDER BY n.word, n.user_id LIMIT ?7
"""
ANYBODY = f"""
{_LISTED} FROM names AS n CROSS JOIN users AS u ON u.user_id = n.user_id WHERE {_WITHIN}
"""
COUNT = """
SELECT count(*) FROM (SELECT 1 FROM names AS n WHERE n.word >= ?1 AND n.word < ?2 LIMIT ?3) AS some
"""


class Place(NamedTuple):
    """The end of a page: a person, and the word that they are listed under."""

    word: str
    user_id: str

    def __str__(self) -> str:
        return f"{self.word} {self.user_id}"


def users(source: Source, asked: FindUsers) -> Snapshot:
    prefixes = [] if is_reserved(asked.user_id) else names.prefixes(asked.q)
    shown, end = _page(source, asked, prefixes) if prefixes else ([], None)
    body = api.UsersAnswer(
        users=[
            api.UserView(user_id=user_id, name=name, avatar=avatar)
            for _, user_id, name, avatar, _ in shown
        ],
        next=None if end is None else str(end),
    )
    return Snapshot(body=api.encode(body))


def _page(source: Source, asked: FindUsers, prefixes: list[str]) -> tuple[list[Row], Place | None]:
    """The people of a page, and its end if there are more."""
    limit = max(1, min(asked.limit, MAX_LIST))
    prefix, place = _begun(source, asked.after, prefixes)
    others = msgspec.json.encode([one for one in prefixes if one != prefix]).decode()
    about = (prefix, prefix + names.END, others)
    found: list[Row] = []
    looked, at_once = 0, limit + 1
    while True:
        rows = source.fetch(ANYBODY, (asked.user_id, *place, *about, at_once))
        found += [row for row in rows if row[-1]]
        looked += len(rows)
        if len(found) > limit:
            return found[:limit], Place(*found[limit - 1][:2])
        if len(rows) < at_once:
            return found, None
        place = Place(*rows[-1][:2])
        if looked >= ENOUGH:
            return found, place
        at_once = ENOUGH


def _begun(source: Source, after: str, prefixes: list[str]) -> tuple[str, Place]:
    """The prefix that people are listed by, and the place after which the page begins. No prefix
    begins another, so the word of the page before says which one it was."""
    place = Place(*after.partition(" ")[::2])
    for prefix in prefixes:
        if place.word.startswith(prefix):
            return prefix, place
    prefix = prefixes[0] if len(prefixes) == 1 else _rarest(source, prefixes)
    return prefix, Place(prefix, "")


def _rarest(source: Source, prefixes: list[str]) -> str:
    """Counted up to what a page looks at; of equals the longest."""

    def rank(prefix: str) -> tuple[int, int]:
        [(count,)] = source.fetch(COUNT, (prefix, prefix + names.END, ENOUGH))
        return count, -len(prefix)

    return min(prefixes, key=rank)
