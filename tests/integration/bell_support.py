"""Notify as far as it is about lists, with a bus and a log in memory behind a real store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from services.notify.channels.realtime import SETTLING, Realtime
from services.notify.inbox.announcements import Announcements
from services.notify.inbox.lists import Lists
from services.notify.inbox.render import Words
from services.notify.ladder.preferences import Chosen, table
from services.notify.preferences import choices
from services.notify.store.store import Progress, Store, open_store
from shared import commands, subjects
from shared.clock import SECOND
from shared.commands import (
    Announce,
    AnnounceAnswer,
    Badges,
    Glimpse,
    Glimpses,
    GlimpsesAnswer,
    Joined,
    Joins,
    JoinsAnswer,
    Live,
    LogRow,
    Notices,
    NoticesAnswer,
    Profile,
    TypePreference,
)
from shared.errors import Unavailable
from tests.integration.notify_support import WAITS

PACE = 0.02  # of the seconds that the product pauses
NOW = 1_700_000_000 * SECOND


class Wire:
    """The bus, with persistence behind it, which knows these texts; and all that was published."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, int], str | None] = {}
        self.left: set[str] = set()
        self.users = {"ann", "bob", "carol"}
        self.is_away = False
        self.asked: list[Glimpses] = []
        self.published: list[Any] = []

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        if self.is_away:
            raise Unavailable("nobody answers")
        if subject == subjects.query("joins"):
            return commands.encode(self._joined(commands.decode(payload, Joins)))
        asked = commands.decode(payload, Glimpses)
        self.asked.append(asked)
        ann = Profile(user_id="ann", name="Ann", avatar="/ann.png")
        senders = [ann] if "ann" in asked.sender_ids else []
        rows = [self._row(one) for one in asked.asked]
        return commands.encode(GlimpsesAnswer(rows=rows, senders=senders))

    def _row(self, one: commands.Glimpsed) -> Glimpse | None:
        if one.conversation_id in self.left:
            return None
        text = self.texts.get((one.conversation_id, one.last_seq), "hello")
        title = "Team" if one.conversation_id.startswith("g") else ""
        return Glimpse(title=title, sender_id="ann", sender_name="Ann", content=text)

    def _joined(self, asked: Joins) -> JoinsAnswer:
        """Two at a time, as if the bus carried no more."""
        named = asked.user_ids[:2]
        known = [Profile(user_id=one) if one in self.users else None for one in named]
        return JoinsAnswer(joined=[Joined(epoch="e1", head=1, profile=one) for one in known])

    async def publish(self, subject: str, payload: bytes) -> None:
        live = commands.decode(payload, Live)
        assert subject == subjects.live(live.user_id)
        frame = msgspec.json.decode(live.frame)
        self.published.append((live.user_id, live.to, live.conversation_id, frame))

    def told(self, kind: str) -> list[tuple[str, str, str, dict[str, Any]]]:
        """To whom, by which sockets, about which conversation, and the frame."""
        return [one for one in self.published if one[3]["type"] == kind]


class Bell:
    """Notify, as far as it is about lists. `say` and `read` are pages of the log."""

    def __init__(self, store: Store) -> None:
        self.wire, self.store, self.now = Wire(), store, NOW
        self.settled = asyncio.Event()
        self.settled.set()
        bus: Any = self.wire
        words = Words(bus)
        types = table(["invoice"], [])
        self.realtime = Realtime(
            bus, store.between, words, types, lambda: self.now / SECOND, self._pause
        )
        told = self.realtime.changed
        self.lists = Lists(store.between, words, types, lambda: self.now, told)
        announcements = Announcements(
            bus, store.between, types, lambda: self.now, told, lambda *_: None
        )
        self._announce = announcements.announce
        self._n = 0

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * PACE)
        if seconds == SETTLING:
            await self.settled.wait()

    async def row(self, user_id: str, kind: str, place: str, seq: int, actor: str) -> None:
        self._n += 1
        row = LogRow("w", self._n, user_id, kind, place, self._n, seq, actor, self.now)
        progress = Progress("e1", {"w": self._n})
        self.realtime.changed(await self.store.follow(progress, [row], self.now, WAITS))

    async def say(self, *seqs: int, to: str = "bob", place: str = "d1", step: int = 1) -> None:
        for seq in seqs:
            self.now += step * SECOND
            await self.row(to, "message", place, seq, "ann")

    async def announce(self, *user_ids: str, key: str = "k1", **asked: Any) -> AnnounceAnswer:
        asked = {"notification_type": "mention", "title": "Ann mentioned you", **asked}
        return await self._announce(
            Announce(idempotency_key=key, user_ids=list(user_ids or ("bob",)), **asked)
        )

    async def prefer(self, user_id: str, *types: TypePreference) -> None:
        chosen = Chosen(user_id=user_id, types={one.notification_type: one for one in types})
        await self.store.between(lambda raw: choices.save(raw, chosen))

    async def page(self, user_id: str = "bob", **asked: Any) -> NoticesAnswer:
        return await self.lists.notices(Notices(user_id=user_id, **asked))

    async def unread(self, user_id: str = "bob") -> int:
        return (await self.realtime.badges(Badges(user_ids=[user_id]))).unread.get(user_id, 0)


@asynccontextmanager
async def ringing(folder: Path) -> AsyncIterator[Bell]:
    async with open_store(f"sqlite:///{folder / 'notify.db'}") as store:
        yield Bell(store)
