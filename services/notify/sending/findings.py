"""Owns what notify's database knows of deliveries that are due, and how a case is made of it."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, tzinfo
from itertools import groupby

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from services.notify.ladder.cases import Case, Part
from services.notify.ladder.content import MessageContent, NoticeContent
from services.notify.ladder.delivery import DIGEST, NOTICE, Delivery
from services.notify.ladder.preferences import Chosen, Table, resolved
from services.notify.ladder.step import Facts, mail_reach, of_messages
from services.notify.preferences import choices
from services.notify.store import refusals, rows
from shared.commands import MarksRow, Profile, Reached

ITEMS = "SELECT i.* FROM json_each(:ids) AS k JOIN items AS i ON i.item_id = k.value"

Marked = Mapping[tuple[str, str], MarksRow | None]  # by user and conversation
Thread = tuple[Delivery, ...]  # deliveries of one user and thread


class Kept(Struct, frozen=True):
    """Facts from notify's database: each user's choices, refused address and push subscription;
    the threads of each digest; notifications by id."""

    chosen: dict[str, Chosen]
    suppressed: dict[str, str]
    subscribed: set[str]
    members: dict[str, list[Thread]]
    items: dict[str, sqlite3.Row]

    def senders(self) -> set[str]:
        """Return the users who caused the notifications: their names are shown."""
        return {item["sender_id"] for item in self.items.values() if item["sender_id"]}

    def threads(self, delivery: Delivery) -> list[Thread]:
        """Return the threads to ask about."""
        if delivery.thread == DIGEST:
            return self.members.get(delivery.user_id, [])
        return [(delivery,)]


def kept(connection: sqlite3.Connection, claimed: list[Delivery], most: int) -> Kept:
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
    """Return the deliveries that wait for the digests of these users, by user and thread."""
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


def case(
    delivery: Delivery,
    kept: Kept,
    marks: Marked,
    profiles: Mapping[str, Profile],
    known: Table,
    zone: tzinfo = UTC,
    is_banned: bool = False,
) -> Case:
    """`marks`: of every conversation that there is a thread of. `profiles`: as far as known."""
    profile = profiles.get(delivery.user_id, Profile(user_id=delivery.user_id))
    reach = "banned" if is_banned else _reach(delivery, profile, kept)
    chosen = kept.chosen.get(delivery.user_id, Chosen(user_id=delivery.user_id))
    return Case(
        delivery=delivery,
        profile=profile,
        preferences=resolved(known, chosen, zone),
        reach=reach,
        parts=tuple(
            _part(thread, kept, marks, profiles, reach) for thread in kept.threads(delivery)
        ),
    )


def _reach(delivery: Delivery, profile: Profile, kept: Kept) -> Reached:
    if delivery.channel == "push":
        return "reached" if delivery.user_id in kept.subscribed else "nowhere"
    refused = kept.suppressed.get(delivery.user_id)
    email = profile.email or ""
    return mail_reach(email, refused is not None and refused == refusals.hidden(email))


def _part(
    thread: Thread, kept: Kept, marks: Marked, profiles: Mapping[str, Profile], reach: Reached
) -> Part:
    last = max(thread, key=lambda one: one.last_seq)
    if last.thread.startswith(NOTICE):
        item = kept.items.get(last.thread.removeprefix(NOTICE))
        return _notice(thread, item, profiles, reach)
    row = marks[last.key[:2]]
    first_seq = min(one.first_seq for one in thread)
    facts = of_messages(replace(last, first_seq=first_seq), row, reach)
    if row is None or not row.previews:
        return Part(deliveries=thread, facts=facts)
    # The clock may have been set back between two of them.
    newest = replace(row.previews[-1], created_at=max(one.created_at for one in row.previews))
    return Part(
        deliveries=thread,
        facts=facts,
        content=MessageContent.of(row),
        newest=newest,
        omissions=msgspec.json.encode(row.omissions).decode(),
    )


def _notice(
    thread: Thread, item: sqlite3.Row | None, profiles: Mapping[str, Profile], reach: Reached
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
