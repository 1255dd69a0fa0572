"""Owns what is found out about deliveries that are due: in notify's database, and from the log."""

import asyncio
import sqlite3
from collections.abc import Iterable
from datetime import UTC, tzinfo
from itertools import groupby

import msgspec
from msgspec import Struct

from services.notify import choices, refusals, rows
from services.notify.cases import Case, Part
from services.notify.channels.content import MessageContent, NoticeContent
from services.notify.ladder.delivery import DIGEST, NOTICE, Delivery
from services.notify.ladder.preferences import Chosen, Table, resolved
from services.notify.ladder.step import Facts, Reach, mail_reach, of_messages
from services.notify.store import Store
from services.notify.zones import zone_of
from shared import subjects
from shared.bus import Bus
from shared.commands import (
    Joins,
    JoinsAnswer,
    Marks,
    MarksAnswer,
    MarksRow,
    Profile,
    Unread,
    encode,
    open_answer,
)

REQUEST_TIMEOUT = 5.0
MARKS = 50  # conversations in one question: their previews stay well below what the bus carries
USERS = 500

ITEMS = "SELECT i.* FROM json_each(:ids) AS k JOIN items AS i ON i.item_id = k.value"

Thread = tuple[Delivery, ...]  # deliveries of one user and thread


class Kept(Struct, frozen=True):
    """What notify's database has: of each user what they chose, the address that is refused and
    whether they have a push subscription; the threads of each digest; notifications by id."""

    chosen: dict[str, Chosen]
    suppressed: dict[str, str]
    subscribed: set[str]
    members: dict[str, list[Thread]]
    items: dict[str, sqlite3.Row]


class Enquiry:
    """`most`: refusals after which an address gets no e-mail."""

    def __init__(self, bus: Bus, store: Store, known: Table, most: int) -> None:
        self._bus = bus
        self._store = store
        self._known = known
        self._most = most

    async def cases(self, claimed: list[Delivery]) -> list[Case]:
        """Raises LinkupError and MsgspecError where nothing can be found out."""
        kept = await self._store.between(lambda raw: _kept(raw, claimed, self._most))
        threads = {one.delivery_id: _threads(one, kept) for one in claimed}
        marks = await self._marks([one for some in threads.values() for one in some])
        profiles = {row.user_id: row.profile for row in marks.values() if row is not None}
        wanted = {one.user_id for one in claimed} | _senders(kept)
        profiles |= await self._profiles(wanted - profiles.keys())
        zones = await self._zones(kept, profiles)
        return [
            self._case(one, threads[one.delivery_id], kept, marks, profiles, zones)
            for one in claimed
        ]

    def _case(
        self,
        delivery: Delivery,
        threads: Iterable[Thread],
        kept: Kept,
        marks: dict[tuple[str, str], MarksRow | None],
        profiles: dict[str, Profile],
        zones: dict[str, tzinfo],
    ) -> Case:
        user_id = delivery.user_id
        profile = profiles.get(user_id, Profile(user_id=user_id))
        reach = _reach(delivery, profile, kept)
        chosen = kept.chosen.get(user_id, Chosen(user_id=user_id))
        return Case(
            delivery=delivery,
            profile=profile,
            preferences=resolved(self._known, chosen, zones.get(user_id, UTC)),
            reach=reach,
            parts=tuple(_part(thread, kept, marks, profiles, reach) for thread in threads),
        )

    async def _marks(self, threads: list[Thread]) -> dict[tuple[str, str], MarksRow | None]:
        keys = [one[0].key[:2] for one in threads if ":" not in one[0].thread]
        found: list[MarksRow | None] = []
        while len(found) < len(keys):
            some = keys[len(found) : len(found) + MARKS]
            asked = Marks(asked=[Unread(user_id=u, conversation_id=c) for u, c in some])
            answer = await self._bus.request(
                subjects.query("marks"), encode(asked), REQUEST_TIMEOUT
            )
            found += _as_many(open_answer(answer, MarksAnswer).rows, len(some))
        return dict(zip(keys, found, strict=True))

    async def _profiles(self, user_ids: set[str]) -> dict[str, Profile]:
        """Of those who have no conversation that was asked about."""
        left, found = sorted(user_ids), dict[str, Profile]()
        while left:
            asked = Joins(user_ids=left[:USERS])
            answer = await self._bus.request(
                subjects.query("joins"), encode(asked), REQUEST_TIMEOUT
            )
            joined = open_answer(answer, JoinsAnswer).joined
            if not joined:
                raise msgspec.ValidationError("persistence answered for nobody")
            found |= {one.profile.user_id: one.profile for one in joined if one.profile}
            left = left[len(joined) :]
        return found

    async def _zones(self, kept: Kept, profiles: dict[str, Profile]) -> dict[str, tzinfo]:
        """The zones of users who go by their clock, in a thread: zones are files."""
        names = {
            user_id: chosen.time_zone or profiles[user_id].time_zone or "UTC"
            for user_id, chosen in kept.chosen.items()
            if user_id in profiles and (chosen.quiet_hours or chosen.digest != "off")
        }
        if not names:
            return {}
        return await asyncio.to_thread(
            lambda: {user_id: zone_of(name) or UTC for user_id, name in names.items()}
        )


