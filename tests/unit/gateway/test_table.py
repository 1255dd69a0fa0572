"""Tests for the table of routes, against the framework's own search."""

import re
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from services.gateway.api.table import FOUND, Table
from shared.routes import ROUTES

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
BRACES = re.compile(r"\{\w+\}")
STRANGE = ("", "/", "//", "/v1", "/v1/", "/v1//", "/v1/nothing", "/v1/unread/", "/v2/unread", "v1")


async def _nothing(request: Request) -> Response:
    return Response()


BOUND = [Route(route.path, _nothing, methods=[route.method]) for route in ROUTES]


def _paths() -> Iterator[str]:
    yield from STRANGE
    for route in ROUTES:
        for name in ("alice", "v1", "delete", "read-all", "", "a/b"):
            path = BRACES.sub(name, route.path)
            yield from (path, f"{path}/", f"{path}/more", path.removeprefix("/v1"))


def _first(scope: Scope) -> tuple[Match, Route | None]:
    """Search as the framework does: the first that takes the request, or takes its path."""
    found = [(route.matches(scope)[0], route) for route in BOUND]
    for wanted in (Match.FULL, Match.PARTIAL):
        for match, route in found:
            if match is wanted:
                return match, route
    return Match.NONE, None


@pytest.mark.parametrize("method", METHODS)
def test_a_request_gets_the_route_that_it_would_get_from_a_search_through_all(method: str) -> None:
    table = Table(BOUND)

    for path in set(_paths()):
        scope = {"type": "http", "path": path, "root_path": "", "method": method}
        expected, route = _first(scope)
        match, found = table.matches(scope)
        assert match is expected, path
        if match is Match.FULL:
            assert route is not None
            assert found == {**route.matches(scope)[1], FOUND: route}, path


def test_a_request_tries_few_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    matches = Route.matches

    def counted(route: Route, scope: Scope) -> tuple[Match, Scope]:
        tried.append(route.path)
        return matches(route, scope)

    table = Table(BOUND)
    monkeypatch.setattr(Route, "matches", counted)
    for route in ROUTES:
        path = BRACES.sub("alice", route.path)
        table.matches({"type": "http", "path": path, "root_path": "", "method": route.method})
    assert len(tried) < 4 * len(ROUTES)
