"""Owns what users hear at once of their notifications: those that are new, and the unread counts.

Gateways ask every few seconds for the counts of their users, so who has not been asked for lately
has no socket, and nothing is sent to them. What is lost is corrected with the next question.
"""

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from services.notify.database import Between
from services.notify.inbox import rows
from services.notify.inbox.fold import Changes
from services.notify.inbox.grouping import Item
from services.notify.inbox.render import Words
from services.notify.ladder.preferences import Chosen, Table, preference
from services.notify.preferences import choices
from services.notify.questions import Questions
from shared import commands, frames, subjects
from shared.bus import Bus
from shared.commands import MAX_BADGES, Badges, BadgesAnswer, Live
from shared.errors import LinkupError
from shared.frames import ServerFrame

To = Literal["viewers", "others", "all"]

logger = logging.getLogger("linkup.notify")

LISTENS_FOR = 25.0  # seconds: gateways ask every ten
SETTLING = 0.4  # seconds after a message: by then a user who sees it has read it
SPACING = 1.0  # seconds between two counts for a user


@dataclass(slots=True)
class Listener:
    """A user with an open socket, by the clock of the process. `narrow_at`: when one was named that
    does not get the messages of all conversations. `told`: the last count that all were told."""

    heard_at: float
    narrow_at: float = -math.inf
    told: int | None = None


@dataclass(slots=True)
class Pending:
    """The changes that users are yet to be told: items that are new or have grown, by id; items
    that were read, by id, with their user and the time; frames; and users with another count."""

    items: dict[str, Item] = field(default_factory=dict)
    read: dict[str, tuple[str, int]] = field(default_factory=dict)
    frames: list[tuple[str, ServerFrame]] = field(default_factory=list)
    user_ids: set[str] = field(default_factory=set)


class Realtime:
    def __init__(
        self,
        bus: Bus,
        between: Between,
        words: Words,
        known: Table,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bus = bus
        self._between = between
        self._words = words
        self._known = known
        self._clock = clock
        self._pause = pause
        self._listeners: dict[str, Listener] = {}  # the one heard of last is the last
        self._pending = Pending()
        self._telling = Pending()  # of the pass that is under way
        self._wake = asyncio.Event()

    def answer(self, questions: Questions) -> None:
        questions.on(Badges, self.badges)

    async def badges(self, asked: Badges) -> BadgesAnswer:
        """Answer with the counts of users; of one who is about to be told another, with the last
        that was told, or two would reach a socket within a second."""
        self._hear(asked)
        user_ids = asked.user_ids[:MAX_BADGES]
        unread = await self._between(lambda connection: rows.unread(connection, user_ids))
        due = (self._pending.user_ids | self._telling.user_ids).intersection(user_ids)
        for user_id in due:
            listener = self._listeners.get(user_id)
            if listener is not None and listener.told is not None:
                unread[user_id] = listener.told
        return BadgesAnswer(unread=unread)

    def _hear(self, asked: Badges) -> None:
        """Remember that a gateway has sockets of these users."""
        now = self._clock()
        for user_id in asked.user_ids:
            listener = self._listeners.pop(user_id, None) or Listener(now)
            listener.heard_at = now
            self._listeners[user_id] = listener
        for user_id in asked.user_ids if asked.narrow is None else asked.narrow:
            if (known := self._listeners.get(user_id)) is not None:
                known.narrow_at = now
        self._forget(now - LISTENS_FOR)

    def _forget(self, since: float) -> None:
        """Drop those who were last heard of before that."""
        while self._listeners:
            user_id = next(iter(self._listeners))
            if self._listeners[user_id].heard_at >= since:
                break
            del self._listeners[user_id]

    def changed(self, changes: Changes) -> None:
        """Tell the users who listen, soon."""
        told = changes.user_ids.union(user_id for user_id, _ in changes.frames)
        listening = {user_id for user_id in told if self._listens(user_id)}
        if not listening:
            return
        items = changes.items.values()
        self._pending.items |= {i.item_id: i for i in items if i.user_id in listening}
        for user_id, item_id, at in changes.read:
            self._pending.items.pop(item_id, None)
            if user_id in listening:
                self._pending.read[item_id] = user_id, at
        self._pending.frames += [one for one in changes.frames if one[0] in listening]
        self._pending.user_ids |= listening
        self._wake.set()

    def _listens(self, user_id: str) -> bool:
        listener = self._listeners.get(user_id)
        return listener is not None and self._clock() - listener.heard_at < LISTENS_FOR

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            if any(item.conversation_id for item in self._pending.items.values()):
                await self._pause(SETTLING)
            self._wake.clear()
            self._telling, self._pending = self._pending, Pending()
            for say in (self._show, self._tell, self._count):
                try:
                    await say(self._telling)
                except LinkupError as error:  # the list has it, and the next question the count
                    logger.debug("users are not told of notifications: %s", error)
            self._telling = Pending()
            await self._pause(SPACING)

    async def _show(self, pending: Pending) -> None:
        """Raises Unavailable."""
        items = [item for item in pending.items.values() if self._is_wanted(item)]
        if not items:
            return
        wanted = await self._between(lambda connection: self._wanted(connection, items))
        for item, notice in await self._words.of(wanted):
            to: To = "others" if item.conversation_id else "all"
            frame = commands.notification(notice)
            await self._publish(item.user_id, frame, item.conversation_id, to)

    def _wanted(self, connection: sqlite3.Connection, items: list[Item]) -> list[Item]:
        """Return the items that their users want to see at once."""
        found = choices.chosen(connection, {item.user_id for item in items})
        return [one for one in items if self._prefers(one, found.get(one.user_id))]

    def _prefers(self, item: Item, chosen: Chosen | None) -> bool:
        return preference(self._known, chosen, item.notification_type).realtime

    async def _tell(self, pending: Pending) -> None:
        for user_id, frame in pending.frames:
            await self._publish(user_id, frame)

    async def _count(self, pending: Pending) -> None:
        """Raises Unavailable."""
        user_ids = pending.user_ids
        counts = await self._between(lambda connection: rows.unread(connection, user_ids))
        for item_id, (user_id, at) in pending.read.items():
            frame = frames.NotificationRead(
                notification_id=item_id,
                read_at=frames.time_of(at),
                unread_count=counts.get(user_id, 0),
            )
            await self._publish(user_id, frame)
        for user_id in user_ids:
            await self._tell_count(user_id, counts.get(user_id, 0))

    async def _tell_count(self, user_id: str, unread: int) -> None:
        listener = self._listeners.get(user_id)
        if listener is not None and listener.told != unread:
            listener.told = unread
            await self._publish(user_id, frames.BadgeUpdate(unread_count=unread))

    def _is_wanted(self, item: Item) -> bool:
        """Return whether the item is to be shown. Only narrow views do not get the message
        itself."""
        listener = self._listeners.get(item.user_id)
        narrow = listener is not None and self._clock() - listener.narrow_at < LISTENS_FOR
        return narrow or not item.conversation_id

    async def _publish(
        self, user_id: str, frame: ServerFrame, conversation_id: str = "", to: To = "all"
    ) -> None:
        live = Live(
            user_id=user_id, conversation_id=conversation_id, frame=frames.encode(frame), to=to
        )
        await self._bus.publish(subjects.live(user_id), commands.encode(live))
