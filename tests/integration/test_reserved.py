"""Reserved users on a running product: not there for anybody else, and nobody is told of them."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from email import message_from_bytes
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from linkup.installation.tokens import Tokens
from linkup.load import replay, running
from linkup.load.joining import socket_url
from linkup.load.running import Plan
from tests.support import web
from tests.support.peer import Frame, Http, closed, http, peer, synced
from tests.support.stack import AUDIENCE, Stack, run_stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

KIT, LOAD = "linkup--kit", "linkup--load"
PATIENT = ("--patience", "20")  # on a machine that has other work
ACROSS = [("alice", KIT), (KIT, "alice")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    async with run_stack(
        folder, message_rate=0, sockets_per_address=0, notify_email_after=0.1
    ) as running:
        for user_id in ("alice", KIT, LOAD):
            async with peer(running, user_id):
                pass
        yield running


def without(frame: Frame, *names: str) -> Frame:
    return {name: value for name, value in frame.items() if name not in names}


async def asked(api: Http, method: str, path: str, body: Any = None) -> list[Any]:
    answer = await api.request(method, path, body) if body else await api.request(method, path)
    return [answer.status_code, answer.json() if answer.content else None]


@pytest.mark.parametrize(("by", "other"), ACROSS)
async def test_f_s9_every_door_answers_as_if_the_other_were_absent(
    stack: Stack, by: str, other: str
) -> None:
    absent = f"{other}-who-never-came"
    async with http(stack, by) as api, synced(stack, by) as one:
        group = await api.post("/v1/conversations", {"title": "G", "members": [], "client_id": by})
        place = group.json()["conversation"]["conversation_id"]
        doors: list[tuple[str, str, Any]] = [
            ("POST", "/v1/messages", {"to": "@", "content": "x", "client_id": "h"}),
            ("POST", "/v1/conversations", {"to": "@"}),
            ("POST", "/v1/conversations", {"title": "T", "members": ["@"], "client_id": "g"}),
            ("POST", f"/v1/conversations/{place}/members", {"members": ["@"]}),
            ("POST", "/v1/blocks", {"user_id": "@"}),
            ("DELETE", "/v1/blocks/@", None),
            ("POST", "/v1/reports", {"client_id": "r", "user_id": "@", "reason": "spam"}),
            ("GET", "/v1/users/@/status", None),
        ]
        for method, path, body in doors:
            tried = [
                await asked(
                    api,
                    method,
                    path.replace("@", name),
                    body and json.loads(json.dumps(body).replace("@", name)),
                )
                for name in (other, absent)
            ]
            assert tried[0] == tried[1], (method, path)
            assert tried[0][0] == 404, (method, path, tried[0])
        page = await api.get("/v1/conversations", peer=other)
        assert page.json()["conversations"] == []
        refused = [await one.message(name, "x") for name in (other, absent)]
        assert without(refused[0], "client_id") == without(refused[1], "client_id")
        assert refused[0]["code"] == "not_found"
        await one.send("presence_subscribe", user_ids=[other])
        told = await one.next("presence", user_id=other)
        assert (told["is_online"], told["last_seen"]) == (False, None)


@pytest.mark.parametrize(("by", "other"), ACROSS)
async def test_f_s9_the_narrow_socket_to_the_other_is_4404(
    stack: Stack, by: str, other: str
) -> None:
    async with connect(f"{stack.ws_url}/chat/{other}/") as ws:
        await ws.send(json.dumps({"type": "hello", "token": stack.token(by)}))
        assert json.loads(await ws.recv())["code"] == "not_found"
        assert await closed(ws) == 4404


async def test_f_s9_they_write_to_each_other_and_nobody_gets_a_letter(stack: Stack) -> None:
    """A letter to alice, due after all of theirs, shows that theirs would have been written."""
    for user_id in (KIT, LOAD, "alice", "bob"):
        await known(stack, user_id)
    async with synced(stack, KIT) as kit, synced(stack, "bob") as bob, http(stack, KIT) as api:
        ack = await kit.message(LOAD, "hello")
        assert ack["type"] == "ack"
        tokens = Tokens(stack.url, "", AUDIENCE)
        plan = Plan(url=stack.url, pairs=2, rate=20, seconds=0.5, warmup=0, typists=2)
        assert (await running.run(plan, tokens)).sound
        await replayed(stack, tokens)
        await conform(stack)
        await bob.message("alice", "are you there?")
        await eventually(lambda: letters(stack) == ["alice@example.com"], 20)
        steps = (await api.get(f"/v1/messages/{ack['message_id']}/timeline")).json()["steps"]
    assert "notification" not in [step["step"] for step in steps]
    assert letters(stack) == ["alice@example.com"]


async def known(stack: Stack, user_id: str) -> None:
    """Make a user known, with an e-mail address."""
    name = user_id.removeprefix("linkup--")
    async with connect(stack.ws_url) as ws:
        token = stack.token(user_id, email=f"{name}@example.com")
        await ws.send(json.dumps({"type": "hello", "token": token}))
        assert json.loads(await ws.recv())["type"] == "welcome"


async def replayed(stack: Stack, tokens: Tokens) -> None:
    file = stack.data_dir.parent / "talk.jsonl"
    file.write_text('{"from": "alice", "to": "bob", "content": "recorded"}\n')
    report = await replay.run(socket_url(stack.url), stack.url, tokens, file, lambda text: None)
    assert report.sound


async def conform(stack: Stack) -> None:
    arguments = ("conform", stack.url, "--only", "message/*", "--only", "group/*", *PATIENT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", *arguments), stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


def letters(stack: Stack) -> list[str]:
    """To whom e-mails were written so far."""
    files = (stack.data_dir / "mail").glob("*.eml")
    return sorted(str(message_from_bytes(file.read_bytes())["To"]) for file in files)


async def test_f_s9_the_tools_leave_nobody_behind_who_is_not_reserved(stack: Stack) -> None:
    """As all that the tools did here they did by the demo login; alice and bob are the test's."""
    found = users(stack)
    assert {one for one in found if not one.startswith("linkup--")} == {"alice", "bob"}
    for tool in ("linkup--conform-", "linkup--load-"):
        assert any(one.startswith(tool) for one in found)
    assert "linkup--load-alice" in found


def users(stack: Stack) -> set[str]:
    with sqlite3.connect(f"file:{stack.data_dir / 'linkup.db'}?mode=ro", uri=True) as db:
        found = {user_id for (user_id,) in db.execute("SELECT user_id FROM users")}
    db.close()
    return found


async def test_f_s9_a_demo_login_of_a_reserved_user_makes_no_cast(stack: Stack) -> None:
    async with web.client(base_url=stack.url, timeout=60) as client:
        answer = await client.post("/v1/dev/login", json={"user_id": "linkup--x"})
    assert answer.status_code == 200
    assert "linkup--x" in users(stack)
    assert "carol" not in users(stack)
