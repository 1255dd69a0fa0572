"""Owns the operator's route of the audit log."""

from dataclasses import dataclass

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import given, integer, microseconds, page_size
from services.gateway.api.response import as_json
from services.gateway.contract import Endpoints
from services.gateway.upstream.queries import Log
from shared import api, commands, frames
from shared.commands import AuditLogPage


@dataclass(slots=True, frozen=True)
class AuditLog:
    log: Log

    def endpoints(self) -> Endpoints:
        return {"GET /v1/admin/audit": self.page}

    async def page(self, request: Request) -> Response:
        asked = AuditLogPage(
            key=given(request, "key", frames.KeyName),
            target=given(request, "target", str),
            since=given(request, "since", api.Since, microseconds) or 0,
            before=integer(request, "before"),
            limit=page_size(request),
        )
        found = await self.log.ask(asked, commands.AuditLogAnswer)
        answer = api.AuditLogAnswer(
            entries=[_shown(one) for one in found.entries],
            next=found.entries[-1].entry_id if found.has_more else None,
        )
        return as_json(answer)


def _shown(one: commands.AuditLogEntry) -> api.AuditLogEntry:
    return api.AuditLogEntry(**{**asdict(one), "at": frames.time_of(one.at)})
