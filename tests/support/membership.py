"""Owns who was a member of which group when, by the log, and what that rules out (C9, I9).

Changes of groups and messages are numbered by one sequence, in the order of their commits.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.support.device import Device
from tests.support.ledger import Ledger
from tests.support.poller import Poller

Row = tuple[Any, ...]
LATER = 2**62
CHANGES = (
    "SELECT change_id, conversation_id, version, kind, actor_id, created_at, user_ids "
    "FROM group_changes ORDER BY change_id"
)
FEED = """
SELECT f.user_id, f.cursor, f.kind, coalesce(f.conversation_id, m.conversation_id), f.message_id,
  f.change_id FROM json_each(?1) AS j JOIN feed AS f ON f.user_id = j.value
LEFT JOIN messages AS m ON m.message_id = f.message_id ORDER BY f.user_id, f.cursor
"""
MEMBERS = """
SELECT a.conversation_id, a.user_id, a.role, a.version + c.version, a.cleared_seq
FROM members AS a JOIN conversations AS c ON c.conversation_id = a.conversation_id
"""
PARTINGS = ("left", "member_removed")


class Change(NamedTuple):
    change_id: int
    place: str
    version: int
    kind: str
    actor_id: str
    created_at: int  # microseconds since 1970
    user_ids: frozenset[str]


class Seat(NamedTuple):
    """`version`: of the group as that member sees it."""

    role: str
    version: int
    cleared_seq: int


@dataclass
class Stay:
    """The time from the change that adds a user to the one that removes them."""

    began: int
    ended: int = LATER


@dataclass
class Membership:
    changes: list[Change]
    feed: list[Row]
    seats: dict[tuple[str, str], Seat]  # by group and user
    faults: list[str] = field(default_factory=list)
    stays: dict[tuple[str, str], list[Stay]] = field(default_factory=lambda: defaultdict(list))

    def current(self, place: str) -> set[str]:
        return {user_id for where, user_id in self.seats if where == place}

    def stay(self, place: str, user_id: str, number: int) -> Stay | None:
        """During which that message was stored, or that change was made."""
        stays = self.stays.get((place, user_id), ())
        return next((stay for stay in stays if stay.began < number < stay.ended), None)

    def at(self, place: str, user_id: str, number: int) -> bool:
        return self.stay(place, user_id, number) is not None

    def told_at(self, user_id: str, place: str, change_id: int) -> int:
        """The cursor at which that user is told of that change of a group, or of a later one."""
        for name, cursor, _, where, _, told in self.feed:
            if (name, where) == (user_id, place) and (told or 0) >= change_id:
                return int(cursor)
        return LATER

    def second(self, change_id: int) -> float:
        """Return the time of a change in seconds; for LATER, it never comes."""
        found = (one.created_at / 1e6 for one in self.changes if one.change_id == change_id)
        return next(found, float(LATER))

    def version(self, place: str) -> int:
        """Return the version of the group's latest change."""
        return max((one.version for one in self.changes if one.place == place), default=0)


def read_membership(store: sqlite3.Connection, users: Sequence[str], ledger: Ledger) -> Membership:
    changes = [
        Change._make((*row, frozenset(json.loads(user_ids))))
        for *row, user_ids in store.execute(CHANGES)
        if row[1] in ledger.groups
    ]
    feed = store.execute(FEED, (json.dumps(users),)).fetchall()
    seats = {(row[0], row[1]): Seat(*row[2:]) for row in store.execute(MEMBERS)
             if row[0] in ledger.groups}  # fmt: skip
    found = Membership(changes, feed, seats)
    for change in changes:
        found.faults += _replay(found, change, ledger)
    found.faults += [
        f"C9 {key}: a member, but no change says so, or the other way round"
        for key in {*found.seats, *found.stays}
        if (key in found.seats) != any(stay.ended == LATER for stay in found.stays[key])
    ]
    return found


