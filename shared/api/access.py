"""Owns the body that tells who may come in."""

from datetime import datetime

from msgspec import Struct


class AccessAnswer(Struct, frozen=True, kw_only=True):
    """The access of a user: `banned` is true while all their tokens are refused.

    Tokens that were issued at `valid_after` or earlier are refused. It is null if there is no such
    time.
    """

    user_id: str
    banned: bool
    valid_after: datetime | None
