"""Owns the deliveries of the host's notifications: one for each channel that is to bring it."""

import sqlite3
from collections.abc import Iterable, Mapping

from services.notify.inbox.grouping import Item
from services.notify.ladder import groups
from services.notify.ladder.delivery import NOTICE, Channel, Key, Waits
from services.notify.ladder.preferences import Chosen, Table, resolved
from services.notify.preferences import choices
from services.notify.store import rows


def open_notices(
    connection: sqlite3.Connection,
    items: Iterable[Item],
    now: int,
    *,
    known: Table,
    waits: Mapping[Channel, Waits],
) -> None:
    """In the transaction that stores the items. Whether a channel still brings one is asked again
    when it is due."""
    wanted = _wanted(connection, list(items), known, waits)
    watches = rows.watches_of(connection, wanted)
    for key, item in wanted.items():
        due_at = now + waits[key[2]].unread
        watches[key] = groups.announced(watches[key], item.count, item.updated_at, now, due_at)
    rows.save(connection, watches.values())


def _wanted(
    connection: sqlite3.Connection, items: list[Item], known: Table, waits: Iterable[Channel]
) -> dict[Key, Item]:
    users = {item.user_id for item in items}
    chosen = choices.chosen(connection, users)
    pushed = rows.subscribed(connection, users) if "push" in waits else set()
    wanted: dict[Key, Item] = {}
    for item in items:
        preferences = resolved(known, chosen.get(item.user_id, Chosen(user_id=item.user_id)))
        for channel in waits:
            reached = channel == "email" or item.user_id in pushed
            if reached and preferences.brings(item.notification_type, channel):
                wanted[item.user_id, NOTICE + item.item_id, channel] = item
    return wanted
