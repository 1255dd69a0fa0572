"""Bad input on every route: a problem that names the field, and nothing is done."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import pytest_asyncio

from shared import vapid
from shared.contract.openapi import path_names
from shared.frames import MAX_FRAME_BYTES
from shared.route import Route
from shared.routes import ROUTES
from tests.support import web
from tests.support.stack import ADMIN_KEY, Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = "application/json"

LISTED = [route for route in ROUTES if route.auth in ("bearer", "operator")]
TAKING = [route for route in LISTED if route.body and route.body_media_type == JSON]
NAMED = [route for route in LISTED if path_names(route.path)]
ASKED = [route for route in LISTED if route.query]
IGNORED = {"expirationTime"}  # of a push subscription, whatever it holds
ANY_TEXT = {"attachment_id", "message_id", "notification_id"}  # what is no such id names nothing
NO_VALUE = ("\n", "")  # of no parameter but a text
OTHER = "nothing-at-all"
INSIDE = "https://169.254.169.254/x"
POINT = vapid.public_key(vapid.private_key(vapid.new_key()))
AUTH = vapid.encoded(bytes(16))
MENTION = {"enabled": True, "realtime": True, "push": True, "email": True}
GOOD = {  # ids of their own form
    "error_id": f"e{'a' * 16}",
    "message_id": str(2**40),
    "report_id": f"r{'a' * 24}",
}


# Faults that another service finds: a route, its body or its parameters, and the field at fault.
BEYOND: list[tuple[str, dict[str, Any], str]] = [
    (
        "POST /v1/admin/notifications",
        {"idempotency_key": "k", "user_id": "a", "notification_type": "odd", "title": "t"},
        "notification_type",
    ),
    (
        "PUT /v1/notification-preferences",
        {"types": [{"notification_type": name, **MENTION} for name in ("mention", "odd")]},
        "types[1].notification_type",
    ),
    (
        "POST /v1/push-subscriptions",
        {"endpoint": INSIDE, "keys": {"p256dh": POINT, "auth": AUTH}},
        "endpoint",
    ),
    (
        "POST /v1/push-subscriptions",
        {"endpoint": "https://push.example/x", "keys": {"p256dh": AUTH, "auth": AUTH}},
        "keys.p256dh",
    ),
    (
        "POST /v1/push-subscriptions",
        {"endpoint": "https://push.example/x", "keys": {"p256dh": POINT, "auth": POINT}},
        "keys.auth",
    ),
    ("PUT /v1/admin/webhooks/{webhook_id}", {"url": INSIDE}, "url"),
    (
        "PUT /v1/admin/webhooks/{webhook_id}",
        {"url": "https://hooks.example/x", "secret": "whsec_AAAA"},
        "secret",
    ),
    ("GET /v1/notifications", {"before": "odd"}, "before"),
]


def each(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


@dataclass(frozen=True)
class Asker:
    """Each route is asked by a user of its own, since requests are limited, or with a key."""

    stack: Stack
    client: httpx2.AsyncClient

    async def ask(self, route: Route, **request: Any) -> httpx2.Response:
        """`path`: values of its parameters that are not the GOOD ones."""
        given = {**GOOD, **request.pop("path", {})}
        path = re.sub(
            r"{(\w+)}", lambda found: quote(given.get(found[1], OTHER), safe=""), route.path
        )
        token = ADMIN_KEY if route.keys else self.stack.token(f"asker-{ROUTES.index(route)}")
        headers = {"authorization": f"Bearer {token}", **request.pop("headers", {})}
        return await self.client.request(route.method, path, headers=headers, **request)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asker(stack: Stack) -> AsyncIterator[Asker]:
    async with web.client(base_url=stack.url, timeout=60) as client:
        yield Asker(stack, client)


def problem(answer: httpx2.Response, status: int = 400) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert (said["status"], said["temporary"]) == (status, False)
    return said


def assert_names(field: str, said: dict[str, Any]) -> None:
    assert re.search(rf"[`.]{field}\b", said["detail"]), said
    assert said["field"] == field


def fields_of(route: Route) -> tuple[str, ...]:
    names: tuple[str, ...] = route.body.__struct_fields__
    return names


@each(TAKING)
async def test_each_field_of_a_body_is_named_when_it_is_wrong(asker: Asker, route: Route) -> None:
    for field in set(fields_of(route)) - IGNORED:
        assert_names(field, problem(await asker.ask(route, json={field: 12.5})))
    assert_names("oddity", problem(await asker.ask(route, json={"oddity": 1})))


@each(TAKING)
async def test_a_body_that_is_no_such_object_is_refused(asker: Asker, route: Route) -> None:
    name = fields_of(route)[0]
    as_json = {"content-type": JSON}
    for text in (b"[]", b"null", b"{", b"", b'{"\xff": 1}', b"[" * 5000, b'{"a": "\\ud800"}'):
        problem(await asker.ask(route, content=text, headers=as_json))
    nested = json.dumps({name: "x"}).replace('"x"', "[" * 5000)
    problem(await asker.ask(route, content=nested, headers=as_json))
    problem(await asker.ask(route, content=b"{}", headers={"content-type": "text/plain"}), 415)


@each(TAKING)
async def test_a_body_that_is_too_large_is_refused(asker: Asker, route: Route) -> None:
    text = b" " * (16 * MAX_FRAME_BYTES)
    answer = await asker.ask(route, content=text, headers={"content-type": JSON})
    problem(answer, 413)


@each(NAMED)
async def test_each_id_of_a_path_is_named_when_it_is_wrong(asker: Asker, route: Route) -> None:
    for name in path_names(route.path):
        answer = await asker.ask(route, path={name: "a\nb"}, json={})
        if name in ANY_TEXT:
            problem(answer, 404)
        else:
            assert_names(name, problem(answer))


@each(ASKED)
async def test_each_parameter_is_named_when_it_is_wrong(asker: Asker, route: Route) -> None:
    for parameter in route.query:
        others = {one.name: "x" for one in route.query if one.required}
        answers = [
            await asker.ask(route, params={**others, parameter.name: wrong}) for wrong in NO_VALUE
        ]
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused or parameter.kind is str, parameter.name
        for answer in refused:
            assert_names(parameter.name, problem(answer))


@pytest.mark.parametrize(("name", "values", "field"), BEYOND)
async def test_a_field_is_named_whichever_service_finds_the_fault(
    asker: Asker, name: str, values: dict[str, Any], field: str
) -> None:
    [route] = [route for route in LISTED if route.name == name]
    given = {"params" if route.method == "GET" else "json": values}
    said = problem(await asker.ask(route, **given))
    assert f"`{field}`" in said["detail"]
    assert said["field"] == field


@each(LISTED)
async def test_a_parameter_that_a_route_does_not_have_is_named(asker: Asker, route: Route) -> None:
    answer = await asker.ask(route, params={"oddity": "1"}, json={})
    assert_names("oddity", problem(answer))
