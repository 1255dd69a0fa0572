"""Owns the routes about other users."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import converted, page_size, user_id
from services.gateway.api.response import as_json, as_read
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.presence.presence import Presence
from services.gateway.upstream.queries import Log
from shared import api
from shared.commands import FindUsers, ReadUser, Snapshot
from shared.frames import UserMark, Words


@dataclass(slots=True, frozen=True)
class Users:
    log: Log
    presence: Presence

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/users": self.find,
            "GET /v1/users/{user_id}": self.one,
            "GET /v1/users/{user_id}/status": self.status,
        }

    async def find(self, request: Request, identity: Identity) -> Response:
        asked = FindUsers(
            user_id=identity.user_id,
            q=converted(request.query_params.get("q"), Words, "`q`"),
            after=converted(request.query_params.get("after"), UserMark | None, "`after`") or "",
            limit=page_size(request),
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def one(self, request: Request, identity: Identity) -> Response:
        asked = ReadUser(user_id=identity.user_id, other_id=user_id(request))
        return as_read(await self.log.ask(asked, Snapshot))

    async def status(self, request: Request, identity: Identity) -> Response:
        now = await self.presence.status(identity.user_id, user_id(request))
        status = api.UserStatus(
            user_id=now.user_id, is_online=now.is_online, last_seen=now.last_seen
        )
        return as_json(status)
