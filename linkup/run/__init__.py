"""Owns `linkup run`: nats-server and the services as children, from the first start to the drain.

The listening sockets and the data directory's lock belong to this process, so a child can die and
come back while the port stays, and a second `linkup run` on the same data is refused.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Collection, Coroutine
from pathlib import Path

import click
import msgspec

from linkup.installation import owners
from linkup.installation.operator import FILE, NAME, Operator
from linkup.installation.secret import is_made
from linkup.options import config_option, data_dir_option, environment_with
from linkup.run import advice, broker, data_dir, events, listeners, services
from linkup.run.children import Child, ChildFailed, Plan
from linkup.run.events import Started, Stopping, Tell, Warned
from linkup.run.orphans import Leash, leash
from linkup.run.sockets import Sockets, is_gateway, metrics_port, open_sockets, own_urls, page_url
from shared.errors import StartError, visible
from shared.settings import Settings, load, origins

INTERRUPTED = 130
MAILS = "mail"  # where notify writes mail when no SMTP server is set


@click.command()
@data_dir_option
@click.option("--host", help="Address that the gateway listens on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port of the gateway, or 0 for a free one.  [default: 8000]")
@click.option(
    "--gateways",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Number of gateway processes.",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per event.")
def run(
    data_dir: str | None,
    host: str | None,
    port: int | None,
    gateways: int,
    config: str | None,
    as_json: bool,
) -> None:
    """Run the whole product on this machine.

    Starts nats-server, persistence, notify and the gateway, and restarts a process that dies.
    Ctrl-C or SIGTERM stops all of them in order; a second Ctrl-C stops them at once.
    """
    environment = environment_with(data_dir=data_dir, host=host, gateway_port=port)
    settings = load(environment, config)
    chosen = set(origins(environment, config))
    settings = _for_a_demo(settings, chosen)
    tell = events.as_json() if as_json else events.as_text()
    sys.exit(supervise(settings, gateways, tell, chosen))


def _for_a_demo(settings: Settings, chosen: set[str]) -> Settings:
    """On this machine alone, and unless it is set: anybody may sign in, as often as they like, and
    open as many sockets: there everybody has the same address."""
    if not listeners.is_loopback(settings.host):
        return settings
    usual = {"dev_login": True, "auth_per_minute": 0, "sockets_per_address": 0}
    return msgspec.structs.replace(
        settings, **{name: value for name, value in usual.items() if name not in chosen}
    )


def supervise(settings: Settings, gateways: int, tell: Tell, chosen: Collection[str] = ()) -> int:
    """Run everything until the end, and return the exit status. `chosen`: the settings that are no
    defaults. Raises SettingError and StartError."""
    os.umask(0o077)  # what is written from here on, and by the children, is its owner's alone
    path = settings.data.absolute()
    data_dir.prepare(path)
    with data_dir.locked(path), open_sockets(settings, gateways, chosen) as sockets:
        for warning in (*data_dir.shut(path), *advice.warnings(settings)):
            tell(Warned(text=warning))
        settings = msgspec.structs.replace(
            settings,
            data_dir=str(path),
            jwt_secret=settings.jwt_secret or _made_secret(settings, path),
            vapid_private_key=settings.vapid_private_key or data_dir.vapid_key(path),
            public_url=settings.public_url or page_url(settings, sockets),
        )
        server = None if settings.nats_url else broker.Broker(path)
        if server is not None:
            server.prepare()
        try:
            status = asyncio.run(Supervisor(settings, sockets, server, tell).run())
            (path / FILE).unlink(missing_ok=True)  # what ended well is not looked for
            return status
        except ChildFailed as failure:
            if server is not None and failure.name == broker.NAME:
                raise StartError(f"{failure}: {server.last_words()}") from None
            return failure.status  # a service has said why by itself


def _made_secret(settings: Settings, path: Path) -> str:
    return data_dir.jwt_secret(path) if is_made(settings) else ""


class Supervisor:
    """The children in the order of their start; they are stopped in the reverse order."""

    def __init__(
        self,
        settings: Settings,
        sockets: Sockets,
        server: broker.Broker | None,
        tell: Tell,
    ) -> None:
        self._settings = settings
        self._sockets = sockets
        self._server = server
        self._tell = tell
        self._children: list[Child] = []
        self._stop = asyncio.Event()
        self._interrupted = False

    async def run(self) -> int:
        """Run until a signal; raises ChildFailed when a child cannot start."""
        self._listen_to_signals()
        async with leash() as tether:
            try:
                await self._unless_stopped(self._start(tether))
                await self._stop.wait()
            finally:
                await self._drain()
        return INTERRUPTED if self._interrupted else 0

    async def _start(self, tether: Leash) -> None:
        began = time.monotonic()
        if self._server is not None:
            await self._start_stage(tether, self._server.plan(owners.bare_environment()))
        self._leave_for_the_operator()
        await self._start_stage(tether, self._plan("persistence"))
        gateways = map(self._plan, filter(is_gateway, self._sockets))
        await self._start_stage(tether, self._plan("notify"), *gateways)
        self._tell(self._started(time.monotonic() - began))

    async def _start_stage(self, tether: Leash, *plans: Plan) -> None:
        """At the same time, as none of them needs another."""
        children = [Child(plan, tether, self._tell) for plan in plans]
        self._children += children
        for child in children:
            child.start()
        await asyncio.gather(*(child.ready() for child in children))

    def _plan(self, name: str) -> Plan:
        service = name.partition("-")[0]
        settings = self._settings
        if self._server is not None:
            settings = msgspec.structs.replace(settings, nats_url=self._server.url(service))
        if settings.metrics_port:
            settings = msgspec.structs.replace(settings, metrics_port=metrics_port(settings, name))
        return services.plan(name, service, settings, self._sockets[name])

    def _leave_for_the_operator(self) -> None:
        """Write the file with which other commands reach this run. The credentials of a server of
        ours are new at each start."""
        server = self._server
        nats_url = server.url(NAME) if server is not None else self._settings.nats_url
        left = Operator(nats_url=nats_url, urls=own_urls(self._sockets))
        data_dir.write_private(self._settings.data / FILE, msgspec.json.encode(left).decode())

    def _started(self, seconds: float) -> Started:
        mails = None if self._settings.smtp_host else visible(str(self._settings.data / MAILS))
        return Started(
            url=page_url(self._settings, self._sockets),
            pid=os.getpid(),
            seconds=round(seconds, 3),
            dev_login=self._settings.dev_login,
            data_dir=visible(self._settings.data_dir),
            mails=mails,
        )

    async def _drain(self) -> None:
        """Gateways together, then one by one: each may still need those that are left."""
        gateways = [child for child in self._children if is_gateway(child.plan.name)]
        await asyncio.gather(*(child.stop() for child in gateways))
        for child in reversed(self._children):
            await child.stop()

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Do it, or leave it when we are asked to stop."""
        doing = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})
        if not doing.cancelled():
            doing.result()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._tell(Stopping())
            return
        self._interrupted = True
        for child in self._children:
            child.kill()
