"""Owns the connected users: one subscription for each, and the comparison with the log.

What the wire loses is found again: every user's head is compared with the log's every 10 s, after
each reconnect to the bus, a second after a join, and when a duplicate shows that a publish may
have been lost.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from services.gateway.auth.standings import admit
from services.gateway.presence.announcer import Announcer
from services.gateway.socket.burst import Burst
from services.gateway.socket.connection import Connection
from services.gateway.upstream.queries import Log
from shared import commands, frames, subjects
from shared.bus import Bus, Delivery, Subscription
from shared.chunks import chunks
from shared.commands import MAX_HEADS, Acquaintance, Events, HeadsAnswer, Joined, Live
from shared.errors import LinkupError
from shared.frames import CloseCode
from shared.health import metrics
from shared.health.records import record

logger = logging.getLogger("linkup.gateway.hub")

TICK = 1.0
SLOTS = 10  # ticks in which every user is compared once
FAREWELL_MS = 500  # in which those who are told to come back do; more if they are more than that

Told = Events | Live | Acquaintance
# By the end of the subject: the broker allows not everybody to say everything of a user.
KINDS: Mapping[str, type[Told]] = {"feed": Events, "live": Live, "control": Acquaintance}


@dataclass(slots=True)
class User:
    """One online user. The lock orders the first join and the last leave (R10)."""

    user_id: str
    slot: int
    connections: set[Connection] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    subscription: Subscription | None = None
    came: bool = False  # others may know of it


class Hub:
    def __init__(
        self,
        bus: Bus,
        log: Log,
        announcer: Announcer,
        on_acquaintance: Callable[[Acquaintance, Iterable[Connection]], None],
        burst: Burst | None = None,
    ) -> None:
        """Begin without users. `on_acquaintance` is called with a user who may know more or less of
        others now, and the sockets of that user."""
        self._bus = bus
        self._burst = burst or Burst(metrics.off())
        self._announcer = announcer
        self._on_acquaintance = on_acquaintance
        self.log = log
        # Called with the users whose turn it is, every 10 s for each.
        self.on_turn: Callable[[Iterable[str]], None] = lambda user_ids: None
        # Called with each answer of a comparison, and the time before it was asked for.
        self.on_compared: Callable[[HeadsAnswer, float], None] = lambda answer, as_of: None
        self.heard_at = float("-inf")  # when an event of somebody's feed last came
        self._users: dict[str, User] = {}
        self._slots: list[dict[str, User]] = [{} for _ in range(SLOTS)]
        self._suspects: set[str] = set()
        self._left = asyncio.Event()  # somebody has

    def connections(self) -> Iterable[Connection]:
        return [connection for user in self._users.values() for connection in user.connections]

    def sockets(self) -> int:
        return sum(len(user.connections) for user in self._users.values())

    def users(self) -> int:
        return len(self._users)

    def count(self, user_id: str) -> int:
        user = self._users.get(user_id)
        return len(user.connections) if user else 0

    def of(self, user_id: str) -> Iterable[Connection]:
        """Return the sockets of a user."""
        user = self._users.get(user_id)
        return tuple(user.connections) if user else ()

    def suspect(self, user_id: str) -> None:
        """Compare that user at the next tick: a live event of theirs may have been lost."""
        self._suspects.add(user_id)

    async def join(self, connection: Connection) -> Joined:
        """Subscribe first, read the log second: the broker takes both from one connection in this
        order, so an event that the answer does not count comes here. Raises Unavailable, and
        Unauthorized for a token that is refused, of which nobody hears."""
        user = self._users.get(connection.user_id)
        if user is None:
            user = User(connection.user_id, random.randrange(SLOTS))
            self._users[user.user_id] = self._slots[user.slot][user.user_id] = user
        user.connections.add(connection)  # counts from now on, and keeps the user here
        try:
            async with user.lock:
                if user.subscription is None:
                    user.subscription = await self._subscribe(user)
            joined = await self.log.join(connection.user_id)
            if joined.standing is not None:
                admit(connection.identity, joined.standing)
        except BaseException:
            await self.leave(connection)
            raise
        user.came = True
        await self._announcer.came(user.user_id)
        self.suspect(user.user_id)  # in a cluster interest travels after that (R11)
        return joined

    async def leave(self, connection: Connection) -> None:
        user = self._users.get(connection.user_id)
        if user is None:
            return
        user.connections.discard(connection)
        async with user.lock:
            if user.connections or self._users.get(user.user_id) is not user:
                return
            del self._users[user.user_id], self._slots[user.slot][user.user_id]
            if user.came:
                await self._announcer.went(user.user_id)
            if user.subscription is not None:
                await user.subscription.close()
            self._left.set()

    async def _subscribe(self, user: User) -> Subscription:
        def deliver(delivery: Delivery) -> None:
            kind = delivery.subject.rpartition(".")[2]
            if kind == "ask":
                self._announcer.answer(delivery)
            elif (told := _told(delivery, kind, user.user_id)) is not None:
                self._deliver(user, told)

        return await self._bus.subscribe(subjects.user(user.user_id), deliver)

    def _deliver(self, user: User, told: Told) -> None:
        match told:
            case Events():
                began = self._burst.begin() if self._burst.idle else 0.0
                self.heard_at = asyncio.get_running_loop().time()
                for connection in tuple(user.connections):
                    connection.feed.on_events(told.epoch, told.events)
                if began:
                    self._burst.end(began)
                else:
                    self._burst.more = True
            case Live():
                _show(told, tuple(user.connections))
            case Acquaintance():
                self._on_acquaintance(told, user.connections)

    # ------------------------------------------------------------ comparison with the log

    async def run(self) -> None:
        """Compare a part of the users with the log at every tick."""
        tick = 0
        while True:
            await asyncio.sleep(TICK)
            tick += 1
            suspects, self._suspects = self._suspects, set()
            self.on_turn(self._slots[tick % SLOTS].keys())
            await self.compare(suspects | self._slots[tick % SLOTS].keys())

    async def compare_all(self) -> None:
        """Compare everybody after the bus was away, in chunks spread over two seconds (R17)."""
        users = list(self._users)
        for chunk in chunks(users, MAX_HEADS):
            await asyncio.sleep(random.uniform(0.0, 2.0 * MAX_HEADS / (len(users) + MAX_HEADS)))
            await self.compare(chunk)

    async def compare(self, user_ids: Iterable[str]) -> None:
        present = [user_id for user_id in user_ids if user_id in self._users]
        for chunk in chunks(present, MAX_HEADS):
            before, asked_at = self._positions(chunk), time.monotonic()
            try:
                answer = await self.log.heads(chunk)
            except LinkupError:
                self._suspects.update(chunk)
                continue
            self.on_compared(answer, asked_at)
            for user_id, head in answer.heads.items():
                user = self._users.get(user_id)
                for connection in before.keys() & user.connections if user else ():
                    connection.feed.compare(answer.epoch, head, before[connection])

    def _positions(self, user_ids: Iterable[str]) -> dict[Connection, int]:
        users = (self._users.get(user_id) for user_id in user_ids)
        return {c: c.feed.cursor for user in users if user is not None for c in user.connections}

    # ------------------------------------------------------------ farewell

    def retire(self, reason: str) -> None:
        """Tell every client when to come back, spread so that they do not come all at once."""
        connections = list(self.connections())
        for connection in connections:
            connection.retire(reason, come_back_after_ms(len(connections)))

    async def dismiss(self, timeout: float) -> None:
        """Close all sockets, and wait for them, but no longer than `timeout` seconds."""
        connections = list(self.connections())
        for connection in connections:
            connection.close(CloseCode.RESTART)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._users:
                    self._left.clear()
                    await self._left.wait()


def _show(told: Live, connections: Iterable[Connection]) -> None:
    """Show a frame to the sockets that it is for; a count that a socket was told need not be told
    again."""
    unread = frames.badge_of(told.frame) if told.to == "all" else None
    for connection in connections:
        shows = connection.view.shows(told.conversation_id)
        meant = told.to == "all" or shows == (told.to == "viewers")
        if meant and connection.offer(told.frame) and unread is not None:
            connection.badge = unread


def _told(delivery: Delivery, kind: str, user_id: str) -> Told | None:
    """Return what a delivery tells, or None, with a line in the log, when it is not of that kind or
    another user's."""
    try:
        told = commands.decode(delivery.payload, KINDS[kind])
    except (KeyError, msgspec.MsgspecError):
        logger.error("an event does not decode", extra={"subject": delivery.subject})
        record("routing_error", f"an event cannot be decoded: {kind}")
        return None
    if told.user_id != user_id:
        logger.error("an event of another user", extra={"subject": delivery.subject})
        record("routing_error", f"an event of another user: {kind}")
        return None
    return told


def come_back_after_ms(count: int) -> int:
    """Return the milliseconds after which one of so many who are told at once comes back."""
    return random.randint(100, max(FAREWELL_MS, count))
