"""The people of a host app over HTTP: made known, found by name, and allowed to write."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import pytest_asyncio

from tests.support.peer import Http, http, synced
from tests.support.stack import UNLIMITED, Stack, run_stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "the-key-of-the-host-app-of-at-least-32-bytes"
USERS = "/v1/admin/users"
numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Where users write to their contacts only."""
    directory = tmp_path_factory.mktemp("users")
    async with run_stack(directory, contacts="listed", host_key=KEY, **UNLIMITED) as running:
        yield running


@asynccontextmanager
async def hosted(stack: Stack) -> AsyncIterator[Http]:
    async with httpx2.AsyncClient(base_url=stack.url, timeout=60) as client:
        yield Http(client, KEY)


async def family(host: Http, *names: str) -> list[str]:
    """The ids of users of this test alone, whose last name begins their ids."""
    last = f"quux{next(numbers)}"
    users = [{"user_id": f"{last}-{name}", "name": f"{name.title()} {last}"} for name in names]
    answer = (await host.post(USERS, {"users": users})).raise_for_status().json()
    assert [one["stored"] for one in answer["results"]] == [True] * len(names)
    return [user["user_id"] for user in users]


async def found(stack: Stack, user_id: str, q: str) -> list[str]:
    async with http(stack, user_id) as api:
        page = (await api.get("/v1/users", q=q)).raise_for_status().json()
        return [user["user_id"] for user in page["users"]]


async def test_s87_d35_people_who_never_connected_are_found_and_written_to(stack: Stack) -> None:
    async with hosted(stack) as host:
        ann, ben, cleo = await family(host, "änn", "ben", "cleo")
        last = ann.partition("-")[0]
        assert await found(stack, ann, last) == []
        contacts = f"{USERS}/{ann}/contacts"
        answer = (await host.post(contacts, {"user_ids": [ben, "nobody", cleo]})).json()
        assert [one["stored"] for one in answer["results"]] == [True, False, True]
        assert answer["results"][1]["error"]["code"] == "not_found"
        assert await found(stack, ann, last.upper()) == [ben, cleo]
        assert await found(stack, ben, f"ann {last}") == [ann]
        assert await found(stack, ben, "cleo") == []
        async with synced(stack, ann) as one, synced(stack, ben) as other:
            assert (await one.message(ben, "hello"))["type"] == "ack"
            await other.next("message", content="hello")
            refused = await other.message(cleo, "hello")
            assert (refused["code"], refused["temporary"]) == ("not_found", False)
            gone = await host.request("DELETE", f"{USERS}/{ben}/contacts/{ann}")
            assert gone.status_code == 204
            assert (await one.message(ben, "more"))["code"] == "forbidden"
            put = await host.request("PUT", f"{USERS}/{ben}/contacts/{ann}")
            assert put.status_code == 204
            assert (await one.message(ben, "again"))["type"] == "ack"
        page = (await host.get(contacts, limit=1)).json()
        assert [one["user_id"] for one in page["contacts"]] == [ben]
        page = (await host.get(contacts, after=page["next"])).json()
        assert [one["user_id"] for one in page["contacts"]] == [cleo]


async def test_the_host_lists_finds_and_shows_its_users(stack: Stack) -> None:
    async with hosted(stack) as host:
        ann, ben = await family(host, "ann", "ben")
        last = ann.partition("-")[0]
        page = (await host.get(USERS, q=last, limit=1)).raise_for_status().json()
        assert [user["user_id"] for user in page["users"]] == [ann]
        page = (await host.get(USERS, q=last, after=page["next"])).json()
        assert [user["user_id"] for user in page["users"]] == [ben]
        listed = (await host.get(USERS, limit=100)).json()["users"]
        shown = (await host.get(f"{USERS}/{ann}")).raise_for_status().json()
        assert shown in listed
        assert shown["name"] == f"Ann {last}"
        assert (await host.get(f"{USERS}/nobody")).status_code == 404
        assert (await host.get(f"{USERS}/nobody/contacts")).status_code == 404
        assert (await host.request("PUT", f"{USERS}/{ann}/contacts/{ann}")).status_code == 400


async def test_500_people_are_made_known_in_one_request(stack: Stack) -> None:
    async with hosted(stack) as host:
        people = await family(host, *[f"n{number}" for number in range(500)])
        last = people[0].partition("-")[0]
        page = (await host.get(USERS, q=f"n499 {last}")).json()
        assert [user["user_id"] for user in page["users"]] == [people[499]]


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
