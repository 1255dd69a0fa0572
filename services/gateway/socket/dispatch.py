"""Owns the routing of a WebSocket to its endpoint, past the middleware that is only for HTTP."""

from collections.abc import Awaitable, Sequence

from starlette.routing import Match, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatch:
    """An ASGI application. A socket without a route is left to those of HTTP, which refuse it."""

    def __init__(self, app: ASGIApp, routes: Sequence[WebSocketRoute]) -> None:
        self._app = app
        self._routes = routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # No coroutine of its own: each that waits is a quarter of a KiB of an idle socket.
        if scope["type"] == "websocket":
            for route in self._routes:
                found, names = route.matches(scope)
                if found is Match.FULL:
                    scope.update(names)
                    return route.app(scope, receive, send)
        return self._app(scope, receive, send)
