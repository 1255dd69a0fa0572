"""Owns the input of every query: a reader's connection and the identity of the store."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Raw

from services.persistence.store.connections import Row
from shared.commands import MAX_PAGE_BYTES, Profile

MAX_LIST = 100
MAX_UNREAD = 1000
PAUSE = 50e-6  # seconds: as long as a thread takes to wake

PROFILE = "u.user_id, u.name, u.email, u.time_zone, u.locale, u.avatar"


class Source(NamedTuple):
    """A connection to read from, in its own thread and within one transaction. `epoch` names the
    store. If `contacts_only`, users find only their contacts."""

    connection: sqlite3.Connection
    epoch: str
    contacts_only: bool = False

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows at once: an open statement would keep the log file from shrinking."""
        return self.connection.execute(sql, parameters).fetchall()

    def head(self, user_id: str) -> int:
        """Return the last cursor of the user's feed, 0 for an unknown user."""
        rows = self.fetch("SELECT head FROM heads WHERE user_id = ?1", (user_id,))
        return int(rows[0][0]) if rows else 0


def page_size(asked: int, most: int = MAX_LIST) -> int:
    """Return the number of items of a page: as many as are asked for, from 1 to `most`."""
    return max(1, min(asked, most))


def give_way() -> None:
    """Let the event loop go on, which a reader's thread shares the interpreter with. A query that
    computes for long calls it about every millisecond."""
    time.sleep(PAUSE)


class Room:
    """The maximum size of one answer over the bus (R18), at least one item."""

    def __init__(self) -> None:
        self._left = MAX_PAGE_BYTES
        self._is_empty = True

    def fit(self, encoded: Iterable[bytes]) -> list[Any]:
        """Return as many items as fit into the answer, encoded."""
        taken: list[Raw] = []
        for one in encoded:
            self._left -= len(one)
            if self._left < 0 and not self._is_empty:
                break
            self._is_empty = False
            taken.append(Raw(one))
        return taken


def fit(encoded: Iterable[bytes]) -> list[Any]:
    return Room().fit(encoded)


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
