"""Owns the announcement of users who connect or disconnect, and writing when they were last seen.

Who is back within the debounce was never away: so long after a user's last socket here has gone
this gateway still answers for them. Only then, and where no other gateway holds them, they are
announced as gone, and that is written once.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.presence import probe
from services.gateway.upstream.lanes import Lanes
from shared import clock, commands, subjects
from shared.bus import Bus, Delivery, Subscription
from shared.chunks import chunks
from shared.commands import Announcement, Done, TouchUser
from shared.errors import LinkupError, Unavailable

logger = logging.getLogger("linkup.gateway.announcer")

TICKS = 5  # in a debounce
MAX_LEFT = 100_000  # beyond it nobody is announced or written: watchers ask again by themselves
AT_ONCE = 200  # commands: the lanes are there for messages


@dataclass(slots=True)
class Left:
    """A user without a socket here. `until`: the loop's time; `at`: microseconds since 1970."""

    until: float
    at: int
    subscription: Subscription | None

    async def end(self) -> None:
        """Answer for them no longer."""
        subscription, self.subscription = self.subscription, None
        if subscription is not None:
            await subscription.close()


class Announcer:
    def __init__(self, bus: Bus, lanes: Lanes, debounce: float) -> None:
        self._bus = bus
        self._lanes = lanes
        self._debounce = debounce
        self._left: dict[str, Left] = {}

    async def came(self, user_id: str) -> None:
        """Announce that a socket of that user is open here."""
        left = self._left.pop(user_id, None)
        await self._announce(user_id, True, clock.now())
        if left is not None:
            await left.end()

    async def went(self, user_id: str) -> None:
        """Note that the last socket of that user here has gone."""
        if len(self._left) >= MAX_LEFT or user_id in self._left:
            return
        left = Left(asyncio.get_running_loop().time() + self._debounce, clock.now(), None)
        self._left[user_id] = left
        try:
            subject = subjects.ask(user_id)
            left.subscription = await self._bus.subscribe(subject, self.answer)
        except Unavailable:
            return  # nobody can ask now, and who asks later finds them back or gone
        if self._left.get(user_id) is not left:
            await left.end()

    def answer(self, question: Delivery) -> None:
        """Answer yes. Only who holds a user speaks: another's *no* could overtake it."""
        self._bus.post(question.reply_to, b"")

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._debounce / TICKS)
            await self.settle()

    async def settle(self) -> None:
        """Announce and write down who left long enough ago, and is nowhere else."""
        now = asyncio.get_running_loop().time()
        due = {user_id: left for user_id, left in self._left.items() if left.until <= now}
        for left in due.values():
            await left.end()
        answers = await probe.ask(self._bus, list(due))
        gone = []
        for (user_id, left), elsewhere in zip(due.items(), answers, strict=True):
            if elsewhere is None or self._left.get(user_id) is not left:
                continue  # the bus is away, or they came back while we asked
            del self._left[user_id]
            if not elsewhere:
                await self._announce(user_id, False, left.at)
                gone.append(TouchUser(user_id=user_id, at=left.at))
        await self._touch(gone)

    async def flush(self) -> None:
        """Write down everybody who left, wherever they are going: the process ends."""
        left, self._left = self._left, {}
        await self._touch([TouchUser(user_id=name, at=one.at) for name, one in left.items()])

    async def _announce(self, user_id: str, online: bool, at: int) -> None:
        told = Announcement(online=online, at=at)
        await self._bus.publish(subjects.presence(user_id), commands.encode(told))

    async def _touch(self, gone: Sequence[TouchUser]) -> None:
        try:
            for together in chunks(gone, AT_ONCE):
                await asyncio.gather(*[self._lanes.call(touch, Done) for touch in together])
        except LinkupError as error:
            logger.info("when users were last seen is not written: %s", error.code)
