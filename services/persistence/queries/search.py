"""Owns full-text search in the messages that a user may see, newest first.

The index proposes messages, each message decides: what it says now, and `visible`.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from services.persistence.projection.message import MESSAGE_COLUMNS, message_body
from services.persistence.queries.membership import member
from services.persistence.queries.source import Source, fit, give_way, page_size
from services.persistence.queries.visibility import visible
from services.persistence.store.connections import Row
from services.persistence.store.words import Wanted, holds, number, wanted
from shared import api, frames
from shared.commands import Search, Snapshot

MAX_WORDS = 8  # looked for; further ones are left out
MAX_CONVERSATIONS = 500  # searched at once: those with the latest activity
MOST, LEAST = 2048, 16  # message ids fetched at once: over all conversations, of each
# Messages looked at for one answer; 3 to 5 microseconds each. A page with something in it ends
# early, an empty one only when a reader has been busy with it for long.
ENOUGH, AT_MOST = 2048, 50_000
READ_AT_ONCE = 256  # of them: then others go on

SECRET = "SELECT value FROM meta WHERE key = 'hash_key'"
OWN = """
SELECT b.conversation_id FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
WHERE b.user_id = ?1 AND c.last_seq > b.cleared_seq
ORDER BY c.last_message_id DESC LIMIT ?2
"""
PROPOSE = """
SELECT (SELECT json_group_array(x.message_id) FROM (
  SELECT w.message_id FROM words AS w
  WHERE w.word = json_extract(j.value, '$[0]') AND w.message_id < json_extract(j.value, '$[1]')
  ORDER BY w.message_id DESC LIMIT ?2) AS x)
FROM json_each(?1) AS j
"""
_SEEN = f"""
FROM json_each(?2) AS j
CROSS JOIN messages AS m ON m.message_id = j.value
CROSS JOIN members AS b ON b.conversation_id = m.conversation_id AND b.user_id = ?1
WHERE {visible("m", "b")} ORDER BY m.message_id DESC
"""
READ = f"SELECT m.message_id, m.content {_SEEN}"
SHOW = f"SELECT {MESSAGE_COLUMNS} {_SEEN}"

_ids = msgspec.json.Decoder(list[int])


@dataclass(slots=True)
class Listed:
    """One conversation's messages with a word, newest first: those fetched and not yet taken, and
    the id below which it goes on; 0: it does not."""

    key: int
    below: int
    message_ids: list[int] = field(default_factory=list)

    def take(self, floor: int) -> list[int]:
        taken = [one for one in self.message_ids if one >= floor]
        self.message_ids = self.message_ids[len(taken) :]
        return taken


class Walk:
    """All conversations' messages with one word, newest first, some at a time. All there are down
    to `floor` have been taken; 0: to the beginning."""

    def __init__(self, source: Source, keys: list[int], below: int) -> None:
        self._source = source
        self._lists = [Listed(key, below) for key in keys]
        self.floor = below
        self.taken: list[int] = []

    @property
    def rank(self) -> tuple[int, int]:
        """The rarer the word, the further back reaches the same number of messages."""
        return self.floor, len(self.taken)

    def step(self, at_once: int) -> None:
        """Take the newest that are left. Only a conversation that has none at hand is asked."""
        due = [one for one in self._lists if one.below and not one.message_ids]
        each = max(LEAST, min(at_once, MOST // max(1, len(due))))
        asked = _json([(one.key, one.below) for one in due])
        rows = self._source.fetch(PROPOSE, (asked, each))
        for one, (ids,) in zip(due, rows, strict=True):
            one.message_ids = _ids.decode(ids)
            one.below = one.message_ids[-1] if len(one.message_ids) == each else 0
        self.floor = max(one.below for one in self._lists)
        self.taken = sorted(
            (taken for one in self._lists for taken in one.take(self.floor)), reverse=True
        )


class Quest(Struct, frozen=True):
    """One user's words in these conversations."""

    source: Source
    user_id: str
    words: list[Wanted]
    places: list[str]
    secret: bytes

    def page(self, below: int, limit: int) -> tuple[list[Row], int]:
        """Return more rows than `limit`, or all there are down to a message id; 0: to the
        beginning."""
        at_once = limit + 1
        walks = [self._walk(word, below) for word in self.words]
        for walk in walks:
            walk.step(at_once)
        rarest = min(walks, key=lambda walk: walk.rank)
        found: list[int] = []
        looked = 0
        while True:
            found += self._confirmed(rarest.taken, limit - len(found))
            looked += len(rarest.taken)
            enough = ENOUGH if found else AT_MOST
            if len(found) > limit or looked >= enough or not rarest.floor:
                break
            at_once *= 2
            rarest.step(at_once)
        rows = self.source.fetch(SHOW, (self.user_id, _json(found[: limit + 1])))
        return rows, rarest.floor

    def _walk(self, word: Wanted, below: int) -> Walk:
        keys = [number(self.secret, place, word.stem) for place in self.places]
        return Walk(self.source, keys, below)

    def _confirmed(self, message_ids: list[int], limit: int) -> list[int]:
        """Return the messages that have all the words; stop at one more than `limit`."""
        found: list[int] = []
        start, step = 0, max(limit + 1, LEAST)
        while start < len(message_ids) and len(found) <= limit:
            asked = _json(message_ids[start : start + step])
            rows = self.source.fetch(READ, (self.user_id, asked))
            found += [message_id for message_id, content in rows if holds(content, self.words)]
            start, step = start + step, min(2 * step, READ_AT_ONCE)
            give_way()
        return found


def search(source: Source, asked: Search) -> Snapshot:
    limit = page_size(asked.limit)
    places = _places(source, asked)
    looked_for = wanted(asked.q)[:MAX_WORDS]
    rows: list[Row] = []
    below = 0
    if places and looked_for:
        [(secret,)] = source.fetch(SECRET)
        quest = Quest(source, asked.user_id, looked_for, places, bytes.fromhex(secret))
        before = asked.before if asked.before is not None else frames.MAX_INT
        rows, below = quest.page(before, limit)
    page = fit(message_body(*row) for row in rows[:limit])
    if len(rows) > len(page):
        below = rows[len(page) - 1][0]
    body = api.SearchAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        messages=page,
        next=below or None,
    )
    return Snapshot(body=api.encode(body))


def _places(source: Source, asked: Search) -> list[str]:
    if asked.conversation_id is not None:
        member(source, asked.user_id, asked.conversation_id)
        return [asked.conversation_id]
    rows = source.fetch(OWN, (asked.user_id, MAX_CONVERSATIONS))
    return [str(place) for (place,) in rows]


def _json(values: list[Any]) -> str:
    return msgspec.json.encode(values).decode()
