"""Owns the routes of web push."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body
from services.gateway.api.response import as_json, no_content
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.notices import Notices
from shared import api
from shared.commands import PushAnswer, PushKey, PushKeyAnswer, PushSubscribe, PushUnsubscribe


@dataclass(slots=True, frozen=True)
class Push:
    notices: Notices

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/push-key": self.key,
            "POST /v1/push-subscriptions": self.subscribe,
            "DELETE /v1/push-subscriptions": self.unsubscribe,
        }

    async def key(self, request: Request, identity: Identity) -> Response:
        found = await self.notices.ask(PushKey(), PushKeyAnswer)
        return as_json(api.PushKeyView(public_key=found.public_key))

    async def subscribe(self, request: Request, identity: Identity) -> Response:
        asked = await body(request, api.PushSubscribeRequest)
        command = PushSubscribe(
            user_id=identity.user_id,
            endpoint=asked.endpoint,
            p256dh=asked.keys.p256dh,
            auth=asked.keys.auth,
        )
        await self.notices.ask(command, PushAnswer)
        return no_content()

    async def unsubscribe(self, request: Request, identity: Identity) -> Response:
        asked = await body(request, api.PushUnsubscribeRequest)
        command = PushUnsubscribe(user_id=identity.user_id, endpoint=asked.endpoint)
        await self.notices.ask(command, PushAnswer)
        return no_content()
