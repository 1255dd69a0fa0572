"""Owns the bodies of the block routes."""

from datetime import datetime

from msgspec import Struct

from shared.frames import UserId


class BlockRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The user to block."""

    user_id: UserId


class BlockView(Struct, frozen=True, kw_only=True):
    """A user that you block. `created_at` is the time of the block."""

    user_id: str
    name: str | None
    avatar: str | None
    created_at: datetime


class BlocksAnswer(Struct, frozen=True, kw_only=True):
    """A page of blocked users, ordered by user id. Pass `next` as `after` to get the next page."""

    epoch: str
    cursor: int
    blocks: list[BlockView]
    next: str | None
