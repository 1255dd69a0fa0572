"""Owns the answers over HTTP: JSON, nothing, or a problem, in the same form for every route."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.api.request import MAX_BODY, announced
from services.gateway.socket.refusals import Refusals
from shared import api
from shared.commands import Snapshot
from shared.errors import LinkupError

LINGER = 2.0  # seconds that a body is thrown away for, which nobody wants


def as_json(answer: Struct, status: int = 200) -> Response:
    return Response(api.encode(answer), status, media_type="application/json")


def as_read(snapshot: Snapshot, status: int = 200) -> Response:
    """Return the answer of the log, which is JSON already."""
    return Response(snapshot.body, status, media_type="application/json")


def no_content() -> Response:
    return Response(status_code=204)


def problems(refusals: Refusals) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers a LinkupError as application/problem+json (RFC 9457)."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, LinkupError)
        refusals.of_request(request.scope, error)
        return closing(request.headers, problem_response(error))

    return answer


class _Closing(Response):
    """Answers before the body was read, and closes.

    What comes meanwhile is thrown away for a moment: the answer would be lost to a client that
    still sends, if the connection ended with its bytes unread (RFC 9112, 9.6).
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": [*self.raw_headers, (b"connection", b"close")],
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b""})


def closing(headers: Headers, response: Response) -> Response:
    """Return the response; close the connection if the rest of the request is too long."""
    if announced(headers) <= MAX_BODY and "transfer-encoding" not in headers:
        return response
    return _Closing(response.body, response.status_code, dict(response.headers))


def problem_response(error: LinkupError, status: int | None = None) -> Response:
    """Return the answer to an error. `status`: where HTTP has a finer one than the error, such as
    405."""
    problem = api.problem_of(error, status)
    headers = {}
    if error.temporary:
        headers["retry-after"] = str(max(1, math.ceil((error.retry_after_ms or 1000) / 1000)))
    if problem.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(api.encode(problem), problem.status, headers, media_type=api.MEDIA_TYPE)
