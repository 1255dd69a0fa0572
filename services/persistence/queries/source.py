"""Owns what every query reads from: one reader's connection and the identity of its store."""

import sqlite3
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from services.persistence.projection import MESSAGE_WIDTH, message_size
from services.persistence.store.connections import Row
from shared import api
from shared.commands import MAX_PAGE_BYTES, Profile

V = TypeVar("V", bound=Struct)

MAX_LIST = 100
MAX_UNREAD = 1000
PAUSE = 50e-6  # seconds: as long as a thread takes to wake
ROW_BYTES = 2048  # of a message or conversation in JSON, without the content

PROFILE = "u.user_id, u.name, u.email, u.time_zone, u.locale, u.avatar"


class Source(NamedTuple):
    """Used in the connection's own thread, within one transaction. `epoch` names the store."""

    connection: sqlite3.Connection
    epoch: str

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows at once: an open statement would keep the log file from shrinking."""
        return self.connection.execute(sql, parameters).fetchall()

    def head(self, user_id: str) -> int:
        """Where the user's feed ends, 0 for a user nobody has made known."""
        rows = self.fetch("SELECT head FROM heads WHERE user_id = ?1", (user_id,))
        return int(rows[0][0]) if rows else 0


def give_way() -> None:
    """Let the event loop go on, which a reader's thread shares the interpreter with. A query that
    computes for long calls it about every millisecond."""
    time.sleep(PAUSE)


def fitting(rows: list[Row], limit: int) -> list[Row]:
    """As many as the bus carries at once (R18), at least one; MESSAGE_COLUMNS stand last."""
    size = 0
    for count, row in enumerate(rows[:limit]):
        size += ROW_BYTES + message_size(row[-MESSAGE_WIDTH:])
        if size > MAX_PAGE_BYTES and count:
            return rows[:count]
    return rows[:limit]


def carried(views: list[V]) -> list[V]:
    """As many as the bus carries at once (R18), at least one."""
    size = 0
    for count, one in enumerate(views):
        size += len(api.encode(one))
        if size > MAX_PAGE_BYTES and count:
            return views[:count]
    return views


def profile(row: list[str | None]) -> Profile:
    user_id, name, email, time_zone, locale, avatar = row
    return Profile(
        user_id=user_id or "",
        name=name,
        email=email,
        time_zone=time_zone,
        locale=locale,
        avatar=avatar,
    )
