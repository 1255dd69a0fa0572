"""Owns the routes that tell a sender how far a message of theirs has come."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import as_json, converted, integer, message_id
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.log import Log
from shared import api
from shared.commands import Receipts
from shared.frames import UserId


@dataclass(slots=True, frozen=True)
class Progress:
    log: Log

    def endpoints(self) -> Endpoints:
        return {"GET /v1/messages/{message_id}/receipts": self.receipts}

    async def receipts(self, request: Request, identity: Identity) -> Response:
        after = request.query_params.get("after")
        asked = Receipts(
            user_id=identity.user_id,
            message_id=message_id(request),
            after="" if after is None else converted(after, UserId, "`after`"),
            limit=integer(request, "limit", most=100) or api.DEFAULT_LIMIT,
        )
        return as_json(await self.log.receipts(asked))
