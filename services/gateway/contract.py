"""Owns the way from the table of routes to what is served: endpoints by `METHOD /path`."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.api.request import authenticated, only
from services.gateway.auth import Authenticator
from shared import contract, routes
from shared.settings import Settings

Endpoint = Callable[..., Awaitable[Response]]
Endpoints = Mapping[str, Endpoint]


def bind(endpoints: Endpoints, auth: Authenticator, settings: Settings) -> list[Route]:
    """A route for each line of the table that has an endpoint; what has none is found at start.

    An endpoint takes the request and, on a route with `auth`, the identity behind it.
    """
    return [
        Route(route.path, _guarded(route, endpoints[route.name], auth), methods=[route.method])
        for route in routes.ROUTES
        if route.name in endpoints and is_on(route, settings)
    ]


def is_on(route: routes.Route, settings: Settings) -> bool:
    return not route.only_with or bool(getattr(settings, route.only_with))


def _guarded(route: routes.Route, endpoint: Endpoint, auth: Authenticator) -> Endpoint:
    """Who asks is known first, then that the query holds nothing the table does not name."""
    names = [parameter.name for parameter in route.query]

    async def listed(request: Request, *identity: object) -> Response:
        only(request, *names)
        return await endpoint(request, *identity)

    return authenticated(auth, listed) if route.auth == "bearer" else listed


def documents() -> Endpoints:
    """The contract itself, as generated: it does not change while the process runs."""
    texts = contract.documents()
    return {
        "GET /openapi.json": _served(texts[contract.OPENAPI]),
        "GET /asyncapi.json": _served(texts[contract.ASYNCAPI]),
    }


def _served(text: bytes) -> Endpoint:
    async def answer(request: Request) -> Response:
        return Response(text, media_type="application/json", headers={"cache-control": "no-cache"})

    return answer
