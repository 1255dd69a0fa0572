"""Finding people by name over HTTP: what is answered, and what is refused."""

import itertools

import pytest

from tests.support.peer import http, synced
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

numbers = itertools.count(1)


async def test_s87_people_are_found_by_name_page_by_page(stack: Stack) -> None:
    family = f"quux{next(numbers)}"
    people = [f"{family} {name}" for name in ("ann", "ben", "cleo")]
    for user_id in people:
        async with synced(stack, user_id):
            pass
    async with http(stack, people[0]) as api:
        first = (await api.get("/v1/users", q=family.upper(), limit=1)).raise_for_status().json()
        assert [user["user_id"] for user in first["users"]] == [people[1]]
        asked = {"q": family, "limit": 1, "after": first["next"]}
        second = (await api.get("/v1/users", **asked)).raise_for_status().json()
        assert [user["user_id"] for user in second["users"]] == [people[2]]
        assert second["next"] is None
        await api.post("/v1/blocks", {"user_id": people[2]})
        found = (await api.get("/v1/users", q=f"cleo {family}")).json()
        assert found == {"users": [], "next": None}


async def test_s28_a_user_is_there_unless_they_block_who_asks(stack: Stack) -> None:
    ann, ben = f"ann{next(numbers)}", f"ben{next(numbers)}"
    for user_id in (ann, ben):
        async with synced(stack, user_id):
            pass
    async with http(stack, ann) as api, http(stack, ben) as other:
        found = (await api.get(f"/v1/users/{ben}")).raise_for_status().json()
        assert found == {"user_id": ben, "name": ben.title(), "avatar": None}
        assert (await api.get(f"/v1/users/{ann}")).json()["user_id"] == ann
        absent = (await api.get("/v1/users/never-seen")).json()
        assert absent["code"] == "not_found"
        await api.post("/v1/blocks", {"user_id": ben})
        assert (await api.get(f"/v1/users/{ben}")).json() == found
        await other.post("/v1/blocks", {"user_id": ann})
        blocked = (await api.get(f"/v1/users/{ben}")).json()
        assert {**blocked, "instance": ""} == {**absent, "instance": ""}
        assert (await api.get("/v1/users/linkup--canary")).json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "`q`"),
        ({"q": " "}, "`q`"),
        ({"q": "x" * 201}, "`q`"),
        ({"q": "x", "after": "a\nb"}, "`after`"),
        ({"q": "x", "limit": 101}, "`limit`"),
        ({"q": "x", "name": "y"}, "`name`"),
    ],
)
async def test_a_bad_question_for_people_is_told_by_its_field(
    stack: Stack, asked: dict[str, str | int], named: str
) -> None:
    async with http(stack, "alice") as api:
        refused = await api.get("/v1/users", **asked)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert named in refused.json()["detail"]
