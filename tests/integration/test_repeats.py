"""Changes with a key that are repeated: the answer is the same, and nothing is done twice."""

from typing import Any, NamedTuple

import pytest

from shared.routes import ROUTES
from tests.support.peer import Http, http, peer, with_key
from tests.support.stack import ADMIN_KEY, Stack
from tests.support.traffic import newcomers
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

USER = "/v1/admin/users/{user_id}"
CHANGES = {route.name for route in ROUTES if route.keys and route.method != "GET"}
# What may differ: that it is a repeat, what is shown only once, until when tokens are revoked, and
# how far an erasure has come.
OF_A_REPEAT = {"duplicate", "secret", "valid_after", "state"}


class Change(NamedTuple):
    """A request: the values in its path, and its body."""

    ids: dict[str, str]
    body: Any = None


async def an_error(stack: Stack, operator: Http) -> str:
    async def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await operator.get("/v1/admin/errors")).json()["errors"]
        return found

    async def is_listed() -> bool:
        return bool(await listed())

    async with peer(stack, "alice") as alice:
        await alice.send("oddity")
    await eventually(is_listed)
    return str((await listed())[0]["error_id"])


async def a_report(stack: Stack, ann: str, ben: str) -> str:
    asked = {"client_id": "r1", "user_id": ben, "reason": "spam"}
    async with http(stack, ann) as api:
        answer = await api.post("/v1/reports", asked)
    return str(answer.raise_for_status().json()["report_id"])


async def changes(stack: Stack, operator: Http, ann: str, ben: str) -> dict[str, Change]:
    """One of each kind, in an order in which all of them can be made."""
    a, both = {"user_id": ann}, {"user_id": ann, "contact_id": ben}
    message = {"user_id": ann, "to": ben, "client_id": "c1", "content": "hi"}
    notice = {"user_id": ben, "idempotency_key": ann, "notification_type": "mention", "title": "t"}
    hook, notes = {"webhook_id": f"hook-{ann}"}, {"notes": "seen to"}
    error_id, report_id = await an_error(stack, operator), await a_report(stack, ann, ben)
    return {
        "POST /v1/admin/users": Change({}, {"users": [{**a, "name": "Ann"}]}),
        f"PUT {USER}": Change(a, {"name": "Ann B."}),
        f"POST {USER}/contacts": Change(a, {"user_ids": [ben]}),
        f"PUT {USER}/contacts/{{contact_id}}": Change(both),
        f"DELETE {USER}/contacts/{{contact_id}}": Change(both),
        "POST /v1/admin/messages": Change({}, message),
        "POST /v1/admin/notifications": Change({}, notice),
        "PUT /v1/admin/webhooks/{webhook_id}": Change(hook, {"url": "https://app.example/"}),
        "POST /v1/admin/webhooks/{webhook_id}/replay": Change(hook, {}),
        "DELETE /v1/admin/webhooks/{webhook_id}": Change(hook),
        "POST /v1/admin/errors/{error_id}/resolve": Change({"error_id": error_id}, notes),
        "POST /v1/admin/reports/{report_id}/resolve": Change({"report_id": report_id}, notes),
        f"PUT {USER}/ban": Change(a),
        f"DELETE {USER}/ban": Change(a),
        f"POST {USER}/disconnect": Change(a),
        f"DELETE {USER}": Change(a),
    }


async def made(operator: Http, name: str, change: Change) -> dict[str, Any]:
    method, _, path = name.partition(" ")
    answer = await operator.request(method, path.format(**change.ids), change.body)
    assert answer.is_success, f"{name}: {answer.status_code} {answer.text}"
    told: dict[str, Any] = answer.json() if answer.content else {}
    return {field: value for field, value in told.items() if field not in OF_A_REPEAT}


async def test_f_i13_each_change_with_a_key_can_be_repeated(stack: Stack) -> None:
    ann, ben = await newcomers(stack, "ann", "ben")
    async with with_key(stack, ADMIN_KEY) as operator:
        listed = await changes(stack, operator, ann, ben)
        assert listed.keys() == CHANGES, "add the route to `changes`"
        for name, change in listed.items():
            first, again = [await made(operator, name, change) for _ in range(2)]
            assert again == first, name
