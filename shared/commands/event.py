"""Owns the events for the hub."""

from typing import Literal

from msgspec import Struct


class Event(Struct, frozen=True, array_like=True):
    """One row of a user's feed. An empty `body` is a placeholder: step over it (R7).

    `body`: the frame as JSON, without its cursor. `origin`: the connection that caused it.
    `conversation_id` and `seq` say what a message event lets the client have read (R13).
    """

    cursor: int
    body: bytes
    origin: str = ""
    conversation_id: str = ""
    seq: int = 0


class Events(Struct, frozen=True, kw_only=True):
    """The events that one commit added to a feed. The hub compares the user id with its own."""

    user_id: str
    epoch: str
    events: list[Event]


class Announcement(Struct, frozen=True, kw_only=True):
    """On a user's own subject: a socket of theirs is open (at a gateway), or the last one there
    has gone. `at`: microseconds since 1970."""

    online: bool
    at: int


class Acquaintance(Struct, frozen=True, kw_only=True, tag=True):
    """It may have changed whether these two users may know of each other: ask again. The hub
    compares the user id with its own. An empty `other_id` stands for all other users. `parted`
    tells that one of them left a group; what else is remembered of them still holds."""

    user_id: str
    other_id: str
    parted: bool = False


class Live(Struct, frozen=True, kw_only=True):
    """A frame for a user's sockets, now or never. The hub compares the user id with its own.

    `to`: the sockets that show the conversation ("viewers"), those that do not ("others"), or all.
    """

    user_id: str
    conversation_id: str
    frame: bytes
    to: Literal["viewers", "others", "all"] = "viewers"
