"""Owns reading feeds: their last cursor, and the events after a cursor.

Many come at once, so each question is for many, and costs as many statements as one for one.
"""

from collections.abc import Iterator, Sequence

import msgspec

from services.persistence.projection.message import MESSAGE_COLUMNS
from services.persistence.queries.replay import (
    CONVERSATION_COLUMNS,
    REACTION_COLUMNS,
    RECEIPT_COLUMNS,
    replayed,
)
from services.persistence.queries.source import PROFILE, Room, Source, fit, give_way, profile
from services.persistence.queries.visibility import visible
from services.persistence.store.connections import Row
from services.persistence.store.standing import standing
from shared.commands import (
    MAX_FEEDS,
    MAX_HEADS,
    MAX_JOINS,
    FeedFrom,
    FeedPageAnswer,
    FeedPages,
    FeedPagesAnswer,
    Heads,
    HeadsAnswer,
    Joined,
    Joins,
    JoinsAnswer,
    encode,
)

MAX_PAGE = 500  # events of one feed
MAX_EVENTS = 1000  # of all feeds in one answer
AT_A_TIME = 256  # events made before others go on: a large page is some milliseconds

JOINS = f"""
SELECT h.head, (SELECT min(f.cursor) FROM feed AS f WHERE f.user_id = h.user_id),
       h.erased, s.banned, s.valid_after, s.revoked, {PROFILE}
FROM json_each(?1) AS j
JOIN heads AS h ON h.user_id = j.value
JOIN users AS u ON u.user_id = h.user_id
LEFT JOIN standings AS s ON s.user_id = h.user_id
"""  # noqa: S608 - a list of columns
HEADS = "SELECT h.user_id, h.head FROM json_each(?1) AS j JOIN heads AS h ON h.user_id = j.value"
HEADS_AND_STANDINGS = """
SELECT h.user_id, h.head, s.banned, s.valid_after, s.revoked FROM json_each(?1) AS j
JOIN heads AS h ON h.user_id = j.value LEFT JOIN standings AS s ON s.user_id = h.user_id
"""
# A feed has no gaps above what is pruned: so many cursors are so many events.
FEEDS = f"""
SELECT j.key, f.cursor, f.kind, f.created_at,
       CASE WHEN m.message_id IS NULL THEN v.user_id IS NOT NULL ELSE {visible("m", "v")} END,
       {MESSAGE_COLUMNS}, {RECEIPT_COLUMNS}, {REACTION_COLUMNS}, {CONVERSATION_COLUMNS}
FROM json_each(?1) AS j
JOIN feed AS f ON f.user_id = json_extract(j.value, '$[0]')
  AND f.cursor > json_extract(j.value, '$[1]')
  AND f.cursor <= json_extract(j.value, '$[1]') + max(1, min(json_extract(j.value, '$[2]'), ?2))
LEFT JOIN messages AS m ON m.message_id = f.message_id
LEFT JOIN members AS v ON v.conversation_id = coalesce(m.conversation_id, f.conversation_id)
  AND v.user_id = f.user_id
LEFT JOIN members AS b ON b.conversation_id = f.conversation_id AND b.user_id = f.actor_id
LEFT JOIN reactions AS r ON r.message_id = f.message_id AND r.number = f.reaction
LEFT JOIN conversations AS c ON c.conversation_id = f.conversation_id AND f.kind <> 'receipt'
LEFT JOIN group_changes AS g ON g.change_id = f.change_id
ORDER BY j.key, f.cursor
"""  # noqa: S608 - a list of columns


def joins(source: Source, asked: Joins) -> JoinsAnswer:
    wanted = asked.user_ids[:MAX_JOINS]
    found = {}
    for head, first, erased, *row in source.fetch(JOINS, (_json(wanted),)):
        stands, who = row[:3], row[3:]
        found[who[0]] = Joined(
            epoch=source.epoch,
            head=head,
            profile=None if erased else profile(who),
            oldest=head if first is None else first - 1,
            standing=None if stands[0] is None else standing(stands),
        )
    nobody = Joined(epoch=source.epoch, head=0, profile=None)
    return JoinsAnswer(joined=fit(encode(found.get(user_id, nobody)) for user_id in wanted))


def heads(source: Source, asked: Heads) -> HeadsAnswer:
    found = source.fetch(HEADS_AND_STANDINGS, (_json(asked.user_ids[:MAX_HEADS]),))
    return HeadsAnswer(
        epoch=source.epoch,
        heads={row[0]: row[1] for row in found},
        standings={row[0]: standing(row[2:]) for row in found if row[2] is not None},
    )


def feeds(source: Source, asked: FeedPages) -> FeedPagesAnswer:
    """Return a page of each feed. The more feeds, the fewer events of each, so that nobody waits
    for another's many."""
    wanted = asked.asked[:MAX_FEEDS]
    ends: dict[str, int] = dict(source.fetch(HEADS, (_json([feed.user_id for feed in wanted]),)))
    room = Room()
    pages: list[FeedPageAnswer] = []
    for feed, rows in zip(wanted, _rows(source, wanted), strict=True):
        events = room.fit(_events(rows))
        if rows and not events:
            break
        head = ends.get(feed.user_id, 0)
        pages.append(FeedPageAnswer(epoch=source.epoch, head=head, events=events))
    return FeedPagesAnswer(pages=pages)


def _rows(source: Source, wanted: Sequence[FeedFrom]) -> list[list[Row]]:
    """Return the rows of each feed, in the requested order."""
    each = max(1, min(MAX_PAGE, MAX_EVENTS // max(1, len(wanted))))
    rows: list[list[Row]] = [[] for _ in wanted]
    for row in source.fetch(FEEDS, (_json(wanted), each)):
        rows[row[0]].append(row[1:])
    return rows


def _events(rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield events, encoded as the page carries them."""
    for count, row in enumerate(rows, start=1):
        yield encode(replayed(row))
        if count % AT_A_TIME == 0:
            give_way()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
