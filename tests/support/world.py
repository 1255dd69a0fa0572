"""Owns a whole product in one process for simulations: the real gateway and persistence code on
real store files, on a wire that loses, delays and repeats, in virtual time.

Nothing of the services is replaced but the bus, the socket and the driver's thread.
"""

import asyncio
import itertools
import random
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from starlette.websockets import WebSocket

from services.gateway.announcer import Announcer
from services.gateway.auth import Authenticator, Identity
from services.gateway.ephemeral import Chores, Typing
from services.gateway.handlers import Handlers
from services.gateway.hub import Hub
from services.gateway.lanes import Lanes
from services.gateway.log import Log
from services.gateway.people import People
from services.gateway.presence import Presence
from services.gateway.protocol import EXTENSION
from services.gateway.rates import Rates
from services.gateway.sockets import Sockets
from services.gateway.tickets import Tickets
from services.persistence.connections import Held
from services.persistence.followers import Followers
from services.persistence.readers import Readers
from services.persistence.state import Limits
from services.persistence.store import Store
from services.persistence.writer import Writer
from shared import subjects
from shared.bus import Bus, BusTimeout, Delivery, NoResponders
from shared.frames import Hello
from shared.settings import Settings

T = TypeVar("T")
Handler = Callable[[Delivery], Awaitable[None]]

SETTINGS = Settings(jwt_secret="s" * 32, message_rate=0.0, sockets_per_user=0, lanes=2)
FAR = 10**9


