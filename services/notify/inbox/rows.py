"""Owns the SQL statements of the list, and the conversion between rows and items."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from services.notify.inbox.grouping import Item
from shared.commands import Notices, ReadNotices

Place = tuple[int, str]  # in a list: the time and the id of an item

MAX_COUNTED = 1000  # unread items; a badge shows fewer

FIELDS = Item.__struct_fields__
_COLUMNS = ", ".join(FIELDS)
# One statement for each key: SQLite takes apart a JSON list of keys more slowly than it runs these.
LOAD_NEWEST = f"""
    SELECT {_COLUMNS} FROM items WHERE user_id = ? AND group_key = ? AND group_key <> ''
    ORDER BY item_id DESC LIMIT 1
"""  # noqa: S608 - names of columns
SAVE = f"""
    INSERT INTO items ({_COLUMNS}) VALUES ({", ".join("?" * len(FIELDS))})
    ON CONFLICT (item_id) DO UPDATE SET priority = excluded.priority, title = excluded.title,
        body = excluded.body, sender_id = excluded.sender_id, action_url = excluded.action_url,
        last_seq = excluded.last_seq, count = excluded.count, muted = excluded.muted,
        updated_at = excluded.updated_at, read_at = excluded.read_at,
        delivered_at = excluded.delivered_at
"""  # noqa: S608 - names of columns
READ_UP_TO = """
    UPDATE items SET read_at = :now WHERE user_id = :user_id
    AND conversation_id = :conversation_id AND read_at = 0 AND last_seq <= :number
    RETURNING item_id
"""
MUTE = """
    UPDATE items SET muted = :number WHERE user_id = :user_id
    AND conversation_id = :conversation_id AND read_at = 0 AND muted <> :number
    RETURNING item_id
"""
FORGET = """
    DELETE FROM items WHERE user_id = :user_id AND group_key = :conversation_id
    AND group_key <> '' RETURNING item_id
"""
PAGE = f"""
    SELECT {_COLUMNS} FROM items WHERE user_id = :user_id
    AND (updated_at, item_id) < (:updated_at, :item_id)
    AND (:notification_type = '' OR notification_type = :notification_type)
    AND (NOT :unread_only OR (read_at = 0 AND NOT muted))
    ORDER BY updated_at DESC, item_id DESC LIMIT :limit
"""  # noqa: S608 - names of columns
ONE = f"SELECT {_COLUMNS} FROM items WHERE item_id = :item_id AND user_id = :user_id"  # noqa: S608
READ_ALL = """
    UPDATE items SET read_at = :now WHERE user_id = :user_id AND read_at = 0
    AND (updated_at, item_id) <= (:updated_at, :item_id)
    AND (:notification_type = '' OR notification_type = :notification_type)
"""
BADGES = """
    SELECT k.value AS user_id, (
        SELECT count(*) FROM (
            SELECT 1 FROM items AS i WHERE i.user_id = k.value AND i.read_at = 0 AND NOT i.muted
            LIMIT :most
        )
    ) AS unread FROM json_each(:user_ids) AS k
"""


def item(row: sqlite3.Row) -> Item:
    """`row` has the columns in the order of the fields: to look them up by name takes longer than
    all else here."""
    return msgspec.convert(dict(zip(FIELDS, row, strict=True)), Item, strict=False)


def newest_of(
    connection: sqlite3.Connection, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Item]:
    """Return the newest item of each of these groups that has one."""
    found = (connection.execute(LOAD_NEWEST, key).fetchone() for key in keys)
    return {one.key: one for one in map(item, filter(None, found))}


def save(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    connection.executemany(SAVE, map(msgspec.structs.astuple, items))


def one(connection: sqlite3.Connection, user_id: str, item_id: str) -> Item | None:
    asked = {"user_id": user_id, "item_id": item_id}
    return next(map(item, connection.execute(ONE, asked).fetchall()), None)


def page(connection: sqlite3.Connection, asked: Notices, after: Place, limit: int) -> list[Item]:
    """Return the latest items after that place in the list."""
    values = {
        "user_id": asked.user_id,
        "updated_at": after[0],
        "item_id": after[1],
        "notification_type": asked.notification_type,
        "unread_only": asked.unread_only,
        "limit": limit,
    }
    return list(map(item, connection.execute(PAGE, values)))


def read_all(connection: sqlite3.Connection, asked: ReadNotices, up_to: Place, now: int) -> int:
    """Return the number of items that were unread."""
    values = {
        "user_id": asked.user_id,
        "updated_at": up_to[0],
        "item_id": up_to[1],
        "notification_type": asked.notification_type,
        "now": now,
    }
    return connection.execute(READ_ALL, values).rowcount


def unread_of(connection: sqlite3.Connection, user_id: str) -> int:
    return unread(connection, [user_id]).get(user_id, 0)


def unread(connection: sqlite3.Connection, user_ids: Iterable[str]) -> dict[str, int]:
    """Return the numbers of unread items of these users, without users who have none."""
    asked = {"user_ids": as_json(list(user_ids)), "most": MAX_COUNTED}
    return {user_id: count for user_id, count in connection.execute(BADGES, asked) if count}


def changed(
    connection: sqlite3.Connection, sql: str, changes: Iterable[tuple[str, str, int]], now: int
) -> Iterator[tuple[str, str]]:
    """Yield the user and the id of each item that READ_UP_TO, MUTE or FORGET changes. `changes`: a
    user, a conversation, and up to which message, or whether muted."""
    for user_id, conversation_id, number in changes:
        values = {"user_id": user_id, "conversation_id": conversation_id, "number": number}
        for (item_id,) in connection.execute(sql, values | {"now": now}).fetchall():
            yield user_id, item_id


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
