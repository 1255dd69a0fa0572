"""Owns the route of reports about users and messages."""

from dataclasses import dataclass

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body
from services.gateway.api.response import as_json
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.profiles import People
from shared import api, frames
from shared.commands import Filed, FileReport
from shared.subjects import report_id


@dataclass(slots=True, frozen=True)
class Reports:
    lanes: Lanes
    people: People

    def endpoints(self) -> Endpoints:
        return {"POST /v1/reports": self.file}

    async def file(self, request: Request, identity: Identity) -> Response:
        asked = await body(request, api.ReportRequest)
        await self.people.know(identity)
        comment = "" if asked.comment is UNSET else asked.comment
        command = FileReport(
            user_id=identity.user_id,
            report_id=report_id(identity.user_id, asked.client_id),
            other_id=asked.user_id,
            message_id=asked.message_id,
            reason=asked.reason,
            comment=comment,
        )
        filed = await self.lanes.call(command, Filed)
        answer = api.ReportAnswer(
            report_id=command.report_id,
            created_at=frames.time_of(filed.created_at),
            duplicate=filed.duplicate,
        )
        return as_json(answer, 200 if filed.duplicate else 201)
