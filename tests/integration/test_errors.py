"""An error goes from where it is met to the store, and from there to the operator."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from shared.health.catalogue import ALL
from tests.support import web
from tests.support.peer import peer
from tests.support.ports import free_port
from tests.support.stack import Stack, run_stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY, NEXT_KEY = "the-operators-key-of-at-least-32-bytes", "another-key-of-at-least-32-bytes-too"
ERRORS = "/v1/admin/errors"
CANARY = "canary-7f3a"


@pytest.fixture(scope="module")
def operators_port() -> int:
    return free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(
    tmp_path_factory: pytest.TempPathFactory, operators_port: int
) -> AsyncIterator[Stack]:
    directory, keys = tmp_path_factory.mktemp("errors"), f"{KEY},{NEXT_KEY}"
    operators: dict[str, Any] = {
        "admin_key": keys,
        "admin_per_minute": 0,
        "metrics_port": operators_port,
    }
    async with run_stack(directory, **operators) as stack:
        yield stack


async def asked(stack: Stack, method: str, path: str, key: str = KEY, **more: Any) -> Any:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with web.client(base_url=stack.url, timeout=60) as client:
        return await client.request(method, path, headers=headers, **more)


async def told(stack: Stack, **query: Any) -> list[dict[str, Any]]:
    answer = await asked(stack, "GET", ERRORS, params=query)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["errors"]
    return found


async def is_told(stack: Stack, **query: Any) -> bool:
    return bool(await told(stack, **query))


@pytest.mark.parametrize("key", [KEY, NEXT_KEY])
async def test_s42_the_operators_key_opens_health_and_metrics_from_anywhere(
    stack: Stack, key: str
) -> None:
    passed_on = {"x-forwarded-for": "203.0.113.7"}
    async with web.client(base_url=stack.url, headers=passed_on, timeout=60) as client:
        for given, whole in ((key, True), (key[:-1], False), ("", False)):
            headers = {"authorization": f"Bearer {given}"} if given else {}
            health = (await client.get("/health", headers=headers)).json()
            assert (health.keys() > {"status"}) == whole
            metrics = await client.get("/metrics", headers=headers)
            assert metrics.status_code == (200 if whole else 404)


async def test_s42_the_port_for_operators_tells_all_even_to_who_comes_by_a_proxy(
    stack: Stack, operators_port: int
) -> None:
    url, proxied = f"http://127.0.0.1:{operators_port}", {"x-forwarded-for": "203.0.113.7"}
    async with web.client(base_url=url, timeout=60) as client:
        whole = (await client.get("/health", headers=proxied)).json()
        assert whole["services"].keys() == set(ALL)
        assert (await client.get("/metrics", headers=proxied)).status_code == 200
        for path in ("/", "/ws", "/v1/conversations"):
            assert (await client.get(path)).status_code == 404


async def linkup(stack: Stack, *arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", "errors", *arguments, "--data-dir", str(stack.data_dir)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


async def misbehave(stack: Stack) -> None:
    """A bad frame, a bad token and a bad body, each with what must not be in a record."""
    async with peer(stack, "alice") as alice:
        await alice.send("message", to="bob", content=CANARY, client_id="c1", odd=CANARY)
        await alice.next("error", code="invalid_frame")
    await asked(stack, "GET", "/v1/conversations", f"{CANARY}.{CANARY}.{CANARY}")
    await asked(stack, "POST", "/v1/messages", stack.token("alice"), json={"content": CANARY})


async def test_s81_what_is_met_is_listed_and_resolved_with_the_operators_key(stack: Stack) -> None:
    await misbehave(stack)
    for category in ("validation_error", "auth_error"):
        await eventually(partial(is_told, stack, category=category))
    [found] = [one for one in await told(stack, service="gateway") if "frame" in one["message"]]
    assert (found["category"], found["severity"]) == ("validation_error", "medium")
    path = f"{ERRORS}/{found['error_id']}/resolve"
    answer = await asked(stack, "POST", path, NEXT_KEY, json={"notes": "an old client"})
    assert (answer.json()["resolved"], answer.json()["notes"]) == (True, "an old client")
    resolved = {one["error_id"] for one in await told(stack, resolved="true")}
    assert resolved == {found["error_id"]}
    assert found["error_id"] not in {one["error_id"] for one in await told(stack, resolved="false")}
    assert await told(stack, since="2999-01-01T00:00:00Z") == []


async def paged(stack: Stack) -> list[str]:
    """The ids of all errors, asked for one by one."""
    ids: list[str] = []
    query = {"limit": "1"}
    while True:
        page = (await asked(stack, "GET", ERRORS, params=query)).json()
        ids += [one["error_id"] for one in page["errors"]]
        if page["next"] is None:
            return ids
        query["before"] = page["next"]


async def test_pages_of_errors_follow_each_other(stack: Stack) -> None:
    await misbehave(stack)

    async def agree() -> bool:  # once nothing is on its way any more
        whole = [one["error_id"] for one in await told(stack, limit=100)]
        return len(whole) > 1 and await paged(stack) == whole

    await eventually(agree)


async def test_c9_no_record_has_what_was_sent_or_shown(stack: Stack) -> None:
    await misbehave(stack)
    await eventually(lambda: is_told(stack, category="auth_error"))
    [everything] = [await asked(stack, "GET", ERRORS, params={"limit": 100})]
    kept = (stack.data_dir / "linkup.db").read_bytes() + stack.log.read_bytes()
    wal = stack.data_dir / "linkup.db-wal"
    kept += wal.read_bytes() if wal.exists() else b""
    for secret in (CANARY, stack.token("alice"), KEY, "alice@linkup.example"):
        assert secret not in everything.text
    assert CANARY.encode() not in kept
    assert KEY.encode() not in kept


@pytest.mark.parametrize("key", ["", "wrong" * 10, KEY[:-1], f"{KEY},{NEXT_KEY}"])
async def test_without_the_key_nothing_is_told(stack: Stack, key: str) -> None:
    for method, path in (("GET", ERRORS), ("POST", f"{ERRORS}/e{'a' * 16}/resolve")):
        answer = await asked(stack, method, path, key)
        assert answer.status_code == 401
    answer = await asked(stack, "GET", ERRORS, stack.token("alice"))  # nor with a user's token
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"category": "other"}, "category"),
        ({"severity": "other"}, "severity"),
        ({"resolved": "perhaps"}, "resolved"),
        ({"since": "yesterday"}, "since"),
        ({"before": "1-x"}, "before"),
        ({"odd": "1"}, "odd"),
    ],
)
async def test_a_filter_that_is_none_is_refused_by_name(
    stack: Stack, query: dict[str, str], named: str
) -> None:
    answer = await asked(stack, "GET", ERRORS, params=query)
    assert answer.status_code == 400
    assert f"`{named}`" in answer.json()["detail"]


async def test_an_error_that_is_not_there_is_not_found(stack: Stack) -> None:
    answer = await asked(stack, "POST", f"{ERRORS}/e{'a' * 16}/resolve", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.slow
async def test_s81_linkup_errors_lists_shows_and_resolves(stack: Stack) -> None:
    await misbehave(stack)
    await eventually(lambda: is_told(stack, category="auth_error"))
    status, listed, _ = await linkup(stack, "--category", "auth_error", "--json")
    [found] = json.loads(listed)["errors"]
    assert (status, found["category"]) == (0, "auth_error")
    assert "auth_error" in (await linkup(stack))[1]
    status, shown, _ = await linkup(stack, "show", found["error_id"])
    assert status == 0
    assert found["message"] in shown
    status, resolved, _ = await linkup(stack, "resolve", found["error_id"], "--notes", "seen")
    assert (status, found["error_id"] in resolved) == (0, True)
    [again] = await told(stack, category="auth_error")
    assert (again["resolved"], again["notes"]) == (True, "seen")
    for command in ("show", "resolve"):
        status, _, refused = await linkup(stack, command, "e" + "a" * 16)
        assert status == 1
        assert "`linkup errors` lists them" in refused


async def test_without_the_store_the_services_tell_what_is_in_memory(stack: Stack) -> None:
    await misbehave(stack)
    pid = stack.pids()["persistence"]
    os.kill(pid, signal.SIGSTOP)
    try:
        status, listed, _ = await linkup(stack, "--json", "--service", "gateway")
    finally:
        os.kill(pid, signal.SIGCONT)
    found = json.loads(listed)
    assert (status, found["stored"], found["silent"]) == (0, False, ["persistence"])
    assert {one["category"] for one in found["errors"]} >= {"auth_error", "validation_error"}


async def test_a_passed_on_request_is_not_told_what_is_in_memory(stack: Stack) -> None:
    async with web.client(base_url=stack.url, timeout=60) as client:
        own = await client.get("/errors")
        passed_on = await client.get("/errors", headers={"x-forwarded-for": "203.0.113.7"})
    assert (own.status_code, passed_on.status_code) == (200, 404)