def _replay(found: Membership, change: Change, ledger: Ledger) -> Iterator[str]:
    """One change, after those before it: who did it was a member, and it was one."""
    place, kind, number = change.place, change.kind, change.change_id
    made = kind == "created"
    if not made and not found.at(place, change.actor_id, number) and not _heir(found, change):
        yield f"C9 {change}: done by no member"
    inside = [user_id for user_id in change.user_ids if found.at(place, user_id, number)]
    if kind == "member_added" and inside:
        yield f"C9 {change}: added who is in it"
    if kind in PARTINGS and len(inside) < len(change.user_ids):
        yield f"C9 {change}: took out who is not in it"
    if made and found.at(place, change.actor_id, number):
        yield f"C3 {change}: made twice"
    if made or kind == "member_added":
        for user_id in ledger.groups[place].members if made else change.user_ids:
            found.stays[place, user_id].append(Stay(number))
    for user_id in inside if kind in PARTINGS else ():
        found.stays[place, user_id][-1].ended = number


def _heir(found: Membership, change: Change) -> bool:
    """The last owner has just left: what that makes somebody else is told in their name."""
    stays = found.stays[change.place, change.actor_id]
    return change.kind == "role" and bool(stays) and stays[-1].ended == change.change_id - 1


def told_out_of_place(everyone: Sequence[Device | Poller], found: Membership) -> Iterator[str]:
    """I9, C9: whatever is told of a group is of a time in which they were a member: the row, and
    the message that it is about. The last thing is that they are none any more."""
    rows = {(row[0], row[1]): row[3:] for row in found.feed}
    stays = _stays_by_row(found)
    for one in everyone:
        for cursor, place, message_id in one.view.heard:
            where, about, _ = rows.get((one.user_id, cursor), ("", None, None))
            stay = stays.get((one.user_id, cursor))
            if where != place or about != message_id:
                yield f"I9 {one.name}: told of {place}, {message_id} at {cursor}, where it is not"
            elif stay is None or (about is not None and about < stay.began):
                yield f"I9 {one.name}: told of {place}, {message_id} at {cursor}, being no member"


def _stays_by_row(found: Membership) -> dict[tuple[str, int], Stay]:
    """The stay during which a row about a group was written to its user's feed."""
    kinds = {change.change_id: change for change in found.changes}
    current: dict[tuple[str, str], Stay] = {}
    stays = {}
    for user_id, cursor, kind, place, _, change_id in found.feed:
        key = (place, user_id)
        starts = {stay.began: stay for stay in found.stays.get(key, ())}
        if change_id in starts:
            current[key] = starts[change_id]
        if key in current:
            stays[user_id, cursor] = current[key]
        if kind in PARTINGS and user_id in kinds[change_id].user_ids:
            current.pop(key, None)
    return stays


def sent_by_strangers(rows: Sequence[Row], found: Membership, ledger: Ledger) -> Iterator[str]:
    """C9: whoever said something in a group was a member as that was stored."""
    for place, _, sender_id, client_id, message_id, *_ in rows:
        if place in ledger.groups and not found.at(place, sender_id, message_id):
            yield f"C9 {client_id}: stored in {place}, whose member {sender_id} was not"


def as_asked(
    found: Membership, ledger: Ledger, titles: dict[str, set[str | None]]
) -> Iterator[str]:
    """C1: no acknowledged change of a group is lost, and nothing changes by itself."""
    for (place, user_id), register in ledger.seats.items():
        if ((place, user_id) in found.seats) not in register.possible():
            yield f"C1 {user_id} in {place}: not one of {register.possible()}"
    for place, shown in titles.items():
        if len(shown) > 1 or not shown <= ledger.titles[place].possible():
            yield f"C1 {place} is called {shown}, not one of {ledger.titles[place].possible()}"
    for place in ledger.groups:
        roles = [seat.role for (where, _), seat in found.seats.items() if where == place]
        if roles and "owner" not in roles:
            yield f"C9 {place}: nobody owns it"
