"""Owns the notifications that the host sends: who gets one, and that each key acts only once."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable

import msgspec

from services.notify.database import Between
from services.notify.inbox import rows
from services.notify.inbox.fold import Changes, identity
from services.notify.inbox.grouping import Item, grouped
from services.notify.ladder.preferences import Table, check_type
from services.notify.preferences import choices
from services.notify.questions import Questions
from shared import subjects
from shared.bus import Bus
from shared.commands import (
    MAX_JOINS,
    Announce,
    AnnounceAnswer,
    Announced,
    Joined,
    Joins,
    JoinsAnswer,
    encode,
    open_answer,
)
from shared.errors import ClientIdConflict, InvalidRequest
from shared.reserved import is_reserved

REQUEST_TIMEOUT = 3.0

LOAD = "SELECT digest, results FROM announcements WHERE idempotency_key = :key"
SAVE = """
    INSERT INTO announcements (idempotency_key, digest, results, created_at)
    VALUES (:key, :digest, :results, :now)
"""

Told = Callable[[Changes], None]
Opened = Callable[[sqlite3.Connection, Iterable[Item], int], None]


class Announcements:
    """`known`: the types that there are. `told`: called with what is new in the lists. `opened`:
    called in the transaction that stores new items."""

    def __init__(
        self,
        bus: Bus,
        between: Between,
        known: Table,
        clock: Callable[[], int],
        told: Told,
        opened: Opened,
    ) -> None:
        self._bus = bus
        self._between = between
        self._known = known
        self._clock = clock
        self._told = told
        self._opened = opened

    def answer(self, questions: Questions) -> None:
        questions.on(Announce, self.announce)

    async def announce(self, asked: Announce) -> AnnounceAnswer:
        """Raises InvalidRequest, ClientIdConflict, and Unavailable when persistence is away."""
        self._check(asked)

        def first(connection: sqlite3.Connection) -> AnnounceAnswer | None:
            return _first(connection, asked)

        answer = await self._between(first)
        if answer is None:
            answer = await self._accept(asked, await self._there(asked.user_ids))
        if not answer.results:
            raise ClientIdConflict("This idempotency key was used with other content")
        return answer

    def _check(self, asked: Announce) -> None:
        check_type(self._known, asked.notification_type)
        if not 1 <= len(asked.user_ids) <= MAX_JOINS:
            message = f"`user_ids` must be a list of 1 to {MAX_JOINS} users"
            raise InvalidRequest(message, field="user_ids")

    async def _there(self, user_ids: list[str]) -> set[str]:
        """Return those of them whom persistence knows. Raises Unavailable."""
        found: list[Joined] = []
        while len(found) < len(user_ids):
            asked = encode(Joins(user_ids=user_ids[len(found) :]))
            reply = await self._bus.request(subjects.query("joins"), asked, REQUEST_TIMEOUT)
            found += open_answer(reply, JoinsAnswer).joined
        return {
            user_id
            for user_id, joined in zip(user_ids, found, strict=True)
            if joined.profile is not None and not is_reserved(user_id)
        }

    async def _accept(self, asked: Announce, there: set[str]) -> AnnounceAnswer:
        now = self._clock()

        def work(connection: sqlite3.Connection) -> tuple[AnnounceAnswer, Changes]:
            if (first := _first(connection, asked)) is not None:
                return first, Changes()  # the same was asked twice at a time
            off = choices.switched_off(connection, there, self._known, asked.notification_type)
            items = _items(connection, asked, there - off, now)
            rows.save(connection, items.values())
            self._opened(connection, items.values(), now)
            results = [_announced(one, items.get(one), one in off) for one in asked.user_ids]
            _remember(connection, asked, results, now)
            changes = Changes(
                items={item.item_id: item for item in items.values()}, user_ids=set(items)
            )
            return AnnounceAnswer(results=results, duplicate=False), changes

        answer, changes = await self._between(work)
        self._told(changes)
        return answer


def _first(connection: sqlite3.Connection, asked: Announce) -> AnnounceAnswer | None:
    """Return the first answer to this key, without results for other content; None for a new
    key."""
    row = connection.execute(LOAD, {"key": asked.idempotency_key}).fetchone()
    if row is None:
        return None
    results = row["results"] if row["digest"] == _digest(asked) else "[]"
    return AnnounceAnswer(
        results=msgspec.json.decode(results, type=list[Announced]), duplicate=True
    )


def _remember(
    connection: sqlite3.Connection, asked: Announce, results: list[Announced], now: int
) -> None:
    values = {"key": asked.idempotency_key, "digest": _digest(asked), "now": now}
    connection.execute(SAVE, values | {"results": rows.as_json(results)})


def _digest(asked: Announce) -> str:
    return hashlib.blake2b(encode(asked), digest_size=16, person=b"linkup.announce").hexdigest()


def _items(
    connection: sqlite3.Connection, asked: Announce, known: set[str], now: int
) -> dict[str, Item]:
    """Return the item of each of these users, new or grown."""
    things = [thing(asked, user_id, now) for user_id in sorted(known)]
    newest = rows.newest_of(connection, {one.key for one in things})
    return {one.user_id: grouped(newest.get(one.key), one) for one in things}


def thing(asked: Announce, user_id: str, now: int) -> Item:
    group_key = f"{asked.notification_type}:{asked.group_key}"  # no conversation's: they have no :
    return Item(
        item_id=identity(now, 0, asked.idempotency_key, user_id),
        user_id=user_id,
        notification_type=asked.notification_type,
        group_key=group_key if asked.group_key else "",
        priority=asked.priority,
        title=asked.title,
        body=asked.body,
        sender_id=asked.sender_id,
        action_url=asked.action_url,
        created_at=now,
        updated_at=now,
    )


def _announced(user_id: str, item: Item | None, is_off: bool) -> Announced:
    if item is not None:
        return Announced(user_id=user_id, outcome="accepted", notification_id=item.item_id)
    return Announced(user_id=user_id, outcome="switched_off" if is_off else "unknown_user")
