"""Owns typing, which is never stored, and the queue for such work.

It may be lost anywhere and is dropped first: no message waits for it.
"""

import asyncio
import logging
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from services.gateway.upstream.queries import Log
from shared import commands, frames, subjects
from shared.bounded import Bounded
from shared.bus import Bus
from shared.commands import Live, Members, MembersAnswer
from shared.errors import LinkupError, NotFound
from shared.frames import MAX_NAMED
from shared.health.defects import unexpected

logger = logging.getLogger("linkup.gateway.ephemeral")

MAX_CHORES = 1024
WORKERS = 4
INTERVAL = 1.0  # seconds between two of a user in a conversation
AT_ONCE = 10  # starts and stops of a user, over all conversations
EACH = 0.25  # seconds until one more
MEMBERS_KEPT = 30.0  # seconds until a conversation's members are asked for again
MAX_KEPT = 10_000

Chore = Callable[[], Awaitable[None]]


class Known(NamedTuple):
    """A conversation's members, until then, as of that cursor of the typist's feed."""

    until: float
    since: int
    members: tuple[str, ...]


UNKNOWN = Known(0.0, 0, ())


class Chores:
    """Bounded queues of work that nobody waits for; a user's chores are done in order."""

    def __init__(self) -> None:
        self._queues: list[asyncio.Queue[Chore]] = [
            asyncio.Queue(MAX_CHORES // WORKERS) for _ in range(WORKERS)
        ]

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        return [tasks.create_task(self._run(queue)) for queue in self._queues]

    def offer(self, user_id: str, chore: Chore) -> bool:
        """Queue a chore. Return False when the queue is full: it will not be done."""
        try:
            self._queues[zlib.crc32(user_id.encode()) % WORKERS].put_nowait(chore)
        except asyncio.QueueFull:
            return False
        return True

    async def _run(self, queue: asyncio.Queue[Chore]) -> None:
        while True:
            chore = await queue.get()
            try:
                await chore()
            except LinkupError as error:
                logger.debug("dropped: %s", error.code)
            except Exception as error:
                logger.exception("a chore failed")
                unexpected(error, "a chore failed")


class Typing:
    """Tells the other members who types: at most once a second, a stop after a start at once."""

    def __init__(
        self,
        bus: Bus,
        log: Log,
        chores: Chores,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._log = log
        self._chores = chores
        self._clock = clock
        self._last: Bounded[tuple[str, str], tuple[float, bool]] = Bounded(MAX_KEPT)
        self._spent: Bounded[str, float] = Bounded(MAX_KEPT)  # until when, as a GCRA
        self._members: Bounded[tuple[str, str], Known] = Bounded(MAX_KEPT)
        self._forgotten = 0

    def forget(self, user_id: str) -> None:
        """Forget the cached recipients of a user, because a block changed them."""
        self._forgotten += 1
        for key in [key for key in self._members if key[0] == user_id]:
            del self._members[key]

    def on_typing(
        self, user_id: str, frame: frames.Typing, changed_at: Callable[[str], int]
    ) -> None:
        """Tell the others. `changed_at` returns the cursor of the user's feed as of which a
        conversation must be known."""
        conversation_id = frame.conversation_id or ""
        if frame.to is not None:
            conversation_id = subjects.direct_conversation_id(user_id, frame.to)
        if self._admitted((user_id, conversation_id), frame.is_typing) and self._spend(user_id):
            since = changed_at(conversation_id)
            self._chores.offer(
                user_id, lambda: self._tell(user_id, conversation_id, frame.is_typing, since)
            )

    def _admitted(self, key: tuple[str, str], is_typing: bool) -> bool:
        now = self._clock()
        at, was_typing = self._last.get(key, (now - INTERVAL, True))
        if now - at < INTERVAL and not (was_typing and not is_typing):
            return False
        self._last[key] = now, is_typing
        return True

    def _spend(self, user_id: str) -> bool:
        """Return whether the user may type once more. Nobody types to many at once: each
        conversation may cost a question to the log."""
        now = self._clock()
        until = max(self._spent.get(user_id, now), now) + EACH
        if until - now > AT_ONCE * EACH:
            return False
        self._spent[user_id] = until
        return True

    async def _tell(self, user_id: str, conversation_id: str, is_typing: bool, since: int) -> None:
        frame = frames.encode(
            frames.TypingNow(conversation_id=conversation_id, user_id=user_id, is_typing=is_typing)
        )
        for member_id in await self._members_of(user_id, conversation_id, since):
            if member_id != user_id:
                live = Live(user_id=member_id, conversation_id=conversation_id, frame=frame)
                await self._bus.publish(subjects.live(member_id), commands.encode(live))

    async def _members_of(self, user_id: str, conversation_id: str, since: int) -> tuple[str, ...]:
        """Return the members to tell: nobody, where the user is no member, or where they are too
        many to be told.

        What is not there and not theirs are alike. Who has left is not told any more: the change
        that took them out is later than what was known.
        """
        key = (user_id, conversation_id)
        known = self._members.get(key, UNKNOWN)
        if known.until <= self._clock() or known.since < since:
            forgotten = self._forgotten
            asked = Members(user_id=user_id, conversation_id=conversation_id)
            try:
                found = (await self._log.ask(asked, MembersAnswer)).user_ids
            except NotFound:
                return ()
            members = tuple(found) if len(found) <= MAX_NAMED else ()
            known = Known(self._clock() + MEMBERS_KEPT, since, members)
            if forgotten == self._forgotten:  # or this may be what was to be forgotten
                self._members[key] = known
        return known.members
