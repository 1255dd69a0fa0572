"""Owns the body that tells who may come in."""

from datetime import datetime

from msgspec import Struct


class AccessAnswer(Struct, frozen=True, kw_only=True):
    """Whether a user is banned. Tokens that were issued at `valid_after` or earlier are refused; it
    is null if the user was never disconnected."""

    user_id: str
    banned: bool
    valid_after: datetime | None
