"""The people of a host app over HTTP: made known, found by name, and allowed to write."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from linkup.__main__ import main
from tests.support import web
from tests.support.peer import Http, http, synced
from tests.support.stack import UNLIMITED, Stack, run_stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "the-key-of-the-host-app-of-at-least-32-bytes"
USERS = "/v1/admin/users"
numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Run a product in which users write to their contacts only."""
    directory = tmp_path_factory.mktemp("users")
    async with run_stack(directory, contacts="listed", host_key=KEY, **UNLIMITED) as running:
        yield running


@asynccontextmanager
async def hosted(stack: Stack) -> AsyncIterator[Http]:
    async with web.client(base_url=stack.url, timeout=60) as client:
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


async def test_a_demo_login_leaves_what_the_host_app_has_said(stack: Stack) -> None:
    async with hosted(stack) as host:
        [ann] = await family(host, "änn")
        address = {"user_id": ann, "email": "ann@example.test"}
        (await host.post(USERS, {"users": [address]})).raise_for_status()
        before = (await host.get(f"{USERS}/{ann}")).json()
        login = (await host.post("/v1/dev/login", {"user_id": ann})).raise_for_status().json()
        assert login["name"] == before["name"]
        async with synced(stack, ann, token=login["token"]):
            shown = (await host.get(f"{USERS}/{ann}")).json()
        said = ("name", "email")
        assert [shown[name] for name in said] == [before[name] for name in said]
        await host.post("/v1/dev/login", {"user_id": ann, "name": "Another"})
        assert (await host.get(f"{USERS}/{ann}")).json()["name"] == "Another"


async def test_the_demo_goes_on_without_one_of_its_users_who_was_erased(stack: Stack) -> None:
    async with hosted(stack) as host:
        (await host.request("DELETE", f"{USERS}/dave")).raise_for_status()
        login = await host.post("/v1/dev/login", {"user_id": "bob"})
        assert login.raise_for_status().json()["user_id"] == "bob"
        assert (await host.post("/v1/dev/login", {"user_id": "dave"})).status_code == 401


async def test_a_demo_login_tells_who_is_banned_or_erased(stack: Stack) -> None:
    async with hosted(stack) as host:
        ann, ben = await family(host, "änn", "ben")
        (await host.request("PUT", f"{USERS}/{ann}/ban")).raise_for_status()
        (await host.request("DELETE", f"{USERS}/{ben}")).raise_for_status()
        for user_id in (ann, ben):
            refused = await host.post("/v1/dev/login", {"user_id": user_id})
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
            assert refused.json()["detail"] == "You no longer have access"


async def test_s87_d35_people_who_never_connected_are_found_and_written_to(stack: Stack) -> None:
    async with hosted(stack) as host:
        ann, ben, cleo = await family(host, "änn", "ben", "cleo")
        last = ann.partition("-")[0]
        assert await found(stack, ann, last) == []
        contacts = f"{USERS}/{ann}/contacts"
        others = [ben, "nobody", cleo, "a/b", 7, ann]
        answer = (await host.post(contacts, {"user_ids": others})).raise_for_status().json()
        results = answer["results"]
        assert [one["stored"] for one in results] == [True, False, True, False, False, False]
        assert [one["user_id"] for one in results] == [ben, "nobody", cleo, None, None, ann]
        codes = [one["error"]["code"] for one in results if not one["stored"]]
        assert codes == ["not_found", *["invalid_request"] * 3]
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


async def test_a_page_goes_on_after_an_id_of_nothing_to_see(stack: Stack) -> None:
    async with hosted(stack) as host:
        for user_id in ("%20", "%E2%80%8B"):
            await host.request("PUT", f"{USERS}/{user_id}", json={"name": "N"})
        after = ""
        while after is not None:
            page = await host.get(USERS, limit=1, **({"after": after} if after else {}))
            after = page.raise_for_status().json()["next"]


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
    async with hosted(stack) as host:
        await host.request("PUT", f"{USERS}/{ann}/contacts/{ben}")
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


