"""Owns full-text search: one user's words in what that user may see, newest first.

The index proposes messages, each message decides: what it says now, and `visible`.
"""

import msgspec
from msgspec import Struct

from services.persistence.connections import Row
from services.persistence.projection import CONTENT, MESSAGE_COLUMNS, message
from services.persistence.queries.membership import member
from services.persistence.queries.source import MAX_LIST, Source, fitting
from services.persistence.terms import Wanted, number, wanted, words
from services.persistence.visibility import visible
from shared import api, frames
from shared.commands import Search, Snapshot

MAX_WORDS = 8  # looked for; further ones are left out
MAX_CONVERSATIONS = 500  # searched at once: those with the latest activity
ROUNDS = (1, 8, 64)  # times a page, from each conversation; then a page may end early
MOST, LEAST = 2048, 16  # messages proposed in a round: over all conversations, of each

SECRET = "SELECT value FROM meta WHERE key = 'hash_key'"
OWN = """
SELECT b.conversation_id FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
WHERE b.user_id = ?1 AND c.last_seq > b.cleared_seq
ORDER BY c.last_message_id DESC LIMIT ?2
"""
PROPOSE = """
SELECT (SELECT json_group_array(x.message_id) FROM (
  SELECT w.message_id FROM words AS w WHERE w.word = j.value AND w.message_id < ?2
  ORDER BY w.message_id DESC LIMIT ?3) AS x)
FROM json_each(?1) AS j
"""
SHOW = f"""
SELECT {MESSAGE_COLUMNS} FROM json_each(?2) AS j
CROSS JOIN messages AS m ON m.message_id = j.value
CROSS JOIN members AS b ON b.conversation_id = m.conversation_id AND b.user_id = ?1
WHERE {visible("m", "b")} ORDER BY m.message_id DESC
"""  # noqa: S608 - a list of columns

_ids = msgspec.json.Decoder(list[int])


class Proposals(Struct, frozen=True):
    """Newest first, and all there are down to `floor`; 0: to the beginning."""

    message_ids: list[int]
    floor: int

    @property
    def rank(self) -> tuple[int, int]:
        """The rarer the word, the further back reaches the same number of messages."""
        return self.floor, len(self.message_ids)


class Quest(Struct, frozen=True):
    """One user's words in these conversations."""

    source: Source
    user_id: str
    words: list[Wanted]
    places: list[str]
    secret: bytes

    async def page(self, below: int, limit: int) -> tuple[list[Row], int]:
        """More rows than `limit`, or all there are down to a message id; 0: to the beginning."""
        found: list[Row] = []
        rarest = self.words
        for pages in ROUNDS:
            each = max(LEAST, min(pages * (limit + 1), MOST // len(self.places)))
            proposals = {word: await self._proposals(word, below, each) for word in rarest}
            rarest = [min(proposals, key=lambda word: proposals[word].rank)]
            proposed = proposals[rarest[0]]
            found += await self._confirmed(proposed.message_ids, limit - len(found))
            below = proposed.floor
            if len(found) > limit or not below:
                break
        return found, below

    async def _proposals(self, word: Wanted, below: int, each: int) -> Proposals:
        keys = [number(self.secret, place, word.stem) for place in self.places]
        rows = await self.source.fetch(PROPOSE, (_json(keys), below, each))
        lists = [_ids.decode(ids) for (ids,) in rows]
        floor = max(ids[-1] if len(ids) == each else 0 for ids in lists)
        together = {one for ids in lists for one in ids if one >= floor}
        return Proposals(sorted(together, reverse=True), floor)

    async def _confirmed(self, message_ids: list[int], limit: int) -> list[Row]:
        """Those with all the words that the user may see; one more than `limit` will do."""
        found: list[Row] = []
        step = max(limit + 1, LEAST)
        for start in range(0, len(message_ids), step):
            asked = _json(message_ids[start : start + step])
            rows = await self.source.fetch(SHOW, (self.user_id, asked))
            found += [row for row in rows if self._holds(row[CONTENT])]
            if len(found) > limit:
                break
        return found

    def _holds(self, content: str) -> bool:
        said = words(content)
        return all(word.among(said) for word in self.words)


async def search(source: Source, asked: Search) -> Snapshot:
    limit = max(1, min(asked.limit, MAX_LIST))
    places = await _places(source, asked)
    looked_for = wanted(asked.q)[:MAX_WORDS]
    rows: list[Row] = []
    below = 0
    if places and looked_for:
        [(secret,)] = await source.fetch(SECRET)
        quest = Quest(source, asked.user_id, looked_for, places, bytes.fromhex(secret))
        before = asked.before if asked.before is not None else frames.MAX_INT
        rows, below = await quest.page(before, limit)
    page = fitting(rows, limit)
    if len(rows) > len(page):
        below = page[-1][0]
    body = api.SearchAnswer(
        epoch=source.epoch,
        cursor=await source.head(asked.user_id),
        messages=[message(row) for row in page],
        next=below or None,
    )
    return Snapshot(body=api.encode(body))


async def _places(source: Source, asked: Search) -> list[str]:
    if asked.conversation_id is not None:
        await member(source, asked.user_id, asked.conversation_id)
        return [asked.conversation_id]
    rows = await source.fetch(OWN, (asked.user_id, MAX_CONVERSATIONS))
    return [str(place) for (place,) in rows]


def _json(numbers: list[int]) -> str:
    return msgspec.json.encode(numbers).decode()
