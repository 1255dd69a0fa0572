"""Every route under /v1/admin, with every key and with none."""

import re

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import contract
from services.gateway.api.response import problems
from services.gateway.auth import Authenticator
from services.gateway.rates import Rates
from services.gateway.socket.refusals import Refusals
from shared.errors import LinkupError
from shared.health.counters import Counters
from shared.route import Route
from shared.routes import ROUTES
from shared.settings import Settings
from tests.support.recorder import Recorder

ADMIN, HOST = ("a" * 32, "A" * 40), ("h" * 32, "H" * 40)
KEYS = {"admin": ADMIN, "host": HOST}
SETTINGS = Settings(
    jwt_secret="j" * 32,
    admin_key=",".join(ADMIN),
    host_key=",".join(HOST),
    admin_per_minute=0,
    host_per_minute=0,
)
LISTED = [route for route in ROUTES if route.keys]
TOKEN = Authenticator(SETTINGS).sign("alice", "Alice")
STRANGERS = {
    "nothing": {},
    "an empty key": {"authorization": "Bearer "},
    "a wrong key": {"authorization": f"Bearer {'x' * 32}"},
    "a part of a key": {"authorization": f"Bearer {ADMIN[0][:-1]}"},
    "more than a key": {"authorization": f"Bearer {ADMIN[0]}a"},
    "the keys as they are set": {"authorization": f"Bearer {SETTINGS.admin_key}"},
    "a user's token": {"authorization": f"Bearer {TOKEN}"},
    "a key without a scheme": {"authorization": ADMIN[0]},
    "a key as a password": {"authorization": f"Basic {ADMIN[0]}"},
    "a key as a cookie": {"cookie": f"token={ADMIN[0]}; key={ADMIN[0]}"},
    "a key in another header": {"x-api-key": ADMIN[0]},
}
named = pytest.mark.parametrize("route", LISTED, ids=lambda route: route.name)


async def served(request: Request) -> Response:
    return Response("served")


def client(settings: Settings) -> httpx2.AsyncClient:
    endpoints = {route.name: served for route in LISTED}
    auth, rates = Authenticator(settings), Rates(settings)
    app = Starlette(
        routes=contract.bind(endpoints, auth, rates, settings, Recorder()),
        exception_handlers={LinkupError: problems(Refusals(Counters()))},
    )
    transport = httpx2.ASGITransport(app)
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture(scope="module")
def gateway() -> httpx2.AsyncClient:
    return client(SETTINGS)


async def asked(api: httpx2.AsyncClient, route: Route, headers: dict[str, str]) -> httpx2.Response:
    return await api.request(route.method, re.sub(r"{\w+}", "1", route.path), headers=headers)


@named
@pytest.mark.parametrize("name", KEYS)
async def test_each_route_is_open_to_the_keys_with_its_scope(
    gateway: httpx2.AsyncClient, route: Route, name: str
) -> None:
    for key in KEYS[name]:
        answer = await asked(gateway, route, {"authorization": f"Bearer {key}"})
        if name in route.keys:
            assert answer.text == "served"
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@named
async def test_no_route_is_open_without_a_whole_key(
    gateway: httpx2.AsyncClient, route: Route
) -> None:
    answers = {who: await asked(gateway, route, given) for who, given in STRANGERS.items()}
    assert {who for who, answer in answers.items() if answer.status_code != 401} == set()
    assert len({answer.text for answer in answers.values()}) == 1


@named
async def test_a_route_that_no_key_opens_does_not_exist(route: Route) -> None:
    settings = Settings(jwt_secret="j" * 32, host_key=HOST[0])
    async with client(settings) as api:
        answer = await asked(api, route, {"authorization": f"Bearer {HOST[0]}"})
    assert answer.status_code == (200 if "host" in route.keys else 404)


def test_the_host_app_has_no_access_to_what_is_the_operators() -> None:
    """Whoever moves a route from one list to the other has to say so here."""
    operators = {route.name for route in LISTED if "host" not in route.keys}
    assert operators == {
        "GET /v1/admin/audit",
        "GET /v1/admin/dashboard",
        "GET /v1/admin/errors",
        "GET /v1/admin/reports",
        "GET /v1/admin/reports/{report_id}",
        "POST /v1/admin/errors/{error_id}/resolve",
        "POST /v1/admin/reports/{report_id}/resolve",
    }
