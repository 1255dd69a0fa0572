"""Owns the routes with which a host app makes users known and notifies them, and the dashboard."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address

from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.notifications import known_zone
from services.gateway.api.request import as_json, body, user_id
from services.gateway.auth.claims import REMOVED
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.notices import Notices
from services.gateway.upstream.queries import Log
from shared import api, clock, frames
from shared.commands import (
    Announce,
    AnnounceAnswer,
    Announced,
    Done,
    NotifyStats,
    NotifyStatsAnswer,
    Profile,
    PutUser,
)
from shared.errors import InvalidRequest, LinkupError
from shared.report import HealthAnswer
from shared.reserved import is_reserved


@dataclass(slots=True, frozen=True)
class Host:
    """`report` examines the health of all services."""

    lanes: Lanes
    log: Log
    notices: Notices
    report: Callable[[], Awaitable[HealthAnswer]]

    def endpoints(self) -> Endpoints:
        return {
            "PUT /v1/admin/users/{user_id}": self.put_user,
            "POST /v1/admin/notifications": self.announce,
            "GET /v1/admin/dashboard": self.dashboard,
        }

    async def put_user(self, request: Request) -> Response:
        """The profile is read back: a token of this user may have changed it as well."""
        named = user_id(request)
        if is_reserved(named):
            raise InvalidRequest("`user_id`: ids that begin with `linkup--` are reserved")
        asked = await body(request, api.ProfileRequest)
        _check_address(asked.email)
        known_zone(asked.tz, "tz")
        await self.lanes.call(_put(named, asked), Done)
        stored = (await self.log.join(named)).profile or Profile(user_id=named)
        return as_json(api.encode(_profile(stored)))

    async def announce(self, request: Request) -> Response:
        asked = await body(request, api.AnnounceRequest)
        done = await self.notices.ask(_announce(asked), AnnounceAnswer)
        answer = api.AnnounceAnswer(
            results=[_result(one) for one in done.results], duplicate=done.duplicate
        )
        return as_json(api.encode(answer), 200 if done.duplicate else 201)

    async def dashboard(self, request: Request) -> Response:
        health = await self.report()
        answer = api.DashboardAnswer(
            at=frames.time_of(clock.now()),
            users_online=int(health.figures.get("users", 0)),
            sockets=int(health.figures.get("sockets", 0)),
            health_score=health.health_score,
            status=health.status,
            services={name: _health(one) for name, one in health.services.items()},
            notifications=await self._stats(),
        )
        return as_json(api.encode(answer))

    async def _stats(self) -> api.NotificationStats | None:
        try:
            found = await self.notices.ask(NotifyStats(), NotifyStatsAnswer)
        except LinkupError:
            return None  # the health of notify says why
        return api.NotificationStats(
            items=found.items,
            unread=found.unread,
            deliveries=found.deliveries,
            reasons=found.reasons,
            subscriptions=found.subscriptions,
            suppressed_addresses=found.suppressed_addresses,
        )


def _put(named: str, asked: api.ProfileRequest) -> PutUser:
    return PutUser(
        user_id=named,
        name=_said(asked.name),
        email=_said(asked.email),
        time_zone=_said(asked.tz),
        locale=_said(asked.locale),
        avatar=_said(asked.avatar),
    )


def _said(value: str | UnsetType | None) -> str | None:
    """As the store takes it: None keeps what is known, and an empty text removes it."""
    if value is None:
        return REMOVED
    return None if value is UNSET else value


def _check_address(email: str | UnsetType | None) -> None:
    """Raises InvalidRequest for what no e-mail can be sent to."""
    if not email:
        return
    try:
        Address(addr_spec=email)
    except (HeaderParseError, ValueError, IndexError):
        raise InvalidRequest("`email` is not an e-mail address") from None


def _profile(stored: Profile) -> api.ProfileAnswer:
    return api.ProfileAnswer(
        user_id=stored.user_id,
        name=stored.name,
        email=stored.email,
        tz=stored.time_zone,
        locale=stored.locale,
        avatar=stored.avatar,
    )


def _announce(asked: api.AnnounceRequest) -> Announce:
    return Announce(
        idempotency_key=asked.idempotency_key,
        user_ids=asked.user_ids or [asked.user_id or ""],
        notification_type=asked.notification_type,
        priority=asked.priority,
        title=asked.title,
        body=asked.body,
        sender_id=asked.sender_id or "",
        action_url=asked.action_url or "",
        group_key=asked.group_key or "",
    )


def _result(one: Announced) -> api.AnnounceResult:
    return api.AnnounceResult(
        user_id=one.user_id,
        outcome=one.outcome,
        notification_id=one.notification_id or UNSET,
    )


def _health(one: HealthAnswer) -> api.ServiceHealth:
    return api.ServiceHealth(health_score=one.health_score, status=one.status)
