"""Owns the bus of a simulation: core NATS, as bad as it may be, and each process's way to it."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from shared import subjects
from shared.bus import BusTimeout, Delivery, NoResponders
from shared.errors import Unavailable
from shared.health.endpoints import Check
from shared.health.probe import Probe
from tests.support.fuse import Fuse

Handler = Callable[[Delivery], None]


@dataclass
class Faults:
    """Chances per message on the wire, and the longest delay in seconds."""

    lose: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0


class Broker:
    """Core NATS, as bad as it may be: it keeps nothing, and the faults apply to everything."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.faults = Faults()
        self._subscriptions: dict[int, tuple[str, str, Handler]] = {}
        self._exact: dict[str, list[int]] = {}  # by subject; the others hold a `*`
        self._patterns: dict[str, list[int]] = {}
        self._numbers = itertools.count()
        self._running: set[asyncio.Task[None]] = set()
        self.buses: list[SimulatedBus] = []  # of processes that live
        self.up = True
        self._life = 0
        self.errors: list[BaseException] = []  # that no code of the services caught

    def stop(self) -> None:
        """As `kill -9`: what is on the wire is lost, and nobody is connected."""
        self.up = False
        self._life += 1

    async def start(self) -> None:
        self.up = True
        for bus in list(self.buses):
            await bus.on_reconnect()

    def subscribe(self, subject: str, queue: str, handler: Handler) -> int:
        number = next(self._numbers)
        self._subscriptions[number] = (subject, queue, handler)
        self._kept(subject).setdefault(subject, []).append(number)
        return number

    def unsubscribe(self, number: int) -> None:
        subject, _, _ = self._subscriptions.pop(number, ("", "", None))
        if subject:
            kept = self._kept(subject)
            kept[subject].remove(number)
            if not kept[subject]:
                del kept[subject]

    def _kept(self, subject: str) -> dict[str, list[int]]:
        return self._patterns if "*" in subject else self._exact

    def _listening(self, subject: str) -> list[int]:
        found = list(self._exact.get(subject, ()))
        for pattern, numbers in self._patterns.items():
            if _matches(pattern, subject):
                found += numbers
        return found

    def publish(self, subject: str, payload: bytes, reply_to: str = "") -> bool:
        """Deliver the payload, and return whether anybody listens."""
        if not self.up:
            return False
        listening = self._listening(subject)
        for number in listening:
            self._send(number, subject, payload, reply_to)
        return bool(listening)

    def _send(self, number: int, subject: str, payload: bytes, reply_to: str) -> None:
        copies = 0 if self.random.random() < self.faults.lose else 1
        copies += self.random.random() < self.faults.repeat
        for _ in range(copies):
            delay = self.random.uniform(0, self.faults.delay)
            task = asyncio.ensure_future(self._deliver(delay, number, subject, payload, reply_to))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _deliver(
        self, delay: float, number: int, subject: str, payload: bytes, reply_to: str
    ) -> None:
        life = self._life
        await asyncio.sleep(delay)
        if number in self._subscriptions and life == self._life:
            self._subscriptions[number][2](Delivery(subject, payload, reply_to))


def _matches(pattern: str, subject: str) -> bool:
    wanted, parts = pattern.split("."), subject.split(".")
    return len(wanted) == len(parts) and all(
        w in ("*", p) for w, p in zip(wanted, parts, strict=True)
    )


async def nothing() -> None:
    pass


@dataclass
class SimulatedBus:
    """One process's connection to the broker."""

    broker: Broker
    fuse: Fuse
    alive: bool = True
    max_payload: int = 1 << 20
    on_reconnect: Callable[[], Awaitable[None]] = nothing
    _subscribed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker.buses.append(self)
        self.probe = Probe("the bus", self.flush)

    @property
    def connected(self) -> bool:
        return self.alive and self.broker.up

    def subscriptions(self) -> Check:
        return Check("pass")

    def check(self) -> Check:
        return Check("pass" if self.connected else "fail")

    def _check(self) -> None:
        if not self.connected:
            raise Unavailable("The message bus cannot be reached")

    async def publish(self, subject: str, payload: bytes) -> None:
        assert len(payload) <= self.max_payload
        self.fuse.reach("between publishes")
        if self.connected:
            self.broker.publish(subject, payload)

    def post(self, subject: str, payload: bytes) -> None:
        if self.connected:
            self.broker.publish(subject, payload)

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        assert len(payload) <= self.max_payload
        self._check()
        inbox = f"_INBOX.{id(payload)}-{self.broker.random.random()}".replace(".", "", 1)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def on_answer(delivery: Delivery) -> None:
            if not answer.done():
                answer.set_result(delivery.payload)

        number = self.broker.subscribe(inbox, "", on_answer)
        try:
            if not self.broker.publish(subject, payload, inbox):
                raise NoResponders("nobody")
            if subject == subjects.STORE:
                self.fuse.reach("after submitting")
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise BusTimeout("no answer") from None
        finally:
            self.broker.unsubscribe(number)

    async def subscribe(self, subject: str, handler: Handler, **options: Any) -> Any:
        self._check()
        number = self.broker.subscribe(subject, options.get("queue", ""), handler)
        self._subscribed.append(number)
        return SimpleNamespace(close=self._closer(number))

    def _closer(self, number: int) -> Callable[[], Awaitable[None]]:
        async def close() -> None:
            self.broker.unsubscribe(number)

        return close

    async def flush(self) -> None:
        await asyncio.sleep(0)
        self._check()

    def cut(self) -> None:
        """The process is gone: nothing reaches it any more, nothing leaves it."""
        self.alive = False
        if self in self.broker.buses:
            self.broker.buses.remove(self)
        for number in self._subscribed:
            self.broker.unsubscribe(number)
