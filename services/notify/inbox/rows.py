"""Owns the SQL statements of the list, and the conversion between rows and items."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from services.notify.inbox.grouping import Item
from shared.commands import Notices, ReadNotices

Place = tuple[int, str]  # in a list: the time and the id of an item

MAX_COUNTED = 1000  # unread items; a badge shows fewer

LOAD_NEWEST = """
    SELECT i.* FROM json_each(:keys) AS k JOIN items AS i ON i.item_id = (
        SELECT g.item_id FROM items AS g WHERE g.user_id = json_extract(k.value, '$[0]')
        AND g.group_key = json_extract(k.value, '$[1]') AND g.group_key <> ''
        ORDER BY g.item_id DESC LIMIT 1
    )
"""
SAVE = """
    INSERT INTO items (item_id, user_id, notification_type, group_key, priority, title, body,
        sender_id, action_url, conversation_id, first_seq, last_seq, count, muted, created_at,
        updated_at, read_at, delivered_at)
    SELECT json_extract(value, '$.item_id'), json_extract(value, '$.user_id'),
        json_extract(value, '$.notification_type'), json_extract(value, '$.group_key'),
        json_extract(value, '$.priority'), json_extract(value, '$.title'),
        json_extract(value, '$.body'), json_extract(value, '$.sender_id'),
        json_extract(value, '$.action_url'), json_extract(value, '$.conversation_id'),
        json_extract(value, '$.first_seq'), json_extract(value, '$.last_seq'),
        json_extract(value, '$.count'), json_extract(value, '$.muted'),
        json_extract(value, '$.created_at'), json_extract(value, '$.updated_at'),
        json_extract(value, '$.read_at'), json_extract(value, '$.delivered_at')
    FROM json_each(:rows) WHERE true
    ON CONFLICT (item_id) DO UPDATE SET priority = excluded.priority, title = excluded.title,
        body = excluded.body, sender_id = excluded.sender_id, action_url = excluded.action_url,
        first_seq = excluded.first_seq, last_seq = excluded.last_seq, count = excluded.count,
        muted = excluded.muted, updated_at = excluded.updated_at, read_at = excluded.read_at,
        delivered_at = excluded.delivered_at
"""
# `changes`: a list of (user, conversation, a number that says which or what).
_CHANGED = """
    FROM json_each(:changes) AS c JOIN items AS i ON i.user_id = json_extract(c.value, '$[0]')
    AND i.conversation_id = json_extract(c.value, '$[1]')
"""
READ_UP_TO = f"""
    UPDATE items SET read_at = :now WHERE item_id IN (
        SELECT i.item_id {_CHANGED}
        AND i.read_at = 0 AND i.last_seq <= json_extract(c.value, '$[2]')
    ) RETURNING user_id, item_id
"""  # noqa: S608 - a constant
MUTE = f"""
    UPDATE items SET muted = NOT muted WHERE item_id IN (
        SELECT i.item_id {_CHANGED}
        AND i.read_at = 0 AND i.muted <> json_extract(c.value, '$[2]')
    ) RETURNING user_id, item_id
"""  # noqa: S608 - a constant
FORGET = """
    DELETE FROM items WHERE item_id IN (
        SELECT i.item_id FROM json_each(:changes) AS c JOIN items AS i
        ON i.user_id = json_extract(c.value, '$[0]')
        AND i.group_key = json_extract(c.value, '$[1]') AND i.group_key <> ''
    ) RETURNING user_id, item_id
"""
PAGE = """
    SELECT * FROM items WHERE user_id = :user_id
    AND (updated_at, item_id) < (:updated_at, :item_id)
    AND (:notification_type = '' OR notification_type = :notification_type)
    AND (NOT :unread_only OR (read_at = 0 AND NOT muted))
    ORDER BY updated_at DESC, item_id DESC LIMIT :limit
"""
ONE = "SELECT * FROM items WHERE item_id = :item_id AND user_id = :user_id"
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
    return msgspec.convert(dict(row), Item, strict=False)


def newest_of(
    connection: sqlite3.Connection, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Item]:
    """The newest item of each of these groups, where there is one."""
    asked = {"keys": as_json(list(keys))}
    return {found.key: found for found in map(item, connection.execute(LOAD_NEWEST, asked))}


def save(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    if rows := list(items):
        connection.execute(SAVE, {"rows": as_json(rows)})


def one(connection: sqlite3.Connection, user_id: str, item_id: str) -> Item | None:
    asked = {"user_id": user_id, "item_id": item_id}
    return next(map(item, connection.execute(ONE, asked).fetchall()), None)


def page(connection: sqlite3.Connection, asked: Notices, after: Place, limit: int) -> list[Item]:
    """The latest below that place."""
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
    """The number of those that were unread."""
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
    """The unread items of each of these users; who has none is left out."""
    asked = {"user_ids": as_json(list(user_ids)), "most": MAX_COUNTED}
    return {user_id: count for user_id, count in connection.execute(BADGES, asked) if count}


def changed(
    connection: sqlite3.Connection, sql: str, changes: Iterable[tuple[str, str, int]], now: int
) -> Iterator[tuple[str, str]]:
    """The (user, item) that READ_UP_TO, MUTE or FORGET has changed."""
    if asked := list(changes):
        values = {"changes": as_json(asked), "now": now}
        yield from map(tuple, connection.execute(sql, values).fetchall())


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
