"""Owns the transactions of a delivery: opened by the log, claimed, begun, and ended.

`begin` is the point of no return of an attempt. It and what ends an attempt work on a delivery that
a claim still holds, or do nothing.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from services.notify import rows
from services.notify.cases import Case, Part
from services.notify.ladder import digest, groups, log
from services.notify.ladder.delivery import DIGEST, Channel, Delivery, Key, Outcome, Waits, Watch
from services.notify.ladder.preferences import Preferences
from shared.commands import LogRow

UNREAD = "SELECT 1 FROM items WHERE item_id = :notification_id AND read_at = 0"


def fold(
    connection: sqlite3.Connection,
    page: Iterable[LogRow],
    now: int,
    waits: Mapping[Channel, Waits],
) -> None:
    """Apply a page of the log. `waits`: the delays of each channel in use."""
    concerned = sorted((row for row in page if log.concerns(row)), key=log.order)
    users = {row.user_id for row in concerned} if "push" in waits else set()
    pushed = rows.subscribed(connection, users) if users else set()
    watches = rows.watches_of(connection, log.keys(concerned, pushed))
    for row in concerned:
        for key in log.keys([row], pushed):
            watches[key] = groups.fold(watches[key], row, now, waits[key[2]])
    rows.save(connection, watches.values())


def claim(connection: sqlite3.Connection, channel: Channel, now: int, limit: int) -> list[Delivery]:
    """Return the deliveries that are due, the oldest first."""
    asked = {"channel": channel, "now": now, "limit": limit}
    due = map(rows.delivery, connection.execute(rows.LOAD_DUE, asked).fetchall())
    claimed = [groups.claim(one, now) for one in groups.apart(due)]
    rows.save_deliveries(connection, claimed)
    return claimed


def begin(connection: sqlite3.Connection, case: Case, now: int, waits: Waits) -> bool:
    """The point of no return. False: what the case shows was read meanwhile, or another has it."""
    held = rows.held(connection, case.delivery)
    if held is None:
        return False
    keys = {held.key, *(part.key for part in case.parts)}
    watches = rows.watches_of(connection, keys)
    if any(_is_read(connection, part, watches[part.key]) for part in case.parts):
        _withdraw(connection, watches[held.key], held, now, waits)
        return False
    if held.thread == DIGEST:
        _begin_digest(connection, watches, held, case, now)
    else:
        [part] = case.parts
        taken = _taken_in(connection, held, now)
        first_seq = min([held.first_seq, *(one.first_seq for one in taken)])
        held = replace(held, first_seq=first_seq)
        rows.save(connection, [_begun(watches[held.key], held, part, now)])
    return True


def _taken_in(connection: sqlite3.Connection, held: Delivery, now: int) -> list[Delivery]:
    """Return the deliveries collected before digests were switched off: they are shown now."""
    asked = {"user_id": held.user_id, "thread": held.thread, "channel": held.channel}
    found = [rows.delivery(row) for row in connection.execute(rows.LOAD_COLLECTED_OF, asked)]
    merged = Outcome("cancelled", "merged")
    rows.save_deliveries(connection, [digest.ended(one, merged, now) for one in found])
    return found


def _is_read(connection: sqlite3.Connection, part: Part, watch: Watch) -> bool:
    if part.newest is not None:
        return watch.read_seq >= part.last.last_seq
    asked = {"notification_id": part.notification_id}
    return connection.execute(UNREAD, asked).fetchone() is None


def _withdraw(
    connection: sqlite3.Connection, watch: Watch, held: Delivery, now: int, waits: Waits
) -> None:
    """A digest has more to show: it is asked about again."""
    outcome = Outcome("released") if held.thread == DIGEST else Outcome("cancelled", "read")
    rows.save(connection, [groups.settle(watch, held, outcome, now, waits)])


def _begun(watch: Watch, held: Delivery, part: Part, now: int) -> Watch:
    if part.newest is None:
        return groups.begin_other(watch, held, held.count)
    return groups.begin(watch, held, part.unread, part.newest, now)


def _begin_digest(
    connection: sqlite3.Connection,
    watches: dict[Key, Watch],
    held: Delivery,
    case: Case,
    now: int,
) -> None:
    members: list[Delivery] = []
    for part in case.parts:
        last_seq = part.last.last_seq
        if part.newest is not None:
            last_seq = max(last_seq, part.newest.seq)
            watches[part.key] = groups.shown(watches[part.key], last_seq, part.newest, now)
        members += digest.shown(part.deliveries, held, last_seq)
    watches[held.key] = groups.begin_other(watches[held.key], held, len(members))
    rows.save(connection, watches.values())
    rows.save_deliveries(connection, members)


def settle(
    connection: sqlite3.Connection,
    group: Delivery,
    outcome: Outcome,
    now: int,
    waits: Waits,
    draw: float = 0.0,
) -> bool:
    """Write down how an attempt ended."""
    held = rows.held(connection, group)
    if held is None:
        return False
    watch = rows.watches_of(connection, {held.key})[held.key]
    watch = groups.settle(watch, held, outcome, now, waits, draw)
    rows.save(connection, [watch])
    if held.thread == DIGEST:
        settle_members(connection, held, digest.fate(watch, held), now, waits)
    return True


def settle_members(
    connection: sqlite3.Connection,
    held: Delivery,
    outcome: Outcome | None,
    now: int,
    waits: Waits,
) -> None:
    """End the deliveries that a digest showed as the digest ended."""
    asked = {"user_id": held.user_id, "digest_id": held.delivery_id}
    members = [rows.delivery(row) for row in connection.execute(rows.LOAD_MEMBERS, asked)]
    rows.save_deliveries(connection, digest.settled(members, outcome, now))
    if outcome is not None and outcome.kind in ("sent", "unknown"):
        watches = rows.watches_of(connection, {one.key for one in members}).values()
        rows.save(connection, [groups.mailed(one, now, waits) for one in watches])


def collect(
    connection: sqlite3.Connection, group: Delivery, preferences: Preferences, now: int
) -> bool:
    """Keep it for the digest of the window."""
    held = rows.held(connection, group)
    if held is None:
        return False
    key: Key = (held.user_id, DIGEST, "email")
    watches = rows.watches_of(connection, {held.key, key})
    watch = groups.collected(watches[held.key], held)
    rows.save(connection, [watch, digest.joined(watches[key], held, preferences, now)])
    return True


def end(
    connection: sqlite3.Connection, members: tuple[Delivery, ...], outcome: Outcome, now: int
) -> None:
    """End the deliveries that a digest need not show any more."""
    rows.save_deliveries(connection, [digest.ended(one, outcome, now) for one in members])


def recover(connection: sqlite3.Connection, now: int, waits: Mapping[Channel, Waits]) -> int:
    """Settle what the process before left in flight; return how many are unknown."""
    left = [rows.delivery(row) for row in connection.execute(rows.LOAD_IN_FLIGHT)]
    watches = rows.watches_of(connection, {group.key for group in left})
    for group in left:
        own = waits.get(group.channel, waits["email"])
        watch = groups.recover(watches[group.key], group, now, own)
        rows.save(connection, [watch])
        if group.thread == DIGEST:
            settle_members(connection, group, digest.fate(watch, group), now, own)
    return sum(group.state == "sending" for group in left)
