"""Owns the routes with which a host app registers webhooks and replays their events."""

from dataclasses import dataclass

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, named, page_size
from services.gateway.api.response import as_json, no_content
from services.gateway.contract import Endpoints
from services.gateway.upstream.notices import Notices
from shared import api, frames
from shared.commands import (
    DeadEvent,
    DeadEvents,
    DeadEventsAnswer,
    DeleteWebhook,
    DeleteWebhookAnswer,
    PutWebhook,
    PutWebhookAnswer,
    ReplayEvents,
    ReplayEventsAnswer,
    Webhook,
    Webhooks,
    WebhooksAnswer,
)

ONE = "/v1/admin/webhooks/{webhook_id}"


@dataclass(slots=True, frozen=True)
class HostWebhooks:
    notices: Notices

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/admin/webhooks": self.list,
            f"GET {ONE}": self.show,
            f"PUT {ONE}": self.put,
            f"DELETE {ONE}": self.delete,
            f"GET {ONE}/dead-letters": self.dead,
            f"POST {ONE}/replay": self.replay,
        }

    async def list(self, request: Request) -> Response:
        found = await self.notices.ask(Webhooks(), WebhooksAnswer)
        return as_json(api.WebhooksAnswer(webhooks=[*map(_shown, found.webhooks)]))

    async def show(self, request: Request) -> Response:
        asked = Webhooks(webhook_id=_named(request))
        [found] = (await self.notices.ask(asked, WebhooksAnswer)).webhooks
        return as_json(_shown(found))

    async def put(self, request: Request) -> Response:
        named = _named(request)
        asked = await body(request, api.WebhookRequest)
        change = PutWebhook(
            webhook_id=named,
            url=asked.url,
            events=list(dict.fromkeys(asked.events)),
            enabled=asked.enabled,
            secret=asked.secret or "",
        )
        done = await self.notices.ask(change, PutWebhookAnswer)
        shown = _shown(done.webhook, done.secret)
        return as_json(shown, 201 if done.created else 200)

    async def delete(self, request: Request) -> Response:
        asked = DeleteWebhook(webhook_id=_named(request))
        await self.notices.ask(asked, DeleteWebhookAnswer)
        return no_content()

    async def dead(self, request: Request) -> Response:
        asked = DeadEvents(webhook_id=_named(request), limit=page_size(request))
        found = await self.notices.ask(asked, DeadEventsAnswer)
        return as_json(api.DeadLettersAnswer(events=[*map(_letter, found.events)]))

    async def replay(self, request: Request) -> Response:
        wanted = (await body(request, api.ReplayRequest)).event_ids or []
        asked = ReplayEvents(webhook_id=_named(request), event_ids=wanted)
        done = await self.notices.ask(asked, ReplayEventsAnswer)
        return as_json(api.ReplayAnswer(count=done.count))


def _named(request: Request) -> str:
    """Return the webhook named in the path. Raises InvalidRequest."""
    return named(request, "webhook_id", frames.WebhookId)


def _shown(one: Webhook, secret: str = "") -> api.WebhookAnswer:
    return api.WebhookAnswer(
        webhook_id=one.webhook_id,
        url=one.url,
        events=one.events,
        enabled=not one.off,
        off=one.off or None,
        created_at=frames.time_of(one.created_at),
        updated_at=frames.time_of(one.updated_at),
        delivered=one.delivered,
        waiting=one.waiting,
        dead=one.dead,
        breaker=one.breaker,
        reason=one.reason or None,
        secret=secret or UNSET,
    )


def _letter(one: DeadEvent) -> api.DeadLetter:
    return api.DeadLetter(
        event_id=one.event_id,
        type=one.event_type,
        conversation_id=one.conversation_id or UNSET,
        attempts=one.attempts,
        reason=one.reason,
        created_at=frames.time_of(one.created_at),
        given_up_at=frames.time_of(one.closed_at),
    )
