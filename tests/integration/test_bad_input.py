"""Bad input gets an error that names the fault; the socket stays, and the next message works."""

import json
from typing import Any

import httpx2
import pytest

from tests.support.peer import Http, Peer, http, peer
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD: dict[str, Any] = {"type": "message", "to": "bob", "client_id": "bad", "content": "x"}


def frame(**fields: Any) -> str:
    return json.dumps({**GOOD, **fields})


def without(*names: str) -> str:
    return json.dumps({name: value for name, value in GOOD.items() if name not in names})


# what is sent → a word of the error's message, and whether its client_id can be read
FRAMES: dict[str, tuple[str | bytes, str, bool]] = {
    "unknown type": (frame(type="massage"), "massage", True),
    "no type": (without("type"), "type", True),
    "unknown field": (frame(colour="red"), "colour", True),
    "missing field": (without("content"), "content", True),
    "missing client_id": (without("client_id"), "client_id", False),
    "wrong type of a field": (frame(content=5), "content", True),
    "a list for a string": (frame(content=["x"]), "content", True),
    "a list for an object": ("[]", "object", False),
    "a string for an object": ('"message"', "object", False),
    "no JSON": ("{", "JSON", False),
    "nothing": ("", "", False),
    "NaN": ('{"type":"ping","timestamp":NaN}', "JSON", False),
    "infinite": ('{"type":"ping","timestamp":1e999}', "timestamp", False),
    "lone surrogate": ('{"type":"message","content":"\\ud800 alone"}', "surrogate", False),
    "NUL in content": (frame(content="a\0b"), "content", True),
    "NUL in user": (frame(to="a\0b"), "to", True),
    "2^53": ('{"type":"sync_request","cursor":9007199254740992}', "cursor", False),
    "2^60": ('{"type":"read_receipt","message_id":1152921504606846976}', "message_id", False),
    "2^80": ('{"type":"read_receipt","message_id":1208925819614629174706176}', "message_id", False),
    "negative": ('{"type":"sync_request","cursor":-1}', "cursor", False),
    "zero id": ('{"type":"read_receipt","message_id":0}', "message_id", False),
    "fraction": ('{"type":"read_receipt","message_id":1.5}', "message_id", False),
    "temp id": ('{"type":"read_receipt","message_id":"temp_client_17"}', "message_id", False),
    "empty content": (frame(content=""), "content", True),
    "white content": (frame(content=" \n\t\u2003"), "content", True),
    "5,001 code points": (frame(content="\U0001f600" * 5001), "content", True),
    "client_id too long": (frame(client_id="x" * 101), "client_id", False),
    "client_id not ASCII": (frame(client_id="é"), "client_id", False),
    "client_id with newline": (frame(client_id="a\n"), "client_id", False),
    "user_id with slash": (frame(to="a/b"), "to", True),
    "user_id too long": (frame(to="x" * 129), "to", True),
    "to and conversation": (frame(conversation_id="c"), "exactly one", True),
    "neither of them": (without("to"), "exactly one", True),
    "a second hello": ('{"type":"hello","token":"x"}', "hello", False),
    "a server's frame": ('{"type":"welcome"}', "welcome", False),
    "deeply nested": ('{"type":"ping","x":' + "[" * 30_000, "", False),
    "binary": (b'{"type":"ping"}', "binary", False),
}


@pytest.mark.parametrize("case", FRAMES)
async def test_c2_a_bad_frame_is_answered_and_the_next_message_works(
    stack: Stack, case: str
) -> None:
    text, names, echoed = FRAMES[case]
    async with peer(stack, "alice") as alice:
        await alice.send_text(text)
        error = await alice.next("error")
        assert (error["code"], error["temporary"]) == ("invalid_frame", False)
        assert names in error["message"]
        assert error.get("client_id") == ("bad" if echoed else None)
        assert len(error["message"]) < 300
        await works(alice)


async def works(alice: Peer) -> None:
    assert (await alice.message("bob", "after all that"))["type"] == "ack"


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 120 * 1024])
async def test_above_64_kib_a_frame_is_too_large_and_the_socket_stays(
    stack: Stack, size: int
) -> None:
    padding = " " * (size - len(frame()))
    async with peer(stack, "alice") as alice:
        await alice.send_text(frame(client_id=f"size-{size}")[:-1] + padding + "}")
        outcome = await alice.next()
        while outcome["type"] not in ("ack", "error"):
            outcome = await alice.next()
        assert outcome.get("code") == (None if size < 64 * 1024 else "too_large")
        await works(alice)


async def test_the_longest_content_fits(stack: Stack) -> None:
    async with peer(stack, "alice") as alice, http(stack, "alice") as api:
        ack = await alice.message("bob", "\U0001f600" * 5000)
        assert (await api.history(ack["conversation_id"]))[-1]["content"] == "\U0001f600" * 5000


@pytest.mark.parametrize("parameter", ["before_id", "after_id"])
@pytest.mark.parametrize(
    "value",
    ["temp_client_1770216496118_y8zwwov1h", "0", "-1", "1.5", str(2**60), "", "²", "1e3", "+1"],
)
async def test_a_malformed_page_id_is_400_and_named(
    stack: Stack, parameter: str, value: str
) -> None:
    async with peer(stack, "alice") as alice, http(stack, "alice") as api:
        ack = await alice.message("bob", "to page from")
        path = f"/v1/conversations/{ack['conversation_id']}/messages"
        response = await api.get(path, **{parameter: value})
        assert response.status_code == 400
        assert response.json()["code"] == "invalid_request"
        assert f"`{parameter}`" in response.json()["detail"]


async def test_a_page_id_of_another_conversation_is_400(stack: Stack) -> None:
    async with peer(stack, "alice") as alice, http(stack, "alice") as api:
        here = await alice.message("bob", "here")
        there = await alice.message("carol", "there")
        path = f"/v1/conversations/{here['conversation_id']}/messages"
        for absent in (there["message_id"], 2**53 - 1):
            response = await api.get(path, before_id=absent)
            assert response.status_code == 400
            assert "conversation" in response.json()["detail"]


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


@pytest.mark.parametrize("name", ["token", "jwt", "session", "authorization", "linkup"])
async def test_d40_no_cookie_carries_authority(stack: Stack, name: str) -> None:
    """A browser sends one along for any page that asks; so none is set, and none is read."""
    path = "/v1/conversations"
    async with httpx2.AsyncClient(base_url=stack.url) as client:
        cookie = {"cookie": f"{name}={stack.token('alice')}"}
        assert (await client.get(path, headers=cookie)).status_code == 401
        served = await Http(client, stack.token("alice")).get(path)
        assert (served.status_code, "set-cookie" in served.headers) == (200, False)


async def test_http_wants_a_token_and_knows_its_routes(stack: Stack) -> None:
    async with http(stack, "alice") as api:
        assert (await api.get("/v1/nowhere")).status_code == 404
        another_method = await api.get("/v1/messages")
        assert (another_method.status_code, another_method.json()["status"]) == (405, 405)
        async with httpx2.AsyncClient(base_url=stack.url) as client:
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
