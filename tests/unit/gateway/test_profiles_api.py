"""The routes with which a host app makes users known in bulk, and looks them up."""

import asyncio
from typing import Any

import msgspec
import pytest

from services.gateway.api import profiles
from shared.commands import ListUsers, PutUser, Snapshot
from shared.errors import Overloaded
from tests.unit.gateway.test_notifications_api import Behind, as_operator

MANY = "/v1/admin/users"


class Lanes(Behind):
    """Refuses `busy`; counts how many commands are under way."""

    most = now = 0

    async def call(self, command: PutUser, kind: type[Any]) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if command.user_id == "busy":
            raise Overloaded("The store is busy")
        return await super().call(command, kind)


async def test_s54_each_user_of_many_has_an_outcome_of_their_own() -> None:
    behind = Lanes()
    users: list[Any] = [
        {"user_id": "ann", "name": "Ann", "email": None},
        {"user_id": "ben", "email": "nobody"},
        {"user_id": "ben", "tz": "Mars/Olympus"},
        {"user_id": "ben", "colour": "red"},
        {"user_id": "a/b", "name": "Ann"},
        {"user_id": "linkup--x"},
        {"user_id": 7},
        {"name": "Nobody"},
        "cleo",
        {"user_id": "busy"},
        {"user_id": "dora"},
    ]
    async with as_operator(behind) as api:
        answer = await api.post(MANY, json={"users": users})
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert behind.asked == [
        PutUser(user_id="ann", name="Ann", email=""),
        PutUser(user_id="dora"),
    ]
    names = ["ann", "ben", "ben", "ben", "a/b", "linkup--x", None, None, None, "busy", "dora"]
    assert [one["user_id"] for one in results] == names
    assert [one["stored"] for one in results] == [True, *[False] * 9, True]
    refused = [one["error"] for one in results[1:10]]
    named = ["email", "tz", "colour", "user_id", "user_id", "user_id", "user_id", "object"]
    for error, field in zip(refused, named, strict=False):
        assert field in error["message"]
        assert (error["code"], error["temporary"]) == ("invalid_request", False)
    assert (refused[-1]["code"], refused[-1]["temporary"]) == ("overloaded", True)


async def test_many_users_are_stored_some_at_a_time_so_that_messages_come_between() -> None:
    behind = Lanes()
    users = [{"user_id": f"u{number}", "name": "x" * 900} for number in range(500)]
    async with as_operator(behind) as api:
        answer = await api.post(MANY, json={"users": users})
    assert (answer.status_code, len(behind.asked)) == (200, 500)
    assert behind.most == profiles.AT_ONCE


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"users": []}, 400, "users"),
        ({"users": [{"user_id": "x"}] * 501}, 400, "users"),
        ({"users": {}}, 400, "users"),
        ({"people": []}, 400, "people"),
        ({"users": [{"user_id": "x" * 600_000}]}, 413, "body"),
    ],
)
async def test_a_bad_request_about_many_stores_nobody(body: Any, status: int, named: str) -> None:
    behind = Lanes()
    async with as_operator(behind) as api:
        answer = await api.post(MANY, json=body)
    assert (answer.status_code, behind.asked) == (status, [])
    assert named in answer.json()["detail"]


async def test_a_request_that_is_nested_too_deeply_stores_nobody() -> None:
    behind = Lanes()
    deep = b'{"users": [{"user_id": "x", "y": ' + b"[" * 20_000 + b"]" * 20_000 + b"}, "
    async with as_operator(behind) as api:
        headers = {"content-type": "application/json"}
        answer = await api.post(MANY, content=deep + b'{"user_id": "ok"}]}', headers=headers)
    assert (answer.status_code, behind.asked) == (400, [])


async def test_users_are_listed_found_and_shown_as_the_log_has_them() -> None:
    behind = Behind(Snapshot(body=msgspec.json.encode({"users": [], "next": None})))
    async with as_operator(behind) as api:
        await api.get(MANY, params={"after": "ann", "limit": 7})
        await api.get(MANY, params={"q": "zoë"})
        shown = await api.get(f"{MANY}/zoe")
    assert shown.json() == {"users": [], "next": None}
    assert behind.asked == [
        ListUsers(after="ann", limit=7),
        ListUsers(q="zoë"),
        ListUsers(user_id="zoe"),
    ]
