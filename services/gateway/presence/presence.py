"""Owns the subscriptions to presence. There is no registry: the gateway asks other gateways.

One task does all of it, whenever a client asks and at every tick; what clients ask is only noted
meanwhile. Nothing waits for it, and nothing is stored.
"""

import asyncio
import logging
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from services.gateway.presence import probe
from services.gateway.presence.belief import Belief
from services.gateway.presence.watch import Watch, presence
from services.gateway.socket.connection import Connection
from services.gateway.upstream.queries import Log
from shared import clock, commands, frames, subjects
from shared.bus import Bus, Delivery, Subscription
from shared.chunks import chunks
from shared.commands import MAX_ACQUAINTANCES, Acquaintances, AcquaintancesAnswer, Announcement
from shared.errors import LinkupError, NotFound, TooLarge
from shared.health.records import record

logger = logging.getLogger("linkup.gateway.presence")

TICKS = 5  # in a debounce
MAX_WATCHED = MAX_ACQUAINTANCES  # by one socket
QUERIES_AT_ONCE = 16
CHECK_AGAIN = 300.0  # seconds until a socket's acquaintances are looked up again


@dataclass(slots=True)
class Wants:
    """The users one socket watches or asks to watch: they may be strangers. `doubted`: who is
    watched and may have become one."""

    asked: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)
    checked_at: float = 0.0

    def waits(self, due: float) -> bool:
        """Return whether it waits for an answer, or for its acquaintances to be looked up again."""
        return bool(self.asked or self.doubted or (self.watched and self.checked_at <= due))

    def unsure(self, due: float) -> list[str]:
        """Return the users to look up now; whoever is doubted from here on is looked up once
        more."""
        again = self.watched if self.checked_at <= due else self.doubted & self.watched
        self.doubted = set()
        return sorted(self.asked | again)


