"""Owns the body of the feed over HTTP."""

import msgspec
from msgspec import Struct


class SyncAnswer(Struct, frozen=True, kw_only=True):
    """A page of the feed, with the frames that a WebSocket would have delivered."""

    epoch: str
    cursor: int
    frames: list[msgspec.Raw]
    has_more: bool
