"""Owns the route with which a host app notifies users, and the dashboard."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body
from services.gateway.api.response import as_json
from services.gateway.contract import Endpoints, concerns
from services.gateway.upstream.notices import Notices
from shared import api, clock, frames
from shared.commands import (
    Announce,
    AnnounceAnswer,
    Announced,
    NotifyStats,
    NotifyStatsAnswer,
)
from shared.errors import LinkupError
from shared.health.report import HealthAnswer


@dataclass(slots=True, frozen=True)
class Host:
    """The routes of the host app about notifications and health. `report` examines the health of
    all services."""

    notices: Notices
    report: Callable[[], Awaitable[HealthAnswer]]

    def endpoints(self) -> Endpoints:
        return {
            "POST /v1/admin/notifications": self.announce,
            "GET /v1/admin/dashboard": self.dashboard,
        }

    async def announce(self, request: Request) -> Response:
        asked = await body(request, api.AnnounceRequest)
        command = _announce(asked)
        concerns(request, *command.user_ids)
        done = await self.notices.ask(command, AnnounceAnswer)
        answer = api.AnnounceAnswer(
            results=[_result(one) for one in done.results], duplicate=done.duplicate
        )
        return as_json(answer, 200 if done.duplicate else 201)

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
        return as_json(answer)

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
