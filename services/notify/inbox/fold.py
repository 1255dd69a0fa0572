"""Owns what a page of the log changes in the lists of notifications.

A message by somebody else makes an item of its recipient, or joins the newest of its conversation;
reading the conversation reads its items.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from services.notify.inbox import rows
from services.notify.inbox.grouping import WINDOWS, Item
from services.notify.ladder.log import Thread, Told
from services.notify.ladder.preferences import Table
from services.notify.preferences import choices
from shared.commands import LogRow
from shared.frames import ServerFrame

NEW_MESSAGE = "new_message"
WINDOW = WINDOWS[NEW_MESSAGE]
DIGEST = hashlib.blake2b(digest_size=10, person=b"linkup.items")


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


class Group:
    """An item while messages join it, one after another."""

    __slots__ = ("_item", "began", "count", "last_seq", "sender_id", "updated_at")

    def __init__(self, item: Item) -> None:
        self._item = item
        self.began = item.created_at
        self.count = item.count
        self.last_seq = item.last_seq
        self.sender_id = item.sender_id
        self.updated_at = item.updated_at

    def item(self) -> Item:
        """Return it as it is now: unread, if anything has joined it."""
        if self.count == self._item.count:
            return self._item
        return replace(
            self._item,
            sender_id=self.sender_id,
            last_seq=self.last_seq,
            count=self.count,
            updated_at=self.updated_at,
            muted=False,
            read_at=0,
            delivered_at=0,
        )


def fold(connection: sqlite3.Connection, page: Told, now: int, known: Table) -> Changes:
    """`known`: the types of notifications that there are."""
    grown = _grown(connection, _listed(connection, page.messages, known), now)
    rows.save(connection, grown.values())
    marks, sets = _latest(page.own, "receipt", "cleared"), _latest(page.own, "set")
    marks = [mark for mark in marks if mark[2]]  # not of who has read nothing
    read = list(rows.changed(connection, rows.READ_UP_TO, marks, now))
    muted = list(rows.changed(connection, rows.MUTE, sets, now))
    left = _latest(page.own, "left", "member_removed")
    gone = list(rows.changed(connection, rows.FORGET, left, now))
    quiet = {item_id for _, item_id in (*read, *muted, *gone)}
    return Changes(
        items={item_id: item for item_id, item in grown.items() if item_id not in quiet},
        read=[(user_id, item_id, now) for user_id, item_id in read if item_id not in grown],
        user_ids={item.user_id for item in grown.values()}.union(
            user_id for user_id, _ in (*read, *muted, *gone)
        ),
    )


def _listed(
    connection: sqlite3.Connection, messages: Mapping[Thread, list[LogRow]], known: Table
) -> dict[Thread, list[LogRow]]:
    """Return the messages that their recipients want in their lists: neither of a conversation that
    they have muted, nor all if they have switched their type off."""
    users = {user_id for user_id, _ in messages}
    off = choices.switched_off(connection, users, known, NEW_MESSAGE)
    wanted = {
        thread: [row for row in found if not row.muted]
        for thread, found in messages.items()
        if thread[0] not in off
    }
    return {thread: found for thread, found in wanted.items() if found}


def _grown(
    connection: sqlite3.Connection, messages: Mapping[Thread, list[LogRow]], now: int
) -> dict[str, Item]:
    """Return the items of these messages, by id, as they are now."""
    newest = rows.newest_of(connection, messages)
    return {
        item.item_id: item
        for thread, found in messages.items()
        for item in items_of(newest.get(thread), found, now)
    }


def items_of(newest: Item | None, messages: Iterable[LogRow], now: int) -> list[Item]:
    """Return the items of a conversation that these messages make, and `newest` if any join it.

    All of a page goes through here: the rows of a group are only counted.
    """
    group = None if newest is None else Group(newest)
    groups = [] if group is None else [group]
    for row in messages:
        at = min(row.created_at, now)  # a clock that is ahead must not keep it at the top
        if group is not None and row.seq <= group.last_seq and row.created_at <= group.updated_at:
            continue  # after a restore, the log is read again, and numbers are given a second time
        if group is None or group.count >= WINDOW.most or at - group.began >= WINDOW.length:
            group = Group(thing(row, at))
            groups.append(group)
        else:
            group.count += 1
            group.last_seq, group.sender_id = row.seq, row.actor_id
            group.updated_at = max(group.updated_at, at)
    return [item for item in (group.item() for group in groups) if item is not newest]


def thing(row: LogRow, at: int) -> Item:
    """Return the item of one message, which has come at that time."""
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
    digest = DIGEST.copy()  # a third of the cost of a new one
    digest.update("\x00".join(parts).encode())
    return f"{prefix(at)}{number:010x}{digest.hexdigest()}"


def prefix(at: int) -> str:
    """Return the beginning of the ids of that time."""
    return f"{max(at, 0):014x}"


def _latest(own: Iterable[LogRow], *kinds: str) -> list[tuple[str, str, int]]:
    """Return the number of each user and conversation in rows of these kinds. Marks only move
    forwards; of all else the last row counts."""
    found: dict[Thread, int] = {}
    for row in own:
        if row.kind in kinds:
            thread = row.user_id, row.conversation_id
            before = 0 if row.kind == "set" else found.get(thread, 0)
            found[thread] = max(row.seq, before)
    return [(*thread, seq) for thread, seq in found.items()]
