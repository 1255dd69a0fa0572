"""Owns what every query reads from: one reader's connection and the identity of its store."""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec import Struct

from services.persistence.projection import MESSAGE_WIDTH, message_size
from services.persistence.queries.followers import Followers
from services.persistence.store.connections import Held, Row
from shared import api
from shared.commands import MAX_PAGE_BYTES, Profile

V = TypeVar("V", bound=Struct)

MAX_LIST = 100
MAX_UNREAD = 1000
ROW_BYTES = 2048  # of a message or conversation in JSON, without the content

PROFILE = "u.user_id, u.name, u.email, u.time_zone, u.locale, u.avatar"


class Source:
    def __init__(self, held: Held, epoch: str, followers: Followers) -> None:
        self._held = held
        self.epoch = epoch
        self.followers = followers

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return await self._held.fetch(sql, parameters)

    async def head(self, user_id: str) -> int:
        """Where the user's feed ends, 0 for a user nobody has made known."""
        rows = await self.fetch("SELECT head FROM heads WHERE user_id = ?1", (user_id,))
        return int(rows[0][0]) if rows else 0


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
