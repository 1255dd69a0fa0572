"""Owns the bodies of the feed over HTTP."""

import msgspec
from msgspec import Struct


class SyncAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/sync: the feed after a cursor, each frame as a socket would have got it."""

    epoch: str
    cursor: int
    frames: list[msgspec.Raw]
    has_more: bool
