"""Owns the bodies about blocks: whom one keeps away."""

from datetime import datetime

from msgspec import Struct

from shared.frames import UserId


class BlockRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/blocks"""

    user_id: UserId


class BlockView(Struct, frozen=True, kw_only=True):
    """Somebody whom this user blocks, since then."""

    user_id: str
    name: str | None
    avatar: str | None
    created_at: datetime


class BlocksAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/blocks, by user id. `next` is the next page's `after`."""

    epoch: str
    cursor: int
    blocks: list[BlockView]
    next: str | None
