"""Owns the operator's route about the way of a message."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import message_id
from services.gateway.api.response import as_json
from services.gateway.contract import Endpoints
from services.gateway.upstream.queries import Log
from shared.commands import NotificationTrace, NotificationTraceAnswer, Trace, TraceAnswer
from shared.trace import trace


@dataclass(slots=True, frozen=True)
class Traces:
    log: Log

    def endpoints(self) -> Endpoints:
        return {"GET /v1/admin/messages/{message_id}/timeline": self.timeline}

    async def timeline(self, request: Request) -> Response:
        found = await self.log.ask(Trace(message_id=message_id(request)), TraceAnswer)
        asked = NotificationTrace(
            conversation_id=found.conversation_id, seq=found.seq, user_ids=found.user_ids
        )
        kept = await self.log.notified(asked, NotificationTraceAnswer)
        known = None if kept is None else kept.notifications
        return as_json(trace(found, known))