# ------------------------------------------------------------------ the command


async def command(stack: Stack, *arguments: str, text: str = "", key: str = KEY) -> Result:
    called = ("user", *arguments, "--data-dir", str(stack.data_dir))
    environment = {"LINKUP_HOST_KEY": key, "LINKUP_ADMIN_KEY": None}
    return await asyncio.to_thread(CliRunner().invoke, main, called, input=text, env=environment)


async def told(stack: Stack, *arguments: str, text: str = "") -> Any:
    result = await command(stack, *arguments, "--json", text=text)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_s87_an_operator_changes_and_shows_users_by_command(stack: Stack) -> None:
    profile = await told(stack, "put", "ida", "--name", "Ida Quist", "--email", "ida@example.com")
    assert (profile["name"], profile["email"]) == ("Ida Quist", "ida@example.com")
    await told(stack, "put", "ida", "--email", "", "--tz", "Europe/Rome")
    shown = await told(stack, "show", "ida")
    assert (shown["name"], shown["email"], shown["tz"]) == ("Ida Quist", None, "Europe/Rome")
    lines = '{"user_id": "ivo", "name": "Ivo Quist"}\n\n{"user_id": "i/o"}\n'
    result = await command(stack, "put", "--file", "-", text=lines)
    assert (result.exit_code, "1 of 2 users are stored" in result.stdout) == (1, True)
    assert "user_id" in result.stderr
    found = await told(stack, "list", "--search", "quist")
    assert [one["user_id"] for one in found["users"]] == ["ida", "ivo"]
    assert "Ivo Quist" in (await command(stack, "list", "--search", "ivo")).output
    listed = await told(stack, "contacts", "ida", "--add", "ivo")
    assert [one["user_id"] for one in listed["contacts"]] == ["ivo"]
    assert (await told(stack, "contacts", "ivo", "--remove", "ida"))["contacts"] == []


async def test_an_operator_ends_the_access_of_a_user_and_erases_them_by_command(
    stack: Stack,
) -> None:
    async with synced(stack, "ira") as ira:
        assert (await told(stack, "ban", "ira"))["banned"] is True
        assert await ira.closed() == 4401
    assert (await told(stack, "ban", "ira", "--lift"))["banned"] is False
    async with synced(stack, "ira", token=stack.token("ira", iat=int(time.time()) + 5)) as ira:
        assert (await told(stack, "disconnect", "ira"))["valid_after"] is not None
        assert await ira.closed() == 4401
    exported = await told(stack, "export", "ira")
    assert (exported["profile"]["user_id"], exported["complete"]) == ("ira", True)
    refused = await command(stack, "erase", "ira", text="n\n")
    assert refused.exit_code == 1
    assert (await told(stack, "erase", "ira", "--yes"))["state"] == "erased"
    assert "no such user" in (await command(stack, "show", "ira")).output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "nobody at all"), 1, "there is no such user"),
        (("put", "ida", "--email", "nobody"), 1, "email"),
        (("export", "nobody"), 1, "there is no such user"),
        (("put",), 2, "pass either"),
        (("put", "ida", "--file", "-"), 2, "pass either"),
        (("put", "--file", "-"), 1, "line 2 is no JSON object"),
        (("show", "ida", "--url", "http://127.0.0.1:1"), 1, "cannot reach"),
        (("show", "ida", "--url", "nowhere"), 1, "cannot reach"),
    ],
)
async def test_what_a_command_cannot_do_is_one_line_and_an_exit_code(
    stack: Stack, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = await command(stack, *arguments, text='{"user_id": "ida"}\n[]\n')
    assert (result.exit_code, said in result.stderr) == (code, True), result.output
    assert code == 2 or result.stderr.count("\n") == 1


async def test_without_a_key_or_with_another_one_the_command_says_what_to_set(stack: Stack) -> None:
    for key, said in (("", "set LINKUP_HOST_KEY"), ("x" * 40, "another key")):
        result = await command(stack, "show", "ida", key=key)
        assert (result.exit_code, said in result.stderr) == (1, True), result.output