def _as_many(rows: list[MarksRow | None], number: int) -> list[MarksRow | None]:
    if len(rows) != number:
        raise msgspec.ValidationError(f"{len(rows)} marks for {number} conversations")
    return rows


def _kept(connection: sqlite3.Connection, claimed: list[Delivery], most: int) -> Kept:
    user_ids = sorted({one.user_id for one in claimed})
    digests = [one.user_id for one in claimed if one.thread == DIGEST]
    members = _collected(connection, digests) if digests else {}
    notices = [
        one.thread.removeprefix(NOTICE)
        for one in (
            *claimed,
            *(one for some in members.values() for thread in some for one in thread),
        )
        if one.thread.startswith(NOTICE)
    ]
    pushed = any(one.channel == "push" for one in claimed)
    return Kept(
        chosen=choices.chosen(connection, user_ids),
        suppressed=refusals.suppressed(connection, user_ids, most),
        subscribed=rows.subscribed(connection, user_ids) if pushed else set(),
        members=members,
        items=_items(connection, notices) if notices else {},
    )


def _collected(connection: sqlite3.Connection, user_ids: list[str]) -> dict[str, list[Thread]]:
    """What waits for the digests of these users, by user and thread."""
    asked = {"user_ids": msgspec.json.encode(user_ids).decode()}
    found = sorted(
        (rows.delivery(row) for row in connection.execute(rows.LOAD_COLLECTED, asked)),
        key=lambda one: one.key,
    )
    threads: dict[str, list[Thread]] = {}
    for key, members in groupby(found, key=lambda one: one.key):
        threads.setdefault(key[0], []).append(tuple(members))
    return threads


def _items(connection: sqlite3.Connection, ids: list[str]) -> dict[str, sqlite3.Row]:
    asked = {"ids": msgspec.json.encode(ids).decode()}
    return {row["item_id"]: row for row in connection.execute(ITEMS, asked)}


def _threads(delivery: Delivery, kept: Kept) -> list[Thread]:
    if delivery.thread == DIGEST:
        return kept.members.get(delivery.user_id, [])
    return [(delivery,)]


def _reach(delivery: Delivery, profile: Profile, kept: Kept) -> Reach:
    if delivery.channel == "push":
        return "reached" if delivery.user_id in kept.subscribed else "nowhere"
    refused = kept.suppressed.get(delivery.user_id)
    email = profile.email or ""
    return mail_reach(email, refused is not None and refused == refusals.hidden(email))


def _senders(kept: Kept) -> set[str]:
    """Who caused the notifications: an e-mail shows their names."""
    return {item["sender_id"] for item in kept.items.values() if item["sender_id"]}


def _part(
    thread: Thread,
    kept: Kept,
    marks: dict[tuple[str, str], MarksRow | None],
    profiles: dict[str, Profile],
    reach: Reach,
) -> Part:
    last = max(thread, key=lambda one: one.last_seq)
    if last.thread.startswith(NOTICE):
        item = kept.items.get(last.thread.removeprefix(NOTICE))
        return _notice(thread, item, profiles, reach)
    row = marks[last.key[:2]]
    facts = of_messages(last, row, reach)
    if row is None or not row.previews:
        return Part(deliveries=thread, facts=facts)
    content = MessageContent.of(row)
    return Part(deliveries=thread, facts=facts, content=content, newest=row.previews[-1])


def _notice(
    thread: Thread, item: sqlite3.Row | None, profiles: dict[str, Profile], reach: Reach
) -> Part:
    channel = thread[0].channel
    if item is None:  # it was pruned
        return Part(deliveries=thread, facts=Facts(channel=channel, unread=False, reach=reach))
    facts = Facts(
        channel=channel,
        notification_type=item["notification_type"],
        priority=item["priority"],
        read=item["read_at"] > 0,
        delivered=item["delivered_at"] > 0,
        reach=reach,
    )
    sender = profiles.get(item["sender_id"])
    content = NoticeContent(
        notification_type=item["notification_type"],
        priority=item["priority"],
        title=item["title"],
        body=item["body"],
        action_url=item["action_url"],
        sender_id=item["sender_id"],
        sender_name=(sender.name if sender else None) or "",
        created_at=item["created_at"],
    )
    return Part(deliveries=thread, facts=facts, content=content)
