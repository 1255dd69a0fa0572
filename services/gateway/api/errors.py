"""Owns the operator's routes about the errors of all services."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import as_json, body, converted, page_size
from services.gateway.contract import Endpoints
from services.gateway.upstream.queries import TIMEOUT, Log
from shared import api, commands, frames, subjects
from shared.bus import Bus
from shared.clock import SECOND
from shared.commands import ErrorPage, ErrorPageAnswer, ErrorPlace, ResolveError, name_of
from shared.errors import InvalidRequest
from shared.taxonomy import Category, ErrorId, Severity


@dataclass(slots=True, frozen=True)
class ErrorRecords:
    log: Log
    bus: Bus

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/admin/errors": self.page,
            "POST /v1/admin/errors/{error_id}/resolve": self.resolve,
        }

    async def page(self, request: Request) -> Response:
        asked = ErrorPage(
            category=_given(request, "category", Category),
            severity=_given(request, "severity", Severity),
            service=_given(request, "service", api.ServiceName),
            resolved=_given(request, "resolved", bool, strict=False),
            since=_given(request, "since", api.Since, _microseconds) or 0,
            before=_given(request, "before", api.ErrorMark, _place),
            limit=page_size(request),
        )
        found = await self.log.ask(asked, ErrorPageAnswer)
        last = found.records[-1] if found.has_more else None
        answer = api.ErrorsAnswer(
            errors=[api.error_record(one) for one in found.records],
            next=f"{last.occurred_at}-{last.id}" if last else None,
        )
        return as_json(api.encode(answer))

    async def resolve(self, request: Request) -> Response:
        error_id = str(converted(request.path_params["error_id"], ErrorId, "error id"))
        notes = (await body(request, api.ResolveRequest)).notes
        asked = ResolveError(error_id=error_id, notes=notes)
        subject = subjects.query(name_of(asked))
        reply = await self.bus.request(subject, commands.encode(asked), TIMEOUT)
        [found] = commands.open_answer(reply, ErrorPageAnswer).records
        return as_json(api.encode(api.error_record(found)))


def _given(
    request: Request,
    name: str,
    kind: Any,
    made: Callable[[Any], Any] = lambda value: value,
    *,
    strict: bool = True,
) -> Any:
    """A query parameter as what is `made` of it, or None without it. Raises InvalidRequest."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return made(msgspec.convert(text, kind, strict=strict))
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"`{name}`: {frames.fault(error)}") from None


def _microseconds(time: datetime) -> int:
    return int(time.timestamp() * SECOND)


def _place(mark: str) -> ErrorPlace:
    occurred_at, _, error_id = mark.partition("-")
    return ErrorPlace(int(occurred_at), error_id)
