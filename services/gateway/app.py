"""Builds the gateway: the bus, the lanes, the hub, and the routes in front of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp

from services.gateway import contract, page, start
from services.gateway.api.attachments import Attachments
from services.gateway.api.blocks import Blocks
from services.gateway.api.dev import DevLogin
from services.gateway.api.errors import ErrorRecords
from services.gateway.api.inbox import Conversations
from services.gateway.api.members import Members
from services.gateway.api.messages import Messages
from services.gateway.api.progress import Progress
from services.gateway.api.reports import Reports
from services.gateway.api.request import problem_response, problems
from services.gateway.api.revisions import Revisions
from services.gateway.api.search import Search
from services.gateway.api.sync import Sync
from services.gateway.api.tickets import TicketOffice
from services.gateway.api.traces import Traces
from services.gateway.api.users import Users
from services.gateway.attachments.inspection import Inspection
from services.gateway.attachments.links import Links
from services.gateway.attachments.objects import Objects
from services.gateway.attachments.sweep import Sweep
from services.gateway.attachments.uploads import Uploads, limits_of
from services.gateway.auth import Authenticator
from services.gateway.handlers import Handlers
from services.gateway.hosts import Hosts, KnownHosts
from services.gateway.hub import Hub
from services.gateway.presence.announcer import Announcer
from services.gateway.presence.presence import Presence
from services.gateway.presence.typing import Chores, Typing
from services.gateway.rates import Rates
from services.gateway.socket.burst import Burst
from services.gateway.socket.connection import Connection
from services.gateway.socket.dispatch import Dispatch
from services.gateway.socket.greeting import Greeting
from services.gateway.socket.refusals import Refusals
from services.gateway.socket.sample import Decoder
from services.gateway.socket.scope import CHAT, NOTIFICATIONS
from services.gateway.sockets import RESTARTING, Sockets
from services.gateway.upstream.allowance import Allowance
from services.gateway.upstream.canary import Canary
from services.gateway.upstream.gathering import Backlog
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.probes import Upstream, notify_probe
from services.gateway.upstream.profiles import People
from services.gateway.upstream.queries import Log
from services.gateway.upstream.stages import Stages
from services.gateway.upstream.tickets import Tickets
from services.gateway.upstream.whole import Whole
from shared import bus
from shared.commands import Acquaintance
from shared.defects import unexpected
from shared.errors import Internal, InvalidRequest, LinkupError, NotFound
from shared.health import Health
from shared.reporter import Reporter, over
from shared.settings import Settings
from shared.turns import Turns

# Of a drain, below shared.serve's DRAIN_TIMEOUT together.
SETTLE_TIMEOUT = 3.0  # for the outcome of what was sent
CLOSE_TIMEOUT = 2.5  # for the sockets, each of which has its own


@asynccontextmanager
async def open_app(settings: Settings, health: Health) -> AsyncIterator[ASGIApp]:
    """Everything with a life, in order; taken down in reverse."""
    auth, hosts = Authenticator(settings, health.counters), Hosts(settings)
    refusals = Refusals(health.counters)
    reconnected = asyncio.Event()

    async def on_reconnect() -> None:
        reconnected.set()

    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(
            bus.connect(settings.nats_url, "gateway", on_reconnect)
        )
        turns = Turns()
        upstream, notify = Upstream(nats), notify_probe(nats)

        def read() -> None:
            upstream.read()
            health.operated(1)

        def stored(commands: int) -> None:
            upstream.stored()
            health.operated(commands)

        metrics, backlog = health.metrics, Backlog(settings.log_waiting, health.counters)
        log = Log(nats, backlog, turns, read)
        lanes = Lanes(
            nats,
            settings.lanes,
            stored,
            settings.queued_per_user,
            Allowance(settings.message_burst, settings.message_rate),
            Stages(metrics),
        )
        announcer = Announcer(nats, lanes, settings.presence_debounce)
        chores = Chores()
        typing = Typing(nats, log, chores)
        presence = Presence(nats, log, settings.presence_debounce)

        def on_acquaintance(told: Acquaintance, connections: Iterable[Connection]) -> None:
            if not told.parted:  # the feed says who is in a group
                typing.forget(told.user_id)
            presence.recheck(connections, told.other_id)

        hub = Hub(nats, log, announcer, on_acquaintance, Burst(metrics))
        canary = Canary(
            nats,
            lanes,
            settings.canary_every,
            proof=lambda: min(upstream.stored_at, hub.heard_at),
            upstream=upstream.check,
        )
        people = People(lanes, log)
        rates = Rates(settings)
        tickets = Tickets(lanes, rates)
        objects = Objects(settings.attachment_store_url)
        inspection = Inspection(log, objects, health.counters, settings.audit_every)
        sweep = Sweep(lanes, objects, settings.attachment_sweep_every)
        handlers = Handlers(lanes, auth, typing, presence, sweep.wake)
        greeting = Greeting(settings, auth, tickets, turns)
        decoder, count = Decoder(metrics), health.counters.add
        sockets = Sockets(
            settings, greeting, hub, handlers, people, refusals, turns, decoder, count
        )
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        running = [
            *lanes.start(tasks),
            *log.start(tasks),
            *chores.start(tasks),
            tasks.create_task(hub.run()),
            tasks.create_task(announcer.run()),
            tasks.create_task(presence.run()),
            tasks.create_task(_compare_after(reconnected, hub, presence)),
            tasks.create_task(sweep.run()),
            tasks.create_task(inspection.run()),
            tasks.create_task(upstream.probe.run()),
            tasks.create_task(notify.run()),
            tasks.create_task(canary.run()),
            tasks.create_task(Reporter(health.errors, over(nats)).run()),
        ]
        stack.callback(lambda: [task.cancel() for task in running])
        health.checks["bus"] = nats.check
        health.checks["subscriptions"] = nats.subscriptions
        health.checks["persistence"] = upstream.check
        health.checks["notify"] = notify.check
        health.checks["canary"] = canary.check
        health.figures["canary_ms"] = lambda: canary.took_ms
        health.figures["sockets"] = hub.sockets
        health.figures["commands_waiting"] = lanes.waiting
        health.figures["users"] = hub.users
        health.figures["log_waiting"] = backlog.count
        health.whole = Whole(nats, health).report
        health.drain = lambda: _drain(sockets, lanes, hub, announcer)
        endpoints = {
            **Messages(lanes, log, hub, people).endpoints(),
            **Conversations(lanes, log, people).endpoints(),
            **Members(lanes, log).endpoints(),
            **Blocks(lanes, log).endpoints(),
            **Reports(lanes, people).endpoints(),
            **Progress(log).endpoints(),
            **Sync(log).endpoints(),
            **Search(log).endpoints(),
            **Users(presence).endpoints(),
            **TicketOffice(tickets, people).endpoints(),
            **Revisions(lanes, sweep.wake).endpoints(),
            **Attachments(
                log,
                people,
                Uploads(lanes, objects, limits_of(settings)),
                objects,
                Links(settings.jwt_secret, settings.attachment_link_for),
            ).endpoints(),
            **DevLogin(auth, people).endpoints(),
            **ErrorRecords(log, nats).endpoints(),
            **Traces(log).endpoints(),
            **contract.documents(),
        }
        health_routes = health.routes(contract.insiders(settings, rates))
        socket_routes = [WebSocketRoute(path, sockets) for path in ("/ws", CHAT, NOTIFICATIONS)]
        routes: list[BaseRoute] = [
            *socket_routes,
            *contract.bind(contract.counted(endpoints, count), auth, rates, settings),
            *health_routes,
            *page.routes(),
        ]
        start.check(health, routes, settings)
        app = Starlette(
            routes=routes,
            middleware=contract.shared_with(settings.allowed_origins),
            exception_handlers={
                LinkupError: problems(refusals),
                HTTPException: _http_problem,
                Exception: _unexpected,
            },
        )
        probes = [one.path for one in health_routes if one.path != "/metrics"]
        yield KnownHosts(Dispatch(app, socket_routes), hosts, refusals, probes)


async def _compare_after(reconnected: asyncio.Event, hub: Hub, presence: Presence) -> None:
    while True:
        await reconnected.wait()
        reconnected.clear()
        presence.ask_all()
        await hub.compare_all()


async def _drain(sockets: Sockets, lanes: Lanes, hub: Hub, announcer: Announcer) -> None:
    """Tell everyone to come back, answer what they sent before, close, write who was here."""
    sockets.draining = True
    hub.retire(RESTARTING)
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_TIMEOUT):
            await lanes.settled()
    await hub.dismiss(CLOSE_TIMEOUT)
    await announcer.flush()


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem_response(NotFound("There is no such route"))
    response = problem_response(InvalidRequest(error.detail), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    """The traceback is in the log; nothing of it leaves."""
    unexpected(error, "a request failed")
    return problem_response(Internal("The server failed unexpectedly"))
