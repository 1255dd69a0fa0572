"""Owns the output of an audit: JSON lines with its progress and each violation."""

import sys

import msgspec
from msgspec import Struct


class Step(Struct, frozen=True, kw_only=True, tag_field="event", tag="step"):
    """The progress of an audit: the number of rows that were read, `of` all. `walk` is next."""

    walk: str
    rows: int
    of: int


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="found"):
    """A violation: a sentence that names what is broken, and the remedy."""

    kind: str
    text: str
    remedy: str
    conversation_id: str | None = None
    user_id: str | None = None
    message_id: int | None = None
    notification_id: str | None = None


Told = Step | Found


def tell(one: Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(one) + b"\n")
    sys.stdout.buffer.flush()
