"""Owns the life of a gateway: its parts, their tasks, its routes, and its end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from services.gateway import contract, page, start
from services.gateway.api.access import Access
from services.gateway.api.attachments import Attachments
from services.gateway.api.audit_log import AuditLog
from services.gateway.api.blocks import Blocks
from services.gateway.api.contacts import Contacts
from services.gateway.api.dev import DevLogin
from services.gateway.api.erasure import UserErasure
from services.gateway.api.errors import ErrorRecords
from services.gateway.api.export import Exports
from services.gateway.api.host import Host
from services.gateway.api.hosts import Hosts, KnownHosts
from services.gateway.api.inbox import Conversations
from services.gateway.api.members import Members
from services.gateway.api.messages import Messages
from services.gateway.api.notifications import Notifications
from services.gateway.api.profiles import Profiles
from services.gateway.api.progress import Progress
from services.gateway.api.push import Push
from services.gateway.api.reported import Reported
from services.gateway.api.reports import Reports
from services.gateway.api.response import problem_response, problems
from services.gateway.api.revisions import Revisions
from services.gateway.api.search import Search
from services.gateway.api.sync import Sync
from services.gateway.api.table import Table
from services.gateway.api.tickets import TicketOffice
from services.gateway.api.traces import Traces
from services.gateway.api.unsubscribing import Unsubscribing
from services.gateway.api.users import Users
from services.gateway.api.webhooks import HostWebhooks
from services.gateway.attachments.links import SharedLinks
from services.gateway.attachments.uploads import Uploads, limits_of
from services.gateway.auth import Authenticator, published_keys
from services.gateway.contract import Endpoints
from services.gateway.parts import Parts
from services.gateway.socket.dispatch import Dispatch
from services.gateway.socket.scope import CHAT, NOTIFICATIONS
from services.gateway.sockets import RESTARTING
from services.gateway.upstream.moderator import moderated
from shared import bus
from shared.commands import Done
from shared.errors import Internal, InvalidRequest, LinkupError, NotFound
from shared.health.defects import unexpected
from shared.health.endpoints import Health
from shared.process.reporter import Reporter, over
from shared.settings import Settings

# Of a drain, below shared.process.serve's DRAIN_TIMEOUT together.
SETTLE_TIMEOUT = 3.0  # for the outcome of what was sent
CLOSE_TIMEOUT = 2.5  # for the sockets, each of which has its own


@asynccontextmanager
async def open_app(settings: Settings, health: Health) -> AsyncIterator[ASGIApp]:
    """Open everything that has a life, in order; it is taken down in reverse."""
    auth, hosts = Authenticator(settings, health.counters), Hosts(settings)
    reconnected = asyncio.Event()

    async def on_reconnect() -> None:
        reconnected.set()

    async with (
        published_keys(auth, settings, health),
        moderated(settings, health) as moderator,
        bus.connect(settings.nats_url, "gateway", on_reconnect) as nats,
    ):
        parts = Parts(settings, health, nats, auth, moderator)
        async with asyncio.TaskGroup() as tasks:
            running = [
                *_started(parts, tasks),
                tasks.create_task(_compare_after(reconnected, parts)),
            ]
            await parts.eviction.listen()
            _watched(parts)
            yield _application(parts, hosts)
            for task in running:
                task.cancel()


def _started(parts: Parts, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    if parts.moderator is not None:
        parts.moderator.start(tasks)
    runs = (
        parts.hub.run,
        parts.counts.run,
        parts.announcer.run,
        parts.presence.run,
        parts.sweep.run,
        parts.inspection.run,
        parts.upstream.probe.run,
        parts.notify.run,
        parts.canary.run,
        Reporter(parts.health.errors, over(parts.nats)).run,
    )
    return [
        *parts.lanes.start(tasks),
        *parts.log.start(tasks),
        *parts.chores.start(tasks),
        *(tasks.create_task(run()) for run in runs),
    ]


def _watched(parts: Parts) -> None:
    """Add the checks and figures of the health report."""
    health = parts.health
    health.checks["bus"] = parts.nats.check
    health.checks["subscriptions"] = parts.nats.subscriptions
    health.checks["persistence"] = parts.upstream.check
    health.checks["notify"] = parts.notify.check
    health.checks["canary"] = parts.canary.check
    health.figures["canary_ms"] = lambda: parts.canary.took_ms
    health.figures["sockets"] = parts.hub.sockets
    health.figures["commands_waiting"] = parts.lanes.waiting
    health.figures["users"] = parts.hub.users
    health.figures["log_waiting"] = parts.backlog.count
    health.whole = parts.whole.report
    health.drain = partial(_drain, parts)


def _application(parts: Parts, hosts: Hosts) -> ASGIApp:
    settings, health = parts.settings, parts.health
    endpoints = contract.counted(_endpoints(parts), health.counters.add)
    health_routes = health.routes(contract.insiders(settings, parts.rates))
    socket_routes = [WebSocketRoute(path, parts.sockets) for path in ("/ws", CHAT, NOTIFICATIONS)]
    record = partial(parts.lanes.call, kind=Done)
    routes: list[BaseRoute] = [
        *socket_routes,
        *contract.bind(endpoints, parts.auth, parts.rates, settings, record),
        *health_routes,
        *page.routes(settings),
    ]
    start.check(health, routes, settings)
    listed = [route for route in routes if isinstance(route, Route)]
    app = Starlette(
        routes=[Table(listed), *(route for route in routes if not isinstance(route, Route))],
        middleware=contract.shared_with(settings.allowed_origins),
        exception_handlers={
            LinkupError: problems(parts.refusals),
            HTTPException: partial(_unmatched, listed),
            Exception: _unexpected,
        },
    )
    probes = [one.path for one in health_routes if one.path != "/metrics"]
    return KnownHosts(Dispatch(app, socket_routes), hosts, parts.refusals, probes)


def _endpoints(parts: Parts) -> Endpoints:
    """Return each endpoint by its name in the route table."""
    settings, log, lanes, people = parts.settings, parts.log, parts.lanes, parts.people
    uploads = Uploads(lanes, parts.objects, limits_of(settings))
    links = SharedLinks(log, settings.attachment_link_for)
    return {
        **Messages(lanes, log, parts.hub, people).endpoints(),
        **Conversations(lanes, log, people).endpoints(),
        **Members(lanes, log).endpoints(),
        **Blocks(lanes, log).endpoints(),
        **Reports(lanes, people).endpoints(),
        **Progress(log).endpoints(),
        **Sync(log).endpoints(),
        **Search(log).endpoints(),
        **Users(log, parts.presence).endpoints(),
        **TicketOffice(parts.tickets, people).endpoints(),
        **Access(lanes).endpoints(),
        **Revisions(lanes, parts.sweep.wake).endpoints(),
        **Push(parts.notices).endpoints(),
        **Attachments(log, people, uploads, parts.objects, links).endpoints(),
        **DevLogin(parts.auth, people).endpoints(),
        **ErrorRecords(log).endpoints(),
        **Traces(log).endpoints(),
        **AuditLog(log).endpoints(),
        **Reported(log).endpoints(),
        **Notifications(parts.notices).endpoints(),
        **Profiles(lanes, log).endpoints(),
        **Contacts(lanes, log).endpoints(),
        **Host(parts.notices, parts.whole.report).endpoints(),
        **HostWebhooks(parts.notices).endpoints(),
        **Exports(log, parts.notices, links).endpoints(),
        **UserErasure(lanes, log, parts.notices, parts.sweep.wake).endpoints(),
        **Unsubscribing(parts.notices).endpoints(),
        **contract.documents(),
    }


async def _compare_after(reconnected: asyncio.Event, parts: Parts) -> None:
    while True:
        await reconnected.wait()
        reconnected.clear()
        parts.presence.ask_all()
        await parts.hub.compare_all()


async def _drain(parts: Parts) -> None:
    """Tell everyone to come back, answer what they sent before, close, write who was here."""
    parts.sockets.draining = True
    parts.hub.retire(RESTARTING)
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_TIMEOUT):
            if parts.moderator is not None:
                await parts.moderator.settled()
            await parts.lanes.settled()
    await parts.hub.dismiss(CLOSE_TIMEOUT)
    await parts.announcer.flush()


async def _unmatched(listed: Sequence[Route], request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code != 405:
        return problem_response(NotFound("There is no such route"))
    methods = contract.methods(listed, request)
    response = problem_response(InvalidRequest(f"This path takes only {methods}"), 405)
    response.headers["allow"] = methods
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer that the server failed. The traceback is in the log; nothing of it leaves."""
    unexpected(error, "a request failed")
    return problem_response(Internal("The server failed unexpectedly"))
