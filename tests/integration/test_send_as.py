"""The host app sends messages: as a user, or as the system."""

import re
from typing import Any

import pytest

from shared.reserved import SYSTEM
from tests.support.peer import http, synced, with_key
from tests.support.stack import ADMIN_KEY, Stack
from tests.support.traffic import newcomers

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEND = "/v1/admin/messages"


async def sent(stack: Stack, **message: Any) -> tuple[int, dict[str, Any]]:
    async with with_key(stack) as api:
        answer = await api.post(SEND, message)
    return answer.status_code, answer.json()


async def test_a_message_of_a_user_arrives_at_both_and_is_stored_once(stack: Stack) -> None:
    ann, ben = await newcomers(stack, "ann", "ben")
    message = {"user_id": ann, "to": ben, "client_id": "order-12", "content": "It is on its way"}
    async with synced(stack, ann) as own, synced(stack, ben) as other:
        status, first = await sent(stack, **message)
        assert status == 201
        for device in (own, other):
            frame = await device.next("message")
            assert (frame["sender_id"], frame["content"]) == (ann, "It is on its way")
            assert frame["message_id"] == first["message_id"]
        assert await sent(stack, **message) == (200, {**first, "duplicate": True})
        status, refused = await sent(stack, **{**message, "content": "It is lost"})
        assert (status, refused["code"]) == (409, "client_id_conflict")
        assert refused["client_id"] == "order-12"


async def test_the_system_writes_to_a_user_who_has_not_heard_of_it(stack: Stack) -> None:
    [ann] = await newcomers(stack, "ann")
    async with synced(stack, ann) as device:
        assert (await sent(stack, to=ann, client_id=f"hi-{ann}", content="Welcome"))[0] == 201
        assert (await device.next("message"))["sender_id"] == SYSTEM
    async with http(stack, ann) as api:
        [shown] = (await api.get("/v1/conversations")).json()["conversations"]
    assert (shown["peer"]["user_id"], shown["peer"]["name"]) == (SYSTEM, "System")
    assert shown["unread_count"] == 1


async def test_the_host_app_names_the_system(stack: Stack) -> None:
    async with with_key(stack) as api:
        answer = await api.request("PUT", f"/v1/admin/users/{SYSTEM}", {"name": "Acme"})
    assert (answer.status_code, answer.json()["name"]) == (200, "Acme")


async def test_the_system_cannot_be_erased(stack: Stack) -> None:
    async with with_key(stack) as api:
        answer = await api.request("DELETE", f"/v1/admin/users/{SYSTEM}")
    assert answer.status_code == 404


async def test_c9_a_sender_may_do_no_more_than_by_themselves(stack: Stack) -> None:
    ann, ben, eve = await newcomers(stack, "ann", "ben", "eve")
    async with synced(stack, ann) as device:
        ack = await device.message(ben, "between us")
    message = {"client_id": "c1", "content": "x"}
    place = ack["conversation_id"]
    status, hidden = await sent(stack, user_id=eve, conversation_id=place, **message)
    assert (status, hidden["code"]) == (404, "not_found")
    async with http(stack, ben) as api:
        assert (await api.post("/v1/blocks", {"user_id": ann})).status_code == 204
    assert (await sent(stack, user_id=ann, to=ben, **message))[0] == 404


@pytest.mark.parametrize(
    ("fields", "status", "named"),
    [
        ({"user_id": "nobody-knows-me"}, 404, "user_id"),
        ({"user_id": "a/b"}, 400, "user_id"),
        ({"user_id": "."}, 400, "user_id"),
        ({"to": ".."}, 400, "to"),
        ({"to": None}, 400, "to"),
        ({"conversation_id": "d1"}, 400, "to"),
        ({"content": ""}, 400, "content"),
        ({"content": "x" * 5001}, 400, "content"),
        ({"client_id": "two words"}, 400, "client_id"),
        ({"sender_id": "ann"}, 400, "sender_id"),
    ],
)
async def test_a_message_that_cannot_be_sent_is_refused_by_its_field(
    stack: Stack, fields: dict[str, Any], status: int, named: str
) -> None:
    message = {"user_id": "alice", "to": "bob", "client_id": "c1", "content": "x", **fields}
    answered, problem = await sent(stack, **{k: v for k, v in message.items() if v is not None})
    assert answered == status
    assert re.search(rf"[`.]{named}\b", problem["detail"])


async def test_it_is_in_the_audit_log_without_its_text(stack: Stack) -> None:
    ann, ben = await newcomers(stack, "ann", "ben")
    _, first = await sent(stack, user_id=ann, to=ben, client_id="c1", content="canary")
    async with with_key(stack, ADMIN_KEY) as api:
        answer = await api.get("/v1/admin/audit", target=ann)
    [entry] = answer.json()["entries"]
    assert entry["target"] == f"{ann}/{first['message_id']}"
    assert (entry["key"], entry["route"], entry["status"]) == ("host", f"POST {SEND}", 201)
    assert "canary" not in answer.text
