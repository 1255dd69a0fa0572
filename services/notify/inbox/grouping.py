"""Owns the grouping of notifications in the list. Pure; times are microseconds since 1970, UTC.

A group holds what came within a window after its first thing, and no more things than a maximum;
what comes then begins the next group. Grouping shapes the list, and has no effect on e-mails.
"""

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from shared.clock import SECOND
from shared.frames import Priority

HOUR = 3600 * SECOND


class Window(NamedTuple):
    """The limits of a group: its length, and how many things it stands for at most."""

    length: int
    most: int


WINDOWS = {
    "new_message": Window(1 * HOUR, 5),
    "post_liked": Window(6 * HOUR, 20),
    "new_follower": Window(12 * HOUR, 15),
    "connection_request": Window(24 * HOUR, 10),
    "job_application": Window(48 * HOUR, 5),
}
USUAL = Window(24 * HOUR, 10)  # of all other types


class Item(Struct, frozen=True, kw_only=True):
    """A line of a user's list. `count`: the number of things that it stands for.

    A message is only referred to: `last_seq` is the newest of the group in the conversation, and
    `first_seq` the oldest. `group_key` is empty for what is never grouped. `read_at` and
    `delivered_at` are 0 until then. `muted`: the conversation is, so the item is not counted.
    """

    item_id: str
    user_id: str
    notification_type: str
    group_key: str = ""
    priority: Priority = "normal"
    title: str = ""
    body: str = ""
    sender_id: str = ""
    action_url: str = ""
    conversation_id: str = ""
    first_seq: int = 0
    last_seq: int = 0
    count: int = 1
    muted: bool = False
    created_at: int
    updated_at: int
    read_at: int = 0
    delivered_at: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.user_id, self.group_key


def grouped(newest: Item | None, thing: Item) -> Item:
    """`thing`, or `newest` with it. They are of the same user and group."""
    if newest is None or not _has_room(newest, thing.updated_at):
        return thing
    return replace(
        thing,
        item_id=newest.item_id,
        first_seq=newest.first_seq,
        count=newest.count + 1,
        created_at=newest.created_at,
        updated_at=max(newest.updated_at, thing.updated_at),
    )


def _has_room(item: Item, at: int) -> bool:
    window = WINDOWS.get(item.notification_type, USUAL)
    is_grouped = bool(item.group_key)
    return is_grouped and item.count < window.most and at - item.created_at < window.length
