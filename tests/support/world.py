"""Owns a whole product in one process for simulations: the real gateway and persistence code on
real store files, on a wire that loses, delays and repeats, in virtual time.

Nothing of the services is replaced but the bus, the socket and the driver's thread. The gateway is
put together as in production; persistence is not, for it would start threads, and end in order.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, cast
from unittest import mock

import jwt
from msgspec.structs import replace
from starlette.types import ASGIApp

from services.gateway import app, contract, parts, start
from services.gateway.attachments.sweep import Sweep
from services.gateway.auth import Authenticator, Identity
from services.gateway.hub import Hub
from services.gateway.presence.presence import Presence
from services.gateway.presence.typing import Chores, Typing
from services.gateway.socket.wire import EXTENSION, Listener
from services.gateway.upstream.queries import Log
from services.persistence.decide.state import Limits
from services.persistence.queries.followers import Followers
from services.persistence.queries.readers import Readers
from services.persistence.writer import Writer
from shared import bus as bus_module
from shared import frames, subjects
from shared.bus import Bus
from shared.frames import Hello
from shared.health.endpoints import Health
from shared.health.probe import Probe
from shared.settings import Settings
from tests.support.broker import Broker, SimulatedBus
from tests.support.fuse import Fuse
from tests.support.mined import MinedStore

SETTINGS = Settings(
    attachments_url="memory:///",
    jwt_secret="s" * 32,
    message_rate=0.0,
    sockets_per_user=0,
    sockets_per_address=0,
    api_per_minute=0,
    other_per_minute=0,
    lanes=2,
    canary_every=0.0,  # each test accounts for what is stored
)


class Persistence:
    """One life of a persistence process on that file."""

    def __init__(self, broker: Broker, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.fuse = Fuse(self.kill)
        self.bus = SimulatedBus(broker, self.fuse)
        self._tasks: list[asyncio.Task[None]] = []
        self.alive = False

    async def start(self) -> None:
        bus = cast(Bus, self.bus)
        self.store = MinedStore(self.url, Limits(20, 0.0), self.fuse)
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


class KnownTokens(Authenticator):
    """Each token is verified once, not at each of thousands of requests."""

    verified: ClassVar[dict[str, Identity]] = {}

    def verify(self, token: str) -> Identity:
        if token not in self.verified:
            self.verified[token] = super().verify(token)
        return self.verified[token]


async def never(_: object) -> None:
    await asyncio.get_running_loop().create_future()


class Gateway:
    """One life of a gateway process."""

    def __init__(self, broker: Broker) -> None:
        self.fuse = Fuse(self.kill)
        self.bus = SimulatedBus(broker, self.fuse)
        self.health = Health("gateway")
        self.hub: Hub
        self.presence: Presence
        self.app: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
        self.open: set[asyncio.Task[None]] = set()  # what it serves: sockets and requests
        self._running = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        with (
            mock.patch.object(bus_module, "connect", self._connect),
            mock.patch.object(parts, "Hub", self._make_hub),
            mock.patch.object(app, "Authenticator", KnownTokens),
            mock.patch.object(parts, "Presence", self._make_presence),
            mock.patch.object(parts, "Typing", self._make_typing),
            # The contract is generated and checked at every start, which takes its time.
            mock.patch.object(contract, "documents", dict),
            mock.patch.object(start, "check", return_value=None),
            mock.patch.object(Sweep, "run", never),  # of files, in threads of its own
            mock.patch.object(Probe, "run", never),  # nobody here asks whether it is ready
        ):
            opened = app.open_app(SETTINGS, self.health)
            self.app.set_result(await opened.__aenter__())
        try:
            await never(self)
        finally:
            await opened.__aexit__(None, None, None)

    def _make_hub(self, *given: Any) -> Hub:
        self.hub = Hub(*given)
        return self.hub

    def _make_presence(self, *given: Any) -> Presence:
        self.presence = Presence(*given)
        return self.presence

    def _make_typing(self, bus: Bus, log: Log, chores: Chores) -> Typing:
        return Typing(bus, log, chores, asyncio.get_running_loop().time)

    @asynccontextmanager
    async def _connect(
        self, url: str, name: str, on_reconnect: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[Bus]:
        self.bus.on_reconnect = on_reconnect
        yield cast(Bus, self.bus)

    def serve(self, scope: dict[str, Any], receive: Any, send: Any) -> "asyncio.Task[None]":
        """As uvicorn would: one call of the application in a task of its own."""

        async def served() -> None:
            serving = await asyncio.shield(self.app)
            await serving({**SCOPE, **scope}, receive, send)

        task = asyncio.ensure_future(served())
        self.open.add(task)
        task.add_done_callback(self._served)
        return task

    def _served(self, task: "asyncio.Task[None]") -> None:
        self.open.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self.bus.alive:
            self.bus.broker.errors.append(error)

    async def call(
        self, user_id: str, method: str, target: str, body: Any = None
    ) -> tuple[int, dict[str, Any]] | None:
        """One request; None when the gateway was gone before it had answered."""
        if not self.bus.alive:
            return None
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"authorization", f"Bearer {token(user_id)}".encode()),
            ],
        }
        content = b"" if body is None else json.dumps(body).encode()
        answer: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            answer.append(message)

        await asyncio.wait([self.serve(scope, receive, send)])
        if not answer or not self.bus.alive:
            return None
        text = b"".join(part.get("body", b"") for part in answer)
        return answer[0]["status"], json.loads(text or b"{}")

    def kill(self) -> None:
        self.bus.cut()
        self._running.cancel()
        for task in list(self.open):
            task.cancel()

    async def stop(self) -> None:
        """As SIGTERM; it may still die in another way meanwhile."""
        assert self.health.drain is not None
        draining = asyncio.ensure_future(self.health.drain())
        await asyncio.wait([draining, self._running], return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        self.kill()

    async def gone(self) -> None:
        await asyncio.gather(self._running, return_exceptions=True)


SCOPE: dict[str, Any] = {
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "scheme": "http",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "client": ("192.0.2.1", 1),
    "server": ("192.0.2.2", 80),
}


@cache
def token(user_id: str) -> str:
    """Its time is the real one: no simulation takes that long."""
    claims = {"sub": user_id, "aud": "linkup", "name": user_id.title()}
    expires = int(time.time()) + 86_400
    return jwt.encode({**claims, "exp": expires}, SETTINGS.jwt_secret, algorithm="HS256")


class Socket:
    """A WebSocket into a gateway: `on_text` gets what the server sends."""

    def __init__(
        self, gateway: Gateway, user_id: str, hello: Hello, on_text: Callable[[bytes], None]
    ) -> None:
        self.gateway = gateway
        self.open = gateway.bus.alive
        self.close_sent = False
        self.writable = asyncio.Event()
        self.writable.set()
        self.on_room: Callable[[], None] = lambda: None
        self._on_text = on_text
        self._replaying = True
        self._under_way: deque[list[bytes]] = deque()
        self.listener: Listener | None = None
        self._said: deque[str] = deque()
        self._inbound: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._connecting: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        if not self.open:
            return  # nobody listens there
        self.say(frames.encode(replace(hello, token=token(user_id))).decode())
        scope = {
            "type": "websocket",
            "path": "/ws",
            "raw_path": b"/ws",
            "subprotocols": [],
            "extensions": {EXTENSION: self},
        }
        self._task = gateway.serve(scope, self._receive, self._send)
        self._task.add_done_callback(self._ended)

    def say(self, text: str) -> None:
        self._said.append(text)
        if self.listener is None:
            self._pump()
        else:
            self.go_on()

    def go_on(self) -> None:
        asyncio.get_running_loop().call_soon(self._pump)

    def listen(self, listener: Listener) -> None:
        if self._inbound.empty():
            self.listener = listener

    def _pump(self) -> None:
        """Hand what was said to who listens, as far as there is room, or else to `receive`."""
        while self._said and self.gateway.bus.alive:
            if self.listener is None:
                text = self._said.popleft()
                self._inbound.put_nowait({"type": "websocket.receive", "text": text})
            elif self.listener.is_full():
                return
            else:
                self._hear(self.listener, self._said.popleft())

    def _hear(self, listener: Listener, text: str) -> None:
        try:
            listener.hear(text)
        except asyncio.CancelledError:
            pass  # its process has died in the midst of it
        except Exception as defect:  # noqa: BLE001 - as an application's that fails
            self.gateway.bus.broker.errors.append(defect)

    async def _receive(self) -> dict[str, Any]:
        return self._connecting.pop() if self._connecting else await self._inbound.get()

    async def send(self, message: dict[str, Any]) -> None:
        await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.close_sent = True
            self.abort()

    async def receive(self) -> dict[str, Any]:
        return await self._receive()

    def forget_head(self) -> None:
        pass

    def charge(self, cost: float) -> None:
        pass

    def admit(self) -> bool:
        return True

    def write(self, texts: list[bytes]) -> int:
        # Timers of the same instant come in no order, and bytes do: each takes the oldest.
        self._under_way.append(list(texts))
        asyncio.get_running_loop().call_later(0.001, self._arrive)
        return len(texts)

    def _arrive(self) -> None:
        """Deliver the oldest frames under way. Once their process has died, no frame arrives."""
        for text in self._under_way.popleft():
            if self.open and self.gateway.bus.alive:
                self._on_text(text)
                with suppress(asyncio.CancelledError):
                    self._replay(text)

    def _replay(self, text: bytes) -> None:
        """Reach the fuse for each frame between `welcome` and `sync_completed`."""
        if self._replaying and b'"sync_completed"' in text:
            self._replaying = False
        elif self._replaying and b'"welcome"' not in text:
            self.gateway.fuse.reach("in a replay")

    def abort(self) -> None:
        """Either side ends it; the gateway is told as by a lost connection."""
        self.open = False
        self._inbound.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.open = False
