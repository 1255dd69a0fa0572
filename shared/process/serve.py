"""Owns the life of a service process: resources, HTTP server, and shutdown.

The resources are opened before the server accepts and closed after it has let go of its last
connection, so that what cannot start says so in one line.
"""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from types import FrameType, MappingProxyType

import uvicorn
from starlette.types import ASGIApp

from shared.errors import StartError
from shared.health import records
from shared.health.counters import Counters
from shared.health.endpoints import Health
from shared.health.watchdog import Watchdog, noted
from shared.http.acceptor import BACKLOG
from shared.http.admission import Admission
from shared.http.connection import Config, acceptors
from shared.process import side
from shared.process.descriptors import connections_allowed
from shared.process.loop import loop_factory, name_of
from shared.settings import Settings

logger = logging.getLogger("linkup.serve")

INHERITED = "LINKUP_LISTEN_FD"
DRAIN_TIMEOUT = 8.0
CLOSE_TIMEOUT = 2
CONNECTIONS_A_SOCKET = 4  # from one address: a page has some for its requests
YOUNG_OBJECTS = 5_000  # before the collector looks at them; nearly all are gone by then

OpenApp = Callable[[Settings, Health], AbstractAsyncContextManager[ASGIApp]]
# By the value of LINKUP_WEBSOCKET; empty: the service has no sockets.
WebSockets = Mapping[str, type]


class Server(uvicorn.Server):
    """uvicorn, but a signal first drains: the service says goodbye before its sockets close."""

    def __init__(self, config: Config, health: Health) -> None:
        super().__init__(config)
        self._config = config
        self.admission = config.admission
        self.health = health
        self._drain: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Like uvicorn's, but with our own limits on accepting connections."""
        self.servers = acceptors(self._config, self.server_state, sockets or [])  # type: ignore[assignment]  # what uvicorn uses of one
        self.started = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # A signal handler may run between any two instructions: leave the rest to the loop.
        self._loop.call_soon_threadsafe(self._begin_drain)

    def _begin_drain(self) -> None:
        if self._drain is None:
            self._drain = asyncio.create_task(self._drain_then_exit())
        else:
            self.should_exit = True  # a second signal: do not wait any longer

    async def _drain_then_exit(self) -> None:
        self.health.state = "draining"
        if INHERITED in os.environ:  # who comes now waits in the parent's queue for our successor
            for server in self.servers:
                server.close()
        try:
            if self.health.drain is not None:
                async with asyncio.timeout(DRAIN_TIMEOUT):
                    await self.health.drain()
        except TimeoutError:
            pass  # what is left is cut off below, as after a crash
        finally:
            self.should_exit = True


def config(app: ASGIApp, settings: Settings, counters: Counters, ws: type | str = "none") -> Config:
    """Return the configuration of the server; see docs/operations.md for why each limit differs
    from the default."""
    most = connections_allowed()
    if 0 < settings.connections < most:
        most = settings.connections
    return Config(
        settings,
        counters,
        Admission(
            most,
            CONNECTIONS_A_SOCKET * settings.sockets_per_address,
            settings.trusted_proxies,
            counters,
        ),
        app=app,
        interface="asgi3",  # also where it is no coroutine function itself
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=CLOSE_TIMEOUT,
        ws=ws,
        ws_max_size=128 * 1024,  # twice the protocol's limit, so that `too_large` can be said
        ws_ping_interval=10,
        ws_ping_timeout=10,
        ws_per_message_deflate=False,
    )


def listen(settings: Settings, port: int) -> list[socket.socket]:
    """Return the listening sockets: the parent's (LINKUP_LISTEN_FD), which outlive us, or our
    own."""
    inherited = os.environ.get(INHERITED)
    if inherited is not None:
        return [socket.socket(fileno=int(number)) for number in inherited.split(",")]
    return [bind(settings, port)]


def bind(settings: Settings, port: int) -> socket.socket:
    """Raises StartError, which says what to do."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(
            f"cannot listen on {settings.host}:{port}: {error.strerror}; "
            "stop what uses it or set another port"
        ) from None
    return listener


async def serve(
    service: str, open_app: OpenApp, settings: Settings, port: int, websockets: WebSockets
) -> None:
    """Run until a signal has drained the service."""
    health = Health(service, settings.health_window, settings.metrics)
    with ExitStack() as stack:
        stack.enter_context(records.use(health.errors))
        stack.enter_context(noted(asyncio.get_running_loop()))
        listeners = [stack.enter_context(listener) for listener in listen(settings, port)]
        beside = [
            stack.enter_context(bind(settings, port)) for port in _more_ports(service, settings)
        ]
        async with open_app(settings, health) as app:
            ws = websockets.get(settings.websocket, "none")
            server = Server(config(app, settings, health.counters, ws), health)
            health.figures["connections"] = server.admission.count
            own = config(side.app(health), settings, health.counters)
            stack.enter_context(side.opened(own, beside))
            _spare_the_collector()
            _watch(stack, health)
            health.state = "ready"
            logger.info("started", extra=_runs_on(settings, websockets))
            await server.serve(sockets=listeners)


def _watch(stack: ExitStack, health: Health) -> None:
    """Once it is started: a start blocks the loop, while nobody waits for it."""
    watchdog = Watchdog(asyncio.get_running_loop())
    health.lag = stack.enter_context(watchdog.watching()).lag


def _more_ports(service: str, settings: Settings) -> list[int]:
    """The services behind a gateway have no public port: theirs are for operators anyway."""
    return [settings.metrics_port] if service == "gateway" and settings.metrics_port else []


def _runs_on(settings: Settings, websockets: WebSockets) -> dict[str, str]:
    """Return the parts that settings choose, for the log line of a start."""
    loop = {"loop": name_of(asyncio.get_running_loop())}
    return {**loop, "websocket": settings.websocket} if websockets else loop


def _spare_the_collector() -> None:
    """Messages in flight come and go by the thousand, free of cycles: by default that alone sets
    off collection after collection, and each finds next to nothing. Nor does one at the start,
    which would take a tenth of it.

    A socket that comes makes some 250 objects that stay. So the middle generation is small, or
    the loop would stand still for a tenth of a second in the midst of a crowd; and the oldest is
    looked through seldom, after some 20,000 sockets.
    """
    gc.freeze()  # what a start made stays for ever
    gc.set_threshold(YOUNG_OBJECTS, 1, 500)


def run(
    service: str,
    open_app: OpenApp,
    settings: Settings,
    websockets: WebSockets = MappingProxyType({}),
) -> None:
    """Serve until a signal. Raises SettingError and StartError."""
    with asyncio.Runner(loop_factory=loop_factory(settings.loop)) as runner:
        port = getattr(settings, f"{service}_port")
        runner.run(serve(service, open_app, settings, port, websockets))
