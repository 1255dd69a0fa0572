"""Owns the operator's routes about the errors of all services."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, given, microseconds, named, page_size
from services.gateway.api.response import as_json
from services.gateway.contract import Endpoints
from services.gateway.upstream.queries import Log
from shared import api
from shared.commands import ErrorPage, ErrorPageAnswer, ErrorPlace, ResolveError
from shared.health.taxonomy import Category, ErrorId, Severity


@dataclass(slots=True, frozen=True)
class ErrorRecords:
    log: Log

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/admin/errors": self.page,
            "POST /v1/admin/errors/{error_id}/resolve": self.resolve,
        }

    async def page(self, request: Request) -> Response:
        asked = ErrorPage(
            category=given(request, "category", Category),
            severity=given(request, "severity", Severity),
            service=given(request, "service", api.ServiceName),
            resolved=given(request, "resolved", bool, strict=False),
            since=given(request, "since", api.Since, microseconds) or 0,
            before=given(request, "before", api.ErrorMark, _place),
            limit=page_size(request),
        )
        found = await self.log.ask(asked, ErrorPageAnswer)
        last = found.records[-1] if found.has_more else None
        answer = api.ErrorsAnswer(
            errors=[api.error_record(one) for one in found.records],
            next=f"{last.occurred_at}-{last.id}" if last else None,
        )
        return as_json(answer)

    async def resolve(self, request: Request) -> Response:
        error_id = named(request, "error_id", ErrorId)
        notes = (await body(request, api.ResolveRequest)).notes
        asked = ResolveError(error_id=error_id, notes=notes)
        [found] = (await self.log.request(asked, ErrorPageAnswer)).records
        return as_json(api.error_record(found))


def _place(mark: str) -> ErrorPlace:
    occurred_at, _, error_id = mark.partition("-")
    return ErrorPlace(int(occurred_at), error_id)
