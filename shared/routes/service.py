"""Owns the table of the routes of the gateway itself: signing in, health and documents."""

from typing import Any

from shared import api
from shared.errors import NotFound
from shared.health.endpoints import BareAnswer, LiveAnswer, ReadyAnswer
from shared.route import HEALTH, Answer, Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/tickets",
        limit="other",
        summary="Get a ticket that opens one WebSocket within 30 seconds in place of the token.",
        answers=(
            Answer(
                201,
                api.TicketAnswer,
                "The ticket. Its WebSocket closes when the token of this request expires, unless a "
                "`refresh` frame replaces the token.",
            ),
        ),
    ),
    Route(
        method="POST",
        path="/v1/dev/login",
        limit="auth",
        summary="Get a token for any user. For demos only.",
        body=api.LoginRequest,
        answers=(Answer(200, api.LoginAnswer, "The token."),),
        auth="none",
        only_with="dev_login",
    ),
    Route(
        method="GET",
        path="/unsubscribe/{token}",
        limit="other",
        summary="Show the page behind the unsubscribe link of an e-mail. It changes nothing.",
        answers=(Answer(200, str, "The page, with a button that sends the `POST`.", "text/html"),),
        auth="signature",
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/unsubscribe/{token}",
        limit="other",
        summary="End the e-mails that the token names (RFC 8058). A repeat changes nothing.",
        rule="The body is ignored; mail clients send `List-Unsubscribe=One-Click`.",
        answers=(Answer(200, str, "The e-mails have ended.", "text/html"),),
        auth="signature",
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/livez",
        limit=None,
        summary="Report that the process is running.",
        answers=(Answer(200, LiveAnswer, "The process is running.", HEALTH),),
        auth="none",
    ),
    Route(
        method="GET",
        path="/readyz",
        limit=None,
        summary="Report whether the gateway can serve requests.",
        answers=(
            Answer(200, ReadyAnswer, "The gateway is ready.", HEALTH),
            Answer(
                503,
                ReadyAnswer,
                "The gateway is not ready. `output` tells operators the reason.",
                HEALTH,
            ),
        ),
        auth="none",
    ),
    Route(
        method="GET",
        path="/health",
        limit=None,
        summary="Report the status. Operators also get the health score of every service, the "
        "causes that lower it, and recommendations.",
        answers=(
            Answer(200, BareAnswer, "The gateway is ready."),
            Answer(503, BareAnswer, "The gateway is not ready."),
        ),
        auth="none",
    ),
    Route(
        method="GET",
        path="/openapi.json",
        limit="other",
        summary="Get this document (OpenAPI 3.1).",
        answers=(Answer(200, dict[str, Any], "The OpenAPI document."),),
        auth="none",
    ),
    Route(
        method="GET",
        path="/asyncapi.json",
        limit="other",
        summary="Get the description of the WebSocket frames (AsyncAPI 3.0).",
        answers=(Answer(200, dict[str, Any], "The AsyncAPI document."),),
        auth="none",
    ),
)