class Presence:
    def __init__(self, bus: Bus, log: Log, debounce: float) -> None:
        """Begin with no watches. Who comes back within `debounce` seconds was never away."""
        self._bus = bus
        self._log = log
        self._debounce = debounce
        self._began = math.inf
        self._back_at = -math.inf
        self._wants: dict[Connection, Wants] = {}
        self._watches: dict[str, Watch] = {}
        self._wake = asyncio.Event()

    # ------------------------------------------------------------ what a client asks

    def subscribe(self, connection: Connection, user_ids: Iterable[str]) -> None:
        """Raises TooLarge."""
        wants = self._wants.setdefault(connection, Wants())
        asked = wants.asked.union(user_ids)
        if len(asked | wants.watched) > MAX_WATCHED:
            raise TooLarge(f"A WebSocket can subscribe to at most {MAX_WATCHED} users")
        wants.asked = asked
        self._wake.set()

    def unsubscribe(self, connection: Connection, user_ids: Iterable[str]) -> None:
        wants = self._wants.get(connection, Wants())
        wants.asked.difference_update(user_ids)
        for user_id in wants.watched.intersection(user_ids):
            self._leave(connection, wants, user_id)

    def forget(self, connection: Connection) -> None:
        """Forget a socket that has ended."""
        wants = self._wants.pop(connection, Wants())
        wants.asked.clear()
        for user_id in tuple(wants.watched):
            self._leave(connection, wants, user_id)

    async def status(self, user_id: str, other_id: str) -> frames.Presence:
        """Raises NotFound: no such user and no conversation with them are alike."""
        question = Acquaintances(user_id=user_id, asked=[other_id])
        known = (await self._log.ask(question, AcquaintancesAnswer)).last_seen
        if other_id not in known:
            raise NotFound("There is no such user")
        [online] = await probe.ask(self._bus, [other_id])
        return presence(other_id, bool(online), known[other_id])

    def recheck(self, connections: Iterable[Connection], other_id: str) -> None:
        """Check again whether these sockets of one user may watch the other, after a block or after
        somebody left a group. An empty id stands for everybody that they watch."""
        for connection in connections:
            wants = self._wants.get(connection, Wants())
            known = wants.watched | wants.asked
            wants.doubted |= known & {other_id} if other_id else known
            if wants.doubted:
                self._wake.set()

    # ------------------------------------------------------------ the one task

    async def run(self) -> None:
        self._began = _now()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._debounce / TICKS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.look()
            except LinkupError as error:
                logger.info("presence waits: %s", error.code)

    async def look(self) -> None:
        """Do all there is to do now. Raises Unavailable; what was not done is done next time."""
        await self._admit()
        await self._listen()
        await self._ask()
        for watch in self._watches.values():
            watch.tell()
        await self._let_go()

    def ask_all(self) -> None:
        """Ask for everybody after the bus was away: announcements may have been lost, and answers
        that we wait for."""
        self._back_at = _now()
        for watch in self._watches.values():
            watch.belief.ask_at = 0.0
        self._wake.set()

    async def _admit(self) -> None:
        due = _now() - CHECK_AGAIN
        asking = [(connection, w) for connection, w in self._wants.items() if w.waits(due)]
        for chunk in chunks(asking, QUERIES_AT_ONCE):
            if not all(await asyncio.gather(*[self._sort(*asker, due) for asker in chunk])):
                return

    async def _sort(self, connection: Connection, wants: Wants, due: float) -> bool:
        """Watch acquaintances; strangers are as if they were never there. Return False if the log
        does not answer."""
        asked = wants.unsure(due)
        if wants.checked_at <= due:
            wants.checked_at = _now()
        question = Acquaintances(user_id=connection.user_id, asked=asked)
        try:
            known = (await self._log.ask(question, AcquaintancesAnswer)).last_seen
        except LinkupError as error:
            wants.checked_at = -math.inf
            logger.info("presence waits: %s", error.code)
            return False
        for user_id in asked:
            if user_id in known:
                self._enter(connection, wants, user_id, known[user_id] or 0)
            elif user_id not in wants.asked and user_id not in wants.watched:
                continue  # taken back meanwhile
            elif connection.offer(frames.encode(presence(user_id, False, None))):
                self._leave(connection, wants, user_id)
        return True

    def _enter(self, connection: Connection, wants: Wants, user_id: str, last_seen: int) -> None:
        if user_id not in wants.asked:
            return  # watched already, or taken back meanwhile
        wants.asked.discard(user_id)
        watch = self._watches.get(user_id) or self._begin(user_id, last_seen)
        watch.seen(last_seen)
        watch.join(connection)
        wants.watched.add(user_id)
        if not watch.belief.online:
            watch.belief.ask_at = 0.0

    def _leave(self, connection: Connection, wants: Wants, user_id: str) -> None:
        wants.asked.discard(user_id)
        wants.watched.discard(user_id)
        if user_id in self._watches:
            self._watches[user_id].leave(connection)

    def _begin(self, user_id: str, last_seen: int) -> Watch:
        watch = self._watches[user_id] = Watch(user_id, Belief(self._debounce))
        young = _now() - self._began < self._debounce
        if young or clock.now() - last_seen < self._debounce * clock.SECOND:
            # A gateway has just gone, our predecessor or theirs: they may be on their way back.
            watch.belief.doubt(_now())
        return watch

    async def _listen(self) -> None:
        """Listen before asking: what changes after the answer is announced."""
        for watch in self._watches.values():
            if watch.subscription is None:
                watch.subscription = await self._subscribe(watch)

    async def _subscribe(self, watch: Watch) -> Subscription:
        def deliver(delivery: Delivery) -> None:
            self._announced(watch, delivery)

        subject = subjects.presence(watch.user_id)
        return await self._bus.subscribe(subject, deliver)

    def _announced(self, watch: Watch, delivery: Delivery) -> None:
        try:
            told = commands.decode(delivery.payload, Announcement)
        except msgspec.MsgspecError:
            logger.error("an announcement does not decode", extra={"subject": delivery.subject})
            record("routing_error", "an announcement of presence cannot be decoded")
            return
        watch.seen(told.at)
        if watch.belief.announced(told.online, _now()):
            watch.changed()
        elif not told.online:
            self._wake.set()

    async def _ask(self) -> None:
        asked_at = _now()
        due = [watch for watch in self._watches.values() if watch.belief.ask_at <= asked_at]
        answers = await probe.ask(self._bus, [watch.user_id for watch in due])
        for watch, yes in zip(due, answers, strict=True):
            if not yes and asked_at <= self._back_at:
                continue  # the bus went in between, and with it perhaps a yes: it is asked again
            if yes:
                watch.seen(clock.now())
            if watch.belief.answered(yes, asked_at, _now()):
                watch.changed()

    async def _let_go(self) -> None:
        for watch in [watch for watch in self._watches.values() if not watch.watchers]:
            del self._watches[watch.user_id]
            if watch.subscription is not None:
                await watch.subscription.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
