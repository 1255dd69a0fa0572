"""Owns what a page of the log changes in the lists of notifications.

A message by somebody else makes an item of its recipient, or joins the newest of its conversation;
reading the conversation reads its items.
"""

import hashlib
import sqlite3
from collections.abc import Iterable

from msgspec import Struct

from services.notify.inbox import rows
from services.notify.inbox.grouping import Item, grouped
from services.notify.ladder.preferences import Table
from services.notify.preferences import choices
from shared.commands import LogRow
from shared.frames import ServerFrame
from shared.reserved import is_reserved

NEW_MESSAGE = "new_message"


class Changes(Struct, frozen=True):
    """The changes of the lists.

    `items`: those that are new or have grown, by id. `read`: of items that were read, the user, the
    id and the time. `user_ids`: whose unread items are others now.
    `frames`: other frames for a user.
    """

    items: dict[str, Item] = {}
    read: list[tuple[str, str, int]] = []
    user_ids: set[str] = set()
    frames: list[tuple[str, ServerFrame]] = []


def fold(connection: sqlite3.Connection, page: Iterable[LogRow], now: int, known: Table) -> Changes:
    """`page` in the order of the log. `known`: the types of notifications that there are."""
    told = [row for row in page if not is_reserved(row.user_id)]
    messages = _listed(connection, [row for row in told if _is_for(row)], known)
    grown = _grown(connection, messages, now)
    rows.save(connection, grown.values())
    marks, sets = _latest(told, "receipt", "cleared"), _latest(told, "set")
    read = list(rows.changed(connection, rows.READ_UP_TO, marks, now))
    muted = list(rows.changed(connection, rows.MUTE, sets, now))
    left = _latest(told, "left", "member_removed")
    gone = list(rows.changed(connection, rows.FORGET, left, now))
    quiet = {item_id for _, item_id in (*read, *muted, *gone)}
    return Changes(
        items={item_id: item for item_id, item in grown.items() if item_id not in quiet},
        read=[(user_id, item_id, now) for user_id, item_id in read if item_id not in grown],
        user_ids={item.user_id for item in grown.values()}.union(
            user_id for user_id, _ in (*read, *muted, *gone)
        ),
    )


def _is_for(row: LogRow) -> bool:
    """Return whether the row is a message that its recipient is told of."""
    return row.kind == "message" and row.actor_id != row.user_id and not row.muted


def _listed(connection: sqlite3.Connection, messages: list[LogRow], known: Table) -> list[LogRow]:
    """Return the messages whose recipient has not switched their type off."""
    off = choices.switched_off(connection, {row.user_id for row in messages}, known, NEW_MESSAGE)
    return [row for row in messages if row.user_id not in off] if off else messages


def _grown(connection: sqlite3.Connection, messages: list[LogRow], now: int) -> dict[str, Item]:
    """Return the items of these messages, by id, as they are now."""
    newest = rows.newest_of(connection, {(row.user_id, row.conversation_id) for row in messages})
    grown: dict[str, Item] = {}
    for row in sorted(messages, key=_seq):  # whichever writers they come from
        key = row.user_id, row.conversation_id
        known = newest.get(key)
        if known is None or not _is_repeat(known, row):
            item = newest[key] = grouped(known, thing(row, now))
            grown[item.item_id] = item
    return grown


def _seq(row: LogRow) -> int:
    return row.seq


def _is_repeat(newest: Item, row: LogRow) -> bool:
    """Return whether the item has the message already. After a restore, the log is read again from
    the start, and numbers are given a second time."""
    return row.seq <= newest.last_seq and row.created_at <= newest.updated_at


def thing(row: LogRow, now: int) -> Item:
    """Return the item of one message."""
    at = min(row.created_at, now)  # a clock that is ahead must not keep it at the top
    return Item(
        item_id=_identity(row),
        user_id=row.user_id,
        notification_type=NEW_MESSAGE,
        group_key=row.conversation_id,
        sender_id=row.actor_id,
        conversation_id=row.conversation_id,
        first_seq=row.seq,
        last_seq=row.seq,
        created_at=at,
        updated_at=at,
    )


def _identity(row: LogRow) -> str:
    """Return the id of the item that a row makes, which is the same in a database that is new."""
    return identity(row.created_at, row.seq, row.user_id, row.conversation_id, str(row.message_id))


def identity(at: int, number: int, *parts: str) -> str:
    """Return an id that sorts by the time, then by the number."""
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=10, person=b"linkup.items")
    return f"{prefix(at)}{number:010x}{digest.hexdigest()}"


def prefix(at: int) -> str:
    """Return the beginning of the ids of that time."""
    return f"{max(at, 0):014x}"


def _latest(page: Iterable[LogRow], *kinds: str) -> list[tuple[str, str, int]]:
    """Return the number of each user and conversation in rows of these kinds. Marks only move
    forwards; of all else the last row counts."""
    found: dict[tuple[str, str], int] = {}
    for row in page:
        if row.kind in kinds and row.actor_id == row.user_id:
            key = row.user_id, row.conversation_id
            before = 0 if row.kind == "set" else found.get(key, 0)
            found[key] = max(row.seq, before)
    return [(*key, seq) for key, seq in found.items()]
