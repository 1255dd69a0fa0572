"""Owns the route of full-text search."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import converted, integer, page_size
from services.gateway.api.response import as_read
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.queries import Log
from shared import commands
from shared.commands import Snapshot
from shared.frames import ConversationId, Words


@dataclass(slots=True, frozen=True)
class Search:
    log: Log

    def endpoints(self) -> Endpoints:
        return {"GET /v1/search": self.search}

    async def search(self, request: Request, identity: Identity) -> Response:
        conversation_id = request.query_params.get("conversation_id")
        asked = commands.Search(
            user_id=identity.user_id,
            q=converted(request.query_params.get("q"), Words, "`q`"),
            conversation_id=converted(conversation_id, ConversationId | None, "`conversation_id`"),
            before=integer(request, "before"),
            limit=page_size(request),
        )
        return as_read(await self.log.ask(asked, Snapshot))