class InlineHeld(Held):
    """A real connection to the real file, without the driver's thread: virtual time has none."""

    async def open(self) -> None:
        path = self._url.removeprefix("sqlite:///")
        self._raw = sqlite3.connect(path, isolation_level=None, factory=self._factory)

    async def close(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._raw is None:
            await self.open()
        return work(self._raw)


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
        self._numbers = itertools.count()
        self._running: set[asyncio.Task[None]] = set()

    def subscribe(self, subject: str, queue: str, handler: Handler) -> int:
        number = next(self._numbers)
        self._subscriptions[number] = (subject, queue, handler)
        return number

    def unsubscribe(self, number: int) -> None:
        self._subscriptions.pop(number, None)

    def publish(self, subject: str, payload: bytes, reply_to: str = "") -> bool:
        """Whether anybody listens."""
        heard = False
        for number, (pattern, _, _) in list(self._subscriptions.items()):
            if _matches(pattern, subject):
                heard = True
                self._send(number, subject, payload, reply_to)
        return heard

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
        await asyncio.sleep(delay)
        if number in self._subscriptions:
            message = SimpleNamespace(subject=subject, data=payload, reply=reply_to)
            await self._subscriptions[number][2](Delivery(cast(Any, message)))


def _matches(pattern: str, subject: str) -> bool:
    wanted, parts = pattern.split("."), subject.split(".")
    return len(wanted) == len(parts) and all(
        w in ("*", p) for w, p in zip(wanted, parts, strict=True)
    )


@dataclass
class SimulatedBus:
    """One process's connection to the broker. `crash` is called at its `crash_in`-th publish."""

    broker: Broker
    connected: bool = True
    max_payload: int = 1 << 20
    crash_in: int = FAR
    crash: Callable[[], None] = lambda: None
    _subscribed: list[int] = field(default_factory=list)

    async def publish(self, subject: str, payload: bytes) -> None:
        assert len(payload) <= self.max_payload
        self.crash_in -= 1
        if self.crash_in < 0:
            self.crash_in = FAR
            self.crash()
            raise asyncio.CancelledError
        if self.connected:
            self.broker.publish(subject, payload)

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        assert len(payload) <= self.max_payload
        inbox = f"_INBOX.{id(payload)}-{self.broker.random.random()}".replace(".", "", 1)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def on_answer(delivery: Delivery) -> None:
            if not answer.done():
                answer.set_result(delivery.payload)

        number = self.broker.subscribe(inbox, "", on_answer)
        try:
            if not self.broker.publish(subject, payload, inbox):
                raise NoResponders("nobody")
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise BusTimeout("no answer") from None
        finally:
            self.broker.unsubscribe(number)

    async def subscribe(self, subject: str, handler: Handler, **options: Any) -> Any:
        number = self.broker.subscribe(subject, options.get("queue", ""), handler)
        self._subscribed.append(number)
        return SimpleNamespace(close=self._closer(number), drain=self._closer(number))

    def _closer(self, number: int) -> Callable[[], Awaitable[None]]:
        async def close() -> None:
            self.broker.unsubscribe(number)

        return close

    async def flush(self) -> None:
        await asyncio.sleep(0)

    def cut(self) -> None:
        """The process is gone: nothing reaches it any more, nothing leaves it."""
        self.connected = False
        for number in self._subscribed:
            self.broker.unsubscribe(number)


class Persistence:
    """One life of a persistence process on that file."""

    def __init__(self, broker: Broker, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.bus = SimulatedBus(broker, crash=self.kill)
        self._tasks: list[asyncio.Task[None]] = []
        self.alive = False

    async def start(self) -> None:
        bus = cast(Bus, self.bus)
        self.store = Store(self.url, Limits(20, 0.0))
        await self.store.open()
        writer = Writer(self.store, bus)
        readers = Readers(self.url, self.store.epoch, bus, Followers())
        self._tasks = [
            asyncio.ensure_future(work) for work in (writer.run(), readers.run(), readers.run())
        ]
        await self.bus.subscribe(subjects.query("*"), readers.accept)
        await self.bus.subscribe(subjects.STORE, writer.accept)
        self.alive = True

    def kill(self) -> None:
        """As `kill -9`: what is committed stays, everything else is gone."""
        self.alive = False
        self.bus.cut()
        for task in self._tasks:
            task.cancel()

    async def gone(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()


class Gateway:
    """One life of a gateway process."""

    def __init__(self, broker: Broker) -> None:
        self.bus = SimulatedBus(broker)
        bus = cast(Bus, self.bus)
        log, self.lanes = Log(bus), Lanes(bus, SETTINGS.lanes)
        self.announcer = Announcer(bus, self.lanes, SETTINGS.presence_debounce)
        self.presence = Presence(bus, log, SETTINGS.presence_debounce)
        self.hub = Hub(bus, log, self.announcer)
        self.chores = Chores()
        auth, people = Authenticator(SETTINGS), People(self.lanes, log)
        handlers = Handlers(self.lanes, auth, Typing(bus, log, self.chores), self.presence)
        self.sockets = Sockets(
            SETTINGS, auth, self.hub, handlers, people, Tickets(self.lanes, Rates(SETTINGS))
        )
        self.open: set[Socket] = set()
        self._running = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self.lanes.start(tasks)
            self.chores.start(tasks)
            tasks.create_task(self.hub.run())
            tasks.create_task(self.announcer.run())
            tasks.create_task(self.presence.run())

    def kill(self) -> None:
        self.bus.cut()
        self._running.cancel()
        for socket in list(self.open):
            socket.kill()

    async def stop(self) -> None:
        """As SIGTERM."""
        await self.hub.dismiss("the gateway restarts")
        await self.announcer.flush()
        self.kill()

    async def gone(self) -> None:
        await asyncio.gather(self._running, return_exceptions=True)


class Socket:
    """A WebSocket into a gateway, as `Sockets` sees it: `on_text` gets what the server sends."""

    def __init__(
        self, gateway: Gateway, user_id: str, hello: Hello, on_text: Callable[[bytes], None]
    ) -> None:
        self.gateway = gateway
        self.open = True
        self.scope = {"path": "/ws", "path_params": {}, "extensions": {EXTENSION: self}}
        self._on_text = on_text
        self._inbound: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        identity = Identity(user_id=user_id, expires_at=2**40, name=user_id.title())
        live = gateway.sockets._live  # noqa: SLF001 - who it is, is known here
        work = live(cast(WebSocket, self), identity, hello, None)
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(self._ended)
        gateway.open.add(self)

    def say(self, text: str) -> None:
        self._inbound.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> dict[str, Any]:
        return await self._inbound.get()

    async def send_frames(self, texts: list[bytes]) -> None:
        await asyncio.sleep(0.001)
        for text in texts:
            if self.open:
                self._on_text(text)

    async def close(self, code: int) -> None:
        self.abort()

    def abort(self) -> None:
        """Either side ends it; the gateway is told as by a lost connection."""
        self.open = False
        self._inbound.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def kill(self) -> None:
        self.open = False
        self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.open = False
        self.gateway.open.discard(self)
        if not task.cancelled():
            task.exception()
