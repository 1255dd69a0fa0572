"""Owns the transactions of a delivery: opened by the log, claimed, begun, and ended.

`advance` is the point of no return of an attempt. What begins and what ends an attempt works on a
delivery that a claim still holds, or does nothing.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from services.notify.ladder import digest, groups, log
from services.notify.ladder.cases import Case, Part
from services.notify.ladder.delivery import (
    DIGEST,
    Channel,
    Delivery,
    Ending,
    Fence,
    Key,
    Outcome,
    Waits,
    Watch,
)
from services.notify.ladder.preferences import Preferences
from services.notify.store import rows

UNREAD = """
    SELECT i.item_id FROM json_each(:ids) AS k JOIN items AS i
    ON i.item_id = k.value AND i.read_at = 0
"""


def fold(
    connection: sqlite3.Connection, page: log.Told, now: int, waits: Mapping[Channel, Waits]
) -> None:
    """Apply a page of the log. `waits`: the delays of each channel in use."""
    threads = log.concerned(page)
    users = {user_id for user_id, _ in threads} if "push" in waits else set()
    pushed = rows.subscribed(connection, users) if users else set()
    keys: list[Key] = [(*thread, "email") for thread in threads]
    keys += [(*thread, "push") for thread in threads if thread[0] in pushed]
    watches = rows.watches_of(connection, keys)
    for key in keys:
        found = threads[key[0], key[1]]
        watches[key] = groups.fold_all(watches[key], found, now, waits[key[2]])
    rows.save(connection, watches.values())


def claim(connection: sqlite3.Connection, channel: Channel, now: int, limit: int) -> list[Delivery]:
    """Return the deliveries that are due, the oldest first."""
    asked = {"channel": channel, "now": now, "limit": limit}
    due = sorted(rows.deliveries(connection, rows.LOAD_DUE, asked), key=lambda one: one.due_at)
    claimed = [groups.claim(one, now) for one in groups.apart(due)]
    rows.save_deliveries(connection, claimed)
    return claimed


def advance(
    connection: sqlite3.Connection,
    endings: Sequence[Ending],
    cases: Sequence[Case],
    now: int,
    waits: Waits,
) -> tuple[list[bool], list[bool]]:
    """Write down how attempts ended, and that others are past the point of no return. False:
    another has it, or what the case shows was read meanwhile."""
    steps: list[Ending | Case] = [*endings, *cases]
    held = rows.held(connection, [one.delivery for one in steps])
    ended = [(held[one.delivery.fence], one) for one in endings if one.delivery.fence in held]
    found = [(held[one.delivery.fence], one) for one in cases if one.delivery.fence in held]
    single = [(one, case) for one, case in found if not case.is_digest]
    watches = rows.watches_of(connection, {one.key for one, _ in (*ended, *single)})
    _settle(watches, ended, now, waits)
    begun = _begin(connection, watches, single, now, waits)
    rows.save(connection, watches.values())
    for one, _ in ended:
        if one.thread == DIGEST:
            settle_members(connection, one, digest.fate(watches[one.key], one), now, waits)
    for one, case in found:
        if case.is_digest and _begin_digest(connection, one, case, now, waits):
            begun.add(one.fence)
    return (
        [ending.delivery.fence in held for ending in endings],
        [case.delivery.fence in begun for case in cases],
    )


def _settle(
    watches: dict[Key, Watch], ended: Iterable[tuple[Delivery, Ending]], now: int, waits: Waits
) -> None:
    for one, ending in ended:
        watch = watches[one.key]
        watches[one.key] = groups.settle(watch, one, ending.outcome, now, waits, ending.draw)


def _begin(
    connection: sqlite3.Connection,
    watches: dict[Key, Watch],
    found: list[tuple[Delivery, Case]],
    now: int,
    waits: Waits,
) -> set[Fence]:
    """Return the fences of those that have begun."""
    unread = _unread(connection, [part for _, case in found for part in case.parts])
    shown = {one.key for one, case in found if not _is_read(case.parts[0], watches, unread)}
    taken = _taken_in(connection, shown, now)
    for one, case in found:
        watch = watches[one.key]
        if one.key in shown:
            first = min(one.first_seq, taken.get(one.key, one.first_seq))
            watches[one.key] = _begun(watch, replace(one, first_seq=first), case.parts[0], now)
        else:
            read = Outcome("cancelled", "read")
            watches[one.key] = groups.settle(watch, one, read, now, waits)
    return {one.fence for one, _ in found if one.key in shown}


def _taken_in(connection: sqlite3.Connection, keys: Iterable[Key], now: int) -> dict[Key, int]:
    """Return the first message of what was collected of these threads before the digests were
    switched off: it is shown now."""
    keys = list(keys)
    if not keys:
        return {}
    found = rows.deliveries(connection, rows.LOAD_COLLECTED_OF, rows.asked_of(keys))
    merged = Outcome("cancelled", "merged")
    rows.save_deliveries(connection, [digest.ended(one, merged, now) for one in found])
    first: dict[Key, int] = {}
    for one in found:
        first[one.key] = min(one.first_seq, first.get(one.key, one.first_seq))
    return first


def _unread(connection: sqlite3.Connection, parts: Iterable[Part]) -> set[str]:
    """Return the ids of the notifications among these that are not read."""
    ids = [part.notification_id for part in parts if part.newest is None]
    if not ids:
        return set()
    asked = {"ids": msgspec.json.encode(ids).decode()}
    return {item_id for (item_id,) in connection.execute(UNREAD, asked)}


def _is_read(part: Part, watches: Mapping[Key, Watch], unread: set[str]) -> bool:
    if part.newest is None:
        return part.notification_id not in unread
    return watches[part.key].read_seq >= part.last.last_seq


def _begun(watch: Watch, held: Delivery, part: Part, now: int) -> Watch:
    if part.newest is None:
        return groups.begin_other(watch, held, held.count)
    held = replace(held, omissions=part.omissions)
    return groups.begin(watch, held, part.unread, part.newest, now)


def _begin_digest(
    connection: sqlite3.Connection, held: Delivery, case: Case, now: int, waits: Waits
) -> bool:
    watches = rows.watches_of(connection, {held.key, *(part.key for part in case.parts)})
    unread = _unread(connection, case.parts)
    if any(_is_read(part, watches, unread) for part in case.parts):
        # It has more to show: it is asked about again.
        again = groups.settle(watches[held.key], held, Outcome("released"), now, waits)
        rows.save(connection, [again])
        return False
    _show(connection, watches, held, case, now)
    return True


def _show(
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
        members += digest.shown(part, held, last_seq)
    watches[held.key] = groups.begin_other(watches[held.key], held, len(members))
    rows.save(connection, watches.values())
    rows.save_deliveries(connection, members)


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
    held = rows.held(connection, [group]).get(group.fence)
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
