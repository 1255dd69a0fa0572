"""Owns what may be told of who types and who is there: never stored, and still not to everybody."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.blocks import Pair, read_pairs
from tests.support.crowd import Crowd
from tests.support.ledger import Heard, Ledger, Typed
from tests.support.membership import Membership
from tests.support.poller import Call
from tests.support.stores import reading

COUNTS = "SELECT (SELECT count(*) FROM feed), (SELECT sum(number) FROM lanes)"
UNDERWAY = 30.0  # seconds at most from a typist's gateway to another's
STALE = 35.0  # so long a gateway may not have heard of a change: it keeps members for 30 seconds


def typing_out_of_place(ledger: Ledger, membership: Membership) -> Iterator[str]:
    """I9: who types in a group is told to members alone, and of members alone. Somebody may have
    left just now: then the typist's device has not been told so."""
    for heard in ledger.heard:
        if heard.place not in ledger.groups:
            continue
        causes = [one for one in ledger.typed
                  if (one.user_id, one.place) == (heard.typist, heard.place)
                  and 0.0 <= heard.at - one.at <= UNDERWAY]  # fmt: skip
        if not any(_fine(heard, cause, membership) for cause in causes):
            yield f"I9 {heard.who}: told that {heard.typist} types in {heard.place}, {causes}"


def _fine(heard: Heard, typed: Typed, membership: Membership) -> bool:
    return all(
        _may_count_as_in(user_id, heard, typed, membership)
        for user_id in (heard.user_id, heard.typist)
    )


def _may_count_as_in(user_id: str, heard: Heard, typed: Typed, membership: Membership) -> bool:
    for stay in membership.stays.get((heard.place, user_id), ()):
        if membership.second(stay.began) <= heard.at and membership.second(stay.ended) >= typed.at:
            return True
        told_at = membership.told_at(typed.user_id, typed.place, stay.ended)
        if told_at > typed.cursor and membership.second(stay.ended) >= typed.at - STALE:
            return True
    return False


async def type_everywhere(crowd: Crowd, membership: Membership, path: Path) -> list[str]:
    """In each group one member after the other types, and where somebody ever blocked: all the
    others hear it, but for those who block the typist or are blocked by them, and nobody else."""
    found = []
    with reading(path) as store:
        pairs = read_pairs(store, crowd.users)
    places = {place: membership.current(place) for place in crowd.ledger.groups}
    begun = {sent.conversation_id for sent in crowd.ledger.sent.values() if sent.acks}
    for place in filter(crowd.ledger.blocks_of, sorted(begun)):
        places[place] = crowd.ledger.members[place]
    for place, members in places.items():
        for user_id in crowd.users if place in crowd.ledger.groups else sorted(members):
            hearers = await _hearers(crowd, user_id, place)
            others = members - {user_id} if user_id in members else set()
            others = {one for one in others if pairs.isdisjoint({(one, user_id), (user_id, one)})}
            if hearers != {one.name for one in crowd.devices if one.user_id in others}:
                found.append(f"I9 {user_id} types in {place} of {members}, told to {hearers}")
    return found


async def _hearers(crowd: Crowd, user_id: str, place: str) -> set[str]:
    crowd.ledger.heard.clear()
    device = next(one for one in crowd.devices if one.user_id == user_id)
    device.type_in(place)
    await asyncio.sleep(1.0)
    return {heard.who for heard in crowd.ledger.heard}


def stored(path: Path) -> tuple[int, ...]:
    """Return counts that grow when anything is stored."""
    with reading(path) as store:
        counts = store.execute(
            "SELECT (SELECT count(*) FROM feed), (SELECT sum(number) FROM lanes)"
        )
        [row] = counts.fetchall()
    return tuple(row)


async def beliefs(crowd: Crowd, path: Path, call: Call) -> list[str]:
    """Whom a device watches, it believes online if they have an open socket and share a
    conversation with its user, and neither blocks the other. All others were never there."""
    online = {device.user_id for device in crowd.devices if device.connected}
    met = _acquaintances(path, crowd.users)
    found = []
    for device in crowd.devices:
        for user_id in device.watched if device.connected else ():
            knows = (device.user_id, user_id) in met or device.user_id == user_id
            told = device.believed.get(user_id, {})
            if told.get("is_online") != (knows and user_id in online):
                found.append(
                    f"S63 {device.name}, acquainted: {knows}, was told {told} of {user_id}"
                )
            if not knows and told.get("last_seen") is not None:
                found.append(f"S63 {device.name} was told of a stranger: {told}")
    return found + await _statuses(crowd, met, online, call)


def apart_beliefs(crowd: Crowd, path: Path) -> list[str]:
    """Between whom a block stands, nobody is there; all devices watch everybody."""
    with reading(path) as store:
        pairs = read_pairs(store, crowd.users)
    return [
        f"S63 {device.name} believes {device.believed.get(other)}, of whom a block keeps them"
        for one, another in pairs
        for user_id, other in ((one, another), (another, one))
        for device in crowd.devices
        if device.user_id == user_id and device.believed.get(other, {}).get("is_online")
    ]


def _acquaintances(path: Path, users: Sequence[str]) -> set[Pair]:
    with reading(path) as store:
        pairs = store.execute(
            "SELECT DISTINCT a.user_id, b.user_id FROM members AS a "
            "JOIN members AS b ON b.conversation_id = a.conversation_id"
        ).fetchall()
        blocks = read_pairs(store, users)
    return set(pairs) - blocks - {(other, one) for one, other in blocks}


async def _statuses(crowd: Crowd, met: set[Pair], online: set[str], call: Call) -> list[str]:
    found = []
    for asker in crowd.users:
        for user_id in crowd.users:
            status, answer = await call(asker, "GET", f"/v1/users/{user_id}/status", None)
            knows = (asker, user_id) in met or asker == user_id
            is_online = status == 200 and answer["is_online"]
            if (status == 200) != knows or is_online != (knows and user_id in online):
                found.append(f"S63 {asker} asks for {user_id}, acquainted: {knows}: {answer}")
    return found
