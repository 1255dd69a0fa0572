"""Owns what is asked about deliveries that are due: of notify's database, and of the log."""

import asyncio
from datetime import UTC, tzinfo

import msgspec

from services.notify.ladder.cases import Case
from services.notify.ladder.delivery import Delivery
from services.notify.ladder.preferences import Table
from services.notify.preferences.zones import zone_of
from services.notify.sending.findings import Kept, Marked, Thread, case, kept
from services.notify.store.store import Store
from shared import subjects
from shared.bus import Bus
from shared.commands import (
    Joined,
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


class Enquiry:
    """`most`: refusals after which an address gets no e-mail."""

    def __init__(self, bus: Bus, store: Store, known: Table, most: int) -> None:
        self._bus = bus
        self._store = store
        self._known = known
        self._most = most

    async def cases(self, claimed: list[Delivery]) -> list[Case]:
        """Raises LinkupError and MsgspecError where nothing can be found out."""
        found = await self._store.between(lambda raw: kept(raw, claimed, self._most))
        marks = await self._marks([thread for one in claimed for thread in found.threads(one)])
        profiles = {row.user_id: row.profile for row in marks.values() if row is not None}
        wanted = {one.user_id for one in claimed} | found.senders()
        joined = await self._joined(wanted - profiles.keys())
        profiles |= {user_id: one.profile for user_id, one in joined.items() if one.profile}
        banned = {user_id for user_id, one in joined.items() if _is_banned(one)}
        zones = await self._zones(found, profiles)
        return [
            case(
                *(one, found, marks, profiles, self._known, zones.get(one.user_id, UTC)),
                is_banned=one.user_id in banned,
            )
            for one in claimed
        ]

    async def _marks(self, threads: list[Thread]) -> Marked:
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

    async def _joined(self, user_ids: set[str]) -> dict[str, Joined]:
        """Ask for the profiles of users whose conversations say nothing of them: these were not
        asked about, or the user is no member or banned."""
        left, found = sorted(user_ids), dict[str, Joined]()
        while left:
            asked = Joins(user_ids=left[:USERS])
            answer = await self._bus.request(
                subjects.query("joins"), encode(asked), REQUEST_TIMEOUT
            )
            joined = open_answer(answer, JoinsAnswer).joined
            if not joined:
                raise msgspec.ValidationError("persistence answered for nobody")
            found |= zip(left, joined, strict=False)
            left = left[len(joined) :]
        return found

    async def _zones(self, found: Kept, profiles: dict[str, Profile]) -> dict[str, tzinfo]:
        """The zones of users who go by their clock, in a thread: zones are files."""
        names = {
            user_id: chosen.time_zone or profiles[user_id].time_zone or "UTC"
            for user_id, chosen in found.chosen.items()
            if user_id in profiles and (chosen.quiet_hours or chosen.digest != "off")
        }
        if not names:
            return {}
        return await asyncio.to_thread(
            lambda: {user_id: zone_of(name) or UTC for user_id, name in names.items()}
        )


def _is_banned(joined: Joined) -> bool:
    return joined.standing is not None and joined.standing.banned


def _as_many(rows: list[MarksRow | None], number: int) -> list[MarksRow | None]:
    if len(rows) != number:
        raise msgspec.ValidationError(f"{len(rows)} marks for {number} conversations")
    return rows
