"""Owns the operator's routes about the reports of users."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, given, microseconds, named, page_size
from services.gateway.api.response import as_read
from services.gateway.contract import Endpoints
from services.gateway.upstream.queries import Log
from shared import api
from shared.commands import OneReport, ReportPage, ResolveReport, Snapshot
from shared.frames import ReportId, UserId


@dataclass(slots=True, frozen=True)
class Reported:
    log: Log

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/admin/reports": self.page,
            "GET /v1/admin/reports/{report_id}": self.show,
            "POST /v1/admin/reports/{report_id}/resolve": self.resolve,
        }

    async def page(self, request: Request) -> Response:
        asked = ReportPage(
            user_id=given(request, "user_id", UserId),
            resolved=given(request, "resolved", bool, strict=False),
            since=given(request, "since", api.Since, microseconds) or 0,
            before=given(request, "before", api.ReportMark, _place),
            limit=page_size(request),
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def show(self, request: Request) -> Response:
        return as_read(await self.log.ask(OneReport(report_id=_report_id(request)), Snapshot))

    async def resolve(self, request: Request) -> Response:
        notes = (await body(request, api.ResolveRequest)).notes
        asked = ResolveReport(report_id=_report_id(request), notes=notes)
        return as_read(await self.log.request(asked, Snapshot))


def _report_id(request: Request) -> str:
    return named(request, "report_id", ReportId)


def _place(mark: str) -> tuple[int, str]:
    at, _, report_id = mark.partition("-")
    return int(at), report_id
