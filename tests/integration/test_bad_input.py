"""Bad input gets an error that names the fault; the socket stays, and the next message works."""

from typing import Any

import pytest

from tests.support import web
from tests.support.peer import Http, http, peer
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD: dict[str, Any] = {"type": "message", "to": "bob", "client_id": "bad", "content": "x"}


async def test_a_page_id_of_another_conversation_is_400(stack: Stack) -> None:
    async with peer(stack, "alice") as alice, http(stack, "alice") as api:
        here = await alice.message("bob", "here")
        there = await alice.message("carol", "there")
        path = f"/v1/conversations/{here['conversation_id']}/messages"
        for absent in (there["message_id"], 2**53 - 1):
            response = await api.get(path, before_id=absent)
            assert response.status_code == 400
            assert "conversation" in response.json()["detail"]
            assert response.json()["field"] == "before_id"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"page": 2}, "page"),
    ],
)
async def test_a_bad_parameter_is_400_and_named(
    stack: Stack, query: dict[str, Any], named: str
) -> None:
    async with http(stack, "alice") as api:
        response = await api.get("/v1/conversations", **query)
        assert response.status_code == 400
        assert f"`{named}`" in response.json()["detail"]


@pytest.mark.parametrize("body", [[], 5, "x", {}, {"message": 5}, {**GOOD}])
async def test_a_bad_body_is_400_and_named(stack: Stack, body: Any) -> None:
    async with http(stack, "alice") as api:
        response = await api.post("/v1/messages", body)
        assert response.status_code == 400
        assert response.json()["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/messages", "POST"),
        ("/v1/messages/1", "DELETE, PATCH"),
        ("/v1/conversations", "GET, HEAD, POST"),
        ("/livez", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_405_and_names_those_it_takes(
    stack: Stack, path: str, methods: str
) -> None:
    async with web.client(base_url=stack.url, timeout=60) as client:
        response = await client.put(path)
    assert (response.status_code, response.headers["allow"]) == (405, methods)
    assert response.json()["detail"] == f"This path takes only {methods}"


@pytest.mark.parametrize("name", ["token", "jwt", "session", "authorization", "linkup"])
async def test_d40_no_cookie_carries_authority(stack: Stack, name: str) -> None:
    """A browser sends one along for any page that asks; so none is set, and none is read."""
    path = "/v1/conversations"
    async with web.client(base_url=stack.url, timeout=60) as client:
        cookie = {"cookie": f"{name}={stack.token('alice')}"}
        assert (await client.get(path, headers=cookie)).status_code == 401
        served = await Http(client, stack.token("alice")).get(path)
        assert (served.status_code, "set-cookie" in served.headers) == (200, False)


async def test_http_wants_a_token_and_knows_its_routes(stack: Stack) -> None:
    async with http(stack, "alice") as api:
        assert (await api.get("/v1/nowhere")).status_code == 404
        another_method = await api.get("/v1/messages")
        assert (another_method.status_code, another_method.json()["status"]) == (405, 405)
        async with web.client(base_url=stack.url, timeout=60) as client:
            refused = await Http(client, "nonsense").get("/v1/conversations")
    assert refused.status_code == 401
    assert refused.json()["code"] == "unauthorized"
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_f_s12_what_shows_nothing_is_refused_on_every_road(stack: Stack) -> None:
    async with peer(stack, "alice") as alice, http(stack, "alice") as api:
        kept = await alice.message("bob", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200b")
        sent = {"to": "bob", "client_id": "unseen", "content": "\u200b\ufeff"}
        await alice.send("message", **sent)
        assert (await alice.next("error"))["code"] == "invalid_frame"
        edit = f"/v1/messages/{kept['message_id']}"
        report = {"client_id": "r1", "user_id": "bob", "reason": "spam", "comment": "\u2060"}
        group = {"client_id": "g1", "title": "\u3164", "members": ["bob"]}
        for answer in (
            await api.post("/v1/messages", sent),
            await api.patch(edit, {"content": "\u00ad"}),
            await api.post("/v1/conversations", group),
            await api.post("/v1/reports", report),
            await api.get("/v1/search", q="\u200d"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        [message] = (await api.history(kept["conversation_id"]))[-1:]
        assert message["content"] == "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200b"
