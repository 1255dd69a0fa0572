"""Owns who blocked whom when: as it was asked for, as the log has it, and what that rules out (C9).

What an answer proves is held against what was asked meanwhile; what a feed has, against the frames
that somebody got of each version of a view.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.ledger import Ledger

Pair = tuple[str, str]  # who blocks, who is blocked
BLOCKS = (
    "SELECT user_id, blocked_id FROM blocks AS k JOIN json_each(?1) AS j ON k.user_id = j.value"
)
VIEWS = """
SELECT a.conversation_id, a.user_id, a.version, a.blocked
FROM members AS a JOIN json_each(?1) AS j ON a.user_id = j.value
"""
FEED = """
SELECT f.user_id, coalesce(f.conversation_id, m.conversation_id), f.cursor, f.kind, f.created_at,
  f.actor_id, f.message_id, f.reaction
FROM json_each(?1) AS j JOIN feed AS f ON f.user_id = j.value
LEFT JOIN messages AS m ON m.message_id = f.message_id ORDER BY f.user_id, f.cursor
"""


class View(NamedTuple):
    version: int
    blocked: bool


class Told(NamedTuple):
    """A row of a feed, about a direct conversation."""

    cursor: int
    kind: str
    created_at: int  # microseconds since 1970
    actor_id: str | None
    message_id: int | None
    reaction: int | None


@dataclass
class Blocks:
    """`views`, `feeds`: by conversation and user."""

    pairs: set[Pair]
    views: dict[tuple[str, str], View]
    feeds: dict[tuple[str, str], list[Told]]


def read_blocks(store: sqlite3.Connection, users: Sequence[str], ledger: Ledger) -> Blocks:
    """Read only the conversations in which somebody may ever have blocked the other user."""
    asked = (json.dumps(users),)
    pairs = set(store.execute(BLOCKS, asked))
    views = {(row[0], row[1]): View(row[2], bool(row[3])) for row in store.execute(VIEWS, asked)}
    feeds: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for user_id, place, *row in store.execute(FEED, asked) if ledger.blocks else ():
        if ledger.blocks_of(place):
            feeds[place, user_id].append(Told(*row))
    return Blocks(pairs, views, feeds)


def read_pairs(store: sqlite3.Connection, users: Sequence[str]) -> set[Pair]:
    return set(store.execute(BLOCKS, (json.dumps(users),)))


def blocked_as_asked(found: Blocks, ledger: Ledger) -> Iterator[str]:
    """C1: no acknowledged block is lost; its row and the flag of who blocks are one."""
    for pair in found.pairs - ledger.blocks.keys():
        yield f"C1 {pair}: a block that nobody asked for"
    for pair, register in ledger.blocks.items():
        if (pair in found.pairs) not in register.possible():
            yield f"C1 {pair}: blocked is not one of {register.possible()}"
    for (place, user_id), view in found.views.items():
        others = ledger.members.get(place, set()) - {user_id}
        if view.blocked != any((user_id, other) in found.pairs for other in others):
            yield f"C5 {user_id} in {place}: the flag is {view.blocked}, the blocks {found.pairs}"


def said_while_blocked(rows: Sequence[tuple[Any, ...]], ledger: Ledger) -> Iterator[str]:
    """C9: nothing was stored that was said after the answer to a block, and seen before anybody
    asked to take it back."""
    for place, _, sender_id, client_id, *_ in rows:
        sent = ledger.sent.get((sender_id, client_id))
        for register in ledger.blocks_of(place) if sent else ():
            assert sent is not None
            if register.must_be(True, sent.began, sent.ended or ledger.now()):
                yield f"C9 {client_id}: stored in {place}, where a block stood"


def told_while_blocked(found: Blocks, ledger: Ledger) -> Iterator[str]:
    """C9: in the feed of who blocks nothing new is said, nor do their own marks move, between the
    row that tells of the block and the one that takes it back."""
    for (place, user_id), feed in found.feeds.items():
        changes = sum(row.kind in ("set", "cleared") for row in feed)
        # What a message brings back from the archive counts the version up as well, without a row.
        if found.views[place, user_id].version == 1 + changes:
            flags = {
                version: blocked
                for (who, where, version), blocked in ledger.flags.items()
                if (who, where) == (user_id, place)
            }
            for row in _out_of_place(feed, flags, user_id):
                yield f"C9 {user_id} in {place}, which they block: {row}"


def _out_of_place(feed: Sequence[Told], flags: dict[int, bool], user_id: str) -> Iterator[Told]:
    """`flags`: by version, as far as somebody was told of it."""
    version, changed_at = 1, 0
    reactions: Counter[tuple[int | None, int | None]] = Counter()
    for row in feed:
        if row.kind in ("set", "cleared"):
            version, changed_at = version + 1, row.created_at
            continue
        reactions[row.message_id, row.reaction] += 1
        is_new = row.kind in ("message", "message_updated")
        # It is set and taken back in turn, and a repeat is told to nobody.
        is_set = row.kind == "reaction" and reactions[row.message_id, row.reaction] % 2 == 1
        # Marks are told at the end of a transaction, behind what came later in it.
        moved = row.kind == "receipt" and row.actor_id == user_id and row.created_at > changed_at
        if flags.get(version) and (is_new or is_set or moved):
            yield row
