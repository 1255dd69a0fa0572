"""Owns the body of the route that erases a user."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from shared.frames import UserId


class ErasureAnswer(Struct, frozen=True, kw_only=True):
    """The progress of the erasure of a user.

    `state` is `erasing` while something of the user is left, and `erased` when nothing is.
    """

    user_id: UserId
    state: Literal["erasing", "erased"]
    asked_at: datetime
