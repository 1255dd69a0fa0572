"""Owns the routes of blocks."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import after, body, converted, page_size, user_id
from services.gateway.api.response import as_read, no_content
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.queries import Log
from shared import api, commands
from shared.commands import Done, SetBlock, Snapshot
from shared.frames import UserId
from shared.subjects import direct_conversation_id


@dataclass(slots=True, frozen=True)
class Blocks:
    lanes: Lanes
    log: Log

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/blocks": self.page,
            "POST /v1/blocks": self.block,
            "DELETE /v1/blocks/{user_id}": self.unblock,
        }

    async def page(self, request: Request, identity: Identity) -> Response:
        other = request.query_params.get("user_id")
        asked = commands.Blocks(
            user_id=identity.user_id,
            other_id=None if other is None else converted(other, UserId, "`user_id`"),
            after=after(request),
            limit=page_size(request),
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def block(self, request: Request, identity: Identity) -> Response:
        asked = await body(request, api.BlockRequest)
        return await self._set(identity, asked.user_id, blocked=True)

    async def unblock(self, request: Request, identity: Identity) -> Response:
        return await self._set(identity, user_id(request), blocked=False)

    async def _set(self, identity: Identity, other_id: str, *, blocked: bool) -> Response:
        command = SetBlock(
            user_id=identity.user_id,
            conversation_id=direct_conversation_id(identity.user_id, other_id),
            other_id=other_id,
            blocked=blocked,
        )
        await self.lanes.call(command, Done)
        return no_content()
