"""Owns the routes about other users."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import as_json, converted
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.presence.presence import Presence
from shared import api
from shared.frames import UserId


@dataclass(slots=True, frozen=True)
class Users:
    presence: Presence

    def endpoints(self) -> Endpoints:
        return {"GET /v1/users/{user_id}/status": self.status}

    async def status(self, request: Request, identity: Identity) -> Response:
        user_id = converted(request.path_params["user_id"], UserId, "user id")
        now = await self.presence.status(identity.user_id, user_id)
        status = api.UserStatus(
            user_id=now.user_id, is_online=now.is_online, last_seen=now.last_seen
        )
        return as_json(api.encode(status))
