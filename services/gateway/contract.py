"""Owns the binding of endpoints to the table of routes, by `METHOD /path`."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from services.gateway.auth import Authenticator, Identity, bearer
from services.gateway.auth.api_keys import ApiKeys, check_scope
from services.gateway.rates import Rates, address, user
from services.gateway.socket.refusals import USER
from shared import contract, routes
from shared.commands import RecordChange
from shared.errors import Internal, InvalidRequest, LinkupError, Unauthorized
from shared.health.insiders import Admits, is_local
from shared.route import Route as Listed
from shared.settings import Settings

# The routes that clients without a socket use instead of it.
FALLBACKS = {"POST /v1/messages": "http_send", "GET /v1/sync": "http_sync"}

TARGET = "linkup.target"  # in the scope of a request with a key
LONGEST_TARGET = 8192  # characters, of all ids together

Recorder = Callable[[RecordChange], Awaitable[object]]
Endpoint = Callable[..., Awaitable[Response]]
Endpoints = Mapping[str, Endpoint]


def bind(
    endpoints: Endpoints,
    auth: Authenticator,
    rates: Rates,
    settings: Settings,
    record: Recorder,
) -> list[Route]:
    """Return a route for each line of the table that has an endpoint; what has none is found at
    start.

    An endpoint takes the request and, on a route with `auth`, the identity behind it. `record`
    stores an entry of the audit log.
    """
    keys = ApiKeys(settings, rates)

    def guarded(route: Listed) -> Endpoint:
        endpoint = _listed(route, endpoints[route.name], rates)
        match route.auth:
            case "bearer":
                return authenticated(auth, endpoint)
            case "operator":
                return _administered(route, endpoint, keys, record)
            case _:
                return endpoint

    return [
        Route(route.path, guarded(route), methods=[route.method])
        for route in routes.ROUTES
        if route.name in endpoints and is_on(route, settings)
    ]


def insiders(settings: Settings, rates: Rates) -> Admits:
    """Return the rule for who is told the details of health and metrics: this machine, and the
    operator's key from anywhere."""
    keys = ApiKeys(settings, rates)

    def admits(scope: Scope) -> bool:
        if is_local(scope):
            return True
        request = Request(scope)
        key = bearer(request.headers.get("authorization"))
        if key is None or not settings.admin_key:
            return False
        return keys.identify(key, "admin", _who(request)) == "admin"

    return admits


def counted(endpoints: Endpoints, count: Callable[[str], None]) -> Endpoints:
    """Return the same endpoints; those that take the place of a socket are counted."""

    def counting(endpoint: Endpoint, channel: str) -> Endpoint:
        async def answer(request: Request, identity: Identity) -> Response:
            count(f"fallbacks.{channel}")
            return await endpoint(request, identity)

        return answer

    return {
        **endpoints,
        **{name: counting(endpoints[name], channel) for name, channel in FALLBACKS.items()},
    }


def is_on(route: Listed, settings: Settings) -> bool:
    switches = route.switches
    return not switches or any(getattr(settings, switch) for switch in switches)


def _listed(route: Listed, endpoint: Endpoint, rates: Rates) -> Endpoint:
    """Return the endpoint behind the checks of the rate and of the names of the parameters. The
    requests of a key were counted when it was checked."""
    names = [parameter.name for parameter in route.query]

    async def answer(request: Request, *identity: Identity) -> Response:
        if route.limit and not route.keys:
            rates.spend(route.limit, _who(request, *identity))
        only(request, *names)
        return await endpoint(request, *identity)

    return answer


def _administered(route: Listed, endpoint: Endpoint, keys: ApiKeys, record: Recorder) -> Endpoint:
    """Return the endpoint for those who have a key with its scope. A change is recorded before it
    is answered: without an answer, the request is repeated."""

    async def answer(request: Request) -> Response:
        key = keys.admit(bearer(request.headers.get("authorization")), route, _who(request))
        if route.method == "GET":
            check_scope(key, route)
            return await endpoint(request)
        status = Internal.status
        try:
            check_scope(key, route)
            response = await endpoint(request)
            status = response.status_code
        except LinkupError as error:
            status = error.status
            raise
        finally:
            ids = (*request.path_params.values(), *request.scope.get(TARGET, ()))
            target = "/".join(ids)[:LONGEST_TARGET]
            await record(RecordChange(key=key, route=route.name, target=target, status=status))
        return response

    return answer


def concerns(request: Request, *ids: str) -> None:
    """Name what the request changes, for the audit log, if its path does not."""
    request.scope[TARGET] = ids


def authenticated(auth: Authenticator, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint for the user that the bearer token names; without a token, it answers
    401."""

    async def answer(request: Request) -> Response:
        token = bearer(request.headers.get("authorization"))
        if token is None:
            raise Unauthorized("Send `Authorization: Bearer <token>`")
        identity = await auth.admit(token)
        request.scope[USER] = identity.user_id
        return await endpoint(request, identity)

    return answer


def only(request: Request, *names: str) -> None:
    """Refuse a misspelt parameter instead of ignoring it."""
    for name in request.query_params:
        if name not in names:
            known = ", ".join(names) or "none"
            message = f"Unknown parameter `{name[:60]}`; known are: {known}"
            raise InvalidRequest(message, field=name[:60])


def _who(request: Request, *identity: Identity) -> str:
    for one in identity:
        return user(one.user_id)
    return address(request.client.host if request.client else "")


def documents() -> Endpoints:
    """Return the endpoints of the generated documents, which do not change at run time. They are
    made for the first request, as few gateways are ever asked for them."""
    texts = cache(contract.documents)
    return {
        "GET /openapi.json": _served(texts, contract.OPENAPI),
        "GET /asyncapi.json": _served(texts, contract.ASYNCAPI),
    }


def shared_with(origins: tuple[str, ...]) -> list[Middleware]:
    """Return the middleware that lets pages of those sites read the answers (CORS). It allows no
    cookies, since a token says who asks."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=sorted({route.method for route in routes.ROUTES}),
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After", "Date"],
        )
    ]


def _served(texts: Callable[[], Mapping[str, bytes]], name: str) -> Endpoint:
    async def answer(request: Request) -> Response:
        text = (await asyncio.to_thread(texts))[name]
        return Response(text, media_type="application/json", headers={"cache-control": "no-cache"})

    return answer


def methods(listed: Iterable[Route], request: Request) -> str:
    """Return the methods that the path of a request takes; the framework names those of one
    route."""
    matching = [route for route in listed if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted(set[str]().union(*(route.methods or () for route in matching))))
