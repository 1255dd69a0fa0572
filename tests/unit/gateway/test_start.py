"""The check at start, with each fault planted once."""

import logging

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from services.gateway.start import listing_faults, table_faults
from shared import routes
from shared.health.endpoints import Health
from shared.process import start
from shared.route import Route as Listed


async def answer(request: Request) -> Response:
    return Response()


async def socket(websocket: WebSocket) -> None:
    await websocket.close()


def found(*served: BaseRoute) -> list[str]:
    return list(start.route_faults(served))


def test_s101_routes_that_do_not_meet_are_no_fault() -> None:
    assert (
        found(
            WebSocketRoute("/ws", socket),
            Route("/v1/messages/delete", answer, methods=["POST"]),
            Route("/v1/messages/{message_id}", answer, methods=["POST"]),
            Route("/v1/messages/{message_id}", answer, methods=["DELETE", "PATCH"]),
            Route("/ws", answer),
            Mount("/static", app=Response()),
        )
        == []
    )


def test_s101_a_route_that_is_there_twice_is_named() -> None:
    assert found(Route("/a/{x}", answer), Route("/a/{y}", answer)) == [
        "the route GET /a/{y} is defined twice"
    ]
    assert found(WebSocketRoute("/ws", socket), WebSocketRoute("/ws", socket)) == [
        "the route /ws is defined twice"
    ]


@pytest.mark.parametrize(
    ("first", "later", "name"),
    [
        (Route("/a/{x}", answer), Route("/a/b", answer), "GET /a/b"),
        (Route("/a/{x:path}", answer), Route("/a/{y}/b", answer), "GET /a/{y}/b"),
        (Route("/a/{x}", answer), Route("/a/{y:int}", answer), "GET /a/{y:int}"),
        (Mount("/a", app=Response()), Route("/a/b", answer), "GET /a/b"),
        (Mount("/a", app=Response()), Mount("/a/b", app=Response()), "/a/b"),
        (
            Route("/a/{x}", answer, methods=["GET", "POST"]),
            Route("/a/b", answer, methods=["PUT", "POST"]),
            "POST /a/b",
        ),
    ],
)
def test_s5_a_route_behind_a_wider_one_is_named(
    first: BaseRoute, later: BaseRoute, name: str
) -> None:
    path = first.path  # type: ignore[attr-defined]  # every kind above has one
    assert found(first, later) == [f"the route {name} is never reached: {path} comes first"]
    assert found(later, first) == []


VIEWS = ["/ws/chat/{user_id}/", "/ws/notifications/"]
LISTED = Listed(method="GET", path="/v1/x/{user_id}", summary="x", answers=())


def test_s5_the_table_and_what_is_served_are_the_same() -> None:
    both = ["/ws", *VIEWS, "GET /v1/x/{user_id}", "GET /", "/static"]
    assert list(listing_faults(both, [LISTED])) == []
    assert list(listing_faults([*both, "POST /v1/y"], [LISTED])) == [
        "the route POST /v1/y is not in the table of shared/routes"
    ]
    assert list(listing_faults(["/ws", *VIEWS], [LISTED])) == [
        "the route GET /v1/x/{user_id} of shared/routes has no endpoint"
    ]
    assert list(listing_faults(["GET /v1/x/{user_id}", *VIEWS], [LISTED])) == [
        "the route /ws of shared/routes has no endpoint"
    ]


def test_s5_a_name_in_a_path_has_a_type() -> None:
    assert list(table_faults(routes.ROUTES)) == []
    route = Listed(method="GET", path="/v1/{colour}", summary="x", answers=())
    assert list(table_faults([route])) == ["the route GET /v1/{colour}: PATH_TYPES has no {colour}"]


def test_s42_a_fault_makes_the_service_unready_and_says_which(
    caplog: pytest.LogCaptureFixture,
) -> None:
    health = Health("gateway")
    health.state = "ready"
    client = TestClient(Route("/readyz", health.routes()[1].endpoint))
    start.require(health, "routes", [])
    assert client.get("/readyz").status_code == 200
    assert caplog.records == []
    start.require(health, "routes", ["the route GET /a is defined twice", "another"])
    told = client.get("/readyz")
    assert told.status_code == 503
    assert told.json()["failing"] == ["routes"]
    assert told.json()["output"] == "the route GET /a is defined twice; another"
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.ERROR, "routes: the route GET /a is defined twice"),
        (logging.ERROR, "routes: another"),
    ]
