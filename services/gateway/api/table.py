"""Owns the search for the route of a request: among the routes of the same form only."""

from collections import defaultdict
from collections.abc import Iterable

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

FOUND = "linkup.route"  # in the scope of a request

Form = tuple[str, int]


class Table(BaseRoute):
    """Many routes as one. The framework tries its routes one after the other, and a gateway has
    eighty."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[Form, list[Route]] = defaultdict(list)
        for route in routes:
            self._routes[_form(route.path)].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return the match of the route that takes the request, or else of one that takes its path
        with another method."""
        another: tuple[Match, Scope] = (Match.NONE, {})
        for route in self._routes.get(_form(scope["path"]), ()):
            match, names = route.matches(scope)
            if match is Match.FULL:
                return match, {**names, FOUND: route}
            if match is Match.PARTIAL:
                another = match, {**names, FOUND: route}
        return another

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint past the framework's wrapper of it, which handles errors that the
        application around handles too."""
        route = scope[FOUND]
        if scope["method"] not in route.methods:
            await route.handle(scope, receive, send)  # which refuses it
            return
        response = await route.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def _form(path: str) -> Form:
    """Return the kind of object in a path of the API, and the number of its parts: they are those
    of its route, whatever the parameters are."""
    kind = path.split("/", 3)[2] if path.startswith("/v1/") else ""
    return kind, path.count("/")
