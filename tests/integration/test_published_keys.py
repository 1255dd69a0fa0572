"""Two gateways without a secret: tokens are verified with published keys alone."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm
from websockets.asyncio.client import connect

from linkup.calls import CallFailed
from linkup.installation.tokens import Tokens, printed
from tests.integration.test_erasure import content
from tests.support import web
from tests.support.endpoint import certificate, endpoint
from tests.support.peer import Http, Peer, closed
from tests.support.stack import ADMIN_KEY, AUDIENCE, HOST_KEY, KEYS, UNLIMITED, Stack, run_stack
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "canary-8d41f6"
USERS = "/v1/admin/users"

LINKUP = (sys.executable, "-m", "linkup")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    certificate(folder)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(folder: Path) -> AsyncIterator[Stack]:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "app.pem").write_bytes(private)
    trusted = {"SSL_CERT_FILE": str(folder / "endpoint.pem")}
    async with endpoint(folder) as there:
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "app"}
        there.usual, there.content = "200", json.dumps({"keys": [public]}).encode()
        settings: dict[str, Any] = {
            "jwks_url": there.url("/keys.json"),
            "outbound_allowed": "127.0.0.1",
            "dev_login": 0,
            **KEYS,
        }
        async with run_stack(
            folder, gateways=2, environment=trusted, **UNLIMITED, **settings
        ) as running:
            yield running


class Host:
    """The server of a host app: it has a key for LinkUp, and signs tokens for its users."""

    def __init__(self, stack: Stack, folder: Path, client: httpx2.AsyncClient) -> None:
        self._stack = stack
        self.client = client
        self._private = (folder / "app.pem").read_text()
        self.api = Http(client, HOST_KEY)
        self.operator = Http(client, ADMIN_KEY)

    def token(self, user_id: str) -> str:
        claims = {"sub": user_id, "aud": AUDIENCE, "exp": int(time.time()) + 300}
        return jwt.encode(claims, self._private, algorithm="ES256", headers={"kid": "app"})

    def user(self, user_id: str) -> Http:
        return Http(self.client, self.token(user_id))

    @asynccontextmanager
    async def device(self, user_id: str, gateway: str) -> AsyncIterator[Peer]:
        url = f"ws://127.0.0.1:{self._stack.port(gateway)}/ws"
        async with connect(url, open_timeout=30) as socket:
            one = Peer(socket, user_id)
            await one.send("hello", token=self.token(user_id))
            await one.next("sync_completed")
            yield one

    async def is_erased(self, user_id: str) -> bool:
        answer = await self.api.request("DELETE", f"{USERS}/{user_id}")
        return bool(answer.raise_for_status().json()["state"] == "erased")


@pytest_asyncio.fixture(loop_scope="module")
async def host(stack: Stack, folder: Path) -> AsyncIterator[Host]:
    async with web.client(base_url=stack.url, timeout=60) as client:
        yield Host(stack, folder, client)


def command(folder: Path) -> str:
    return f"{' '.join(LINKUP)} token create --kid app --key {folder / 'app.pem'}"


@pytest.mark.slow
async def test_s3_files_need_no_secret_and_their_urls_hold_at_all_gateways(
    stack: Stack, folder: Path
) -> None:
    assert not (stack.data_dir / "jwt-secret").exists()
    headers = {"authorization": f"Bearer {printed(command(folder), 'alice')}"}
    async with web.client(base_url=stack.url, headers=headers, timeout=60) as client:
        sent = await client.post("/v1/attachments", params={"name": "a.txt"}, content=b"hello")
        file_id = sent.raise_for_status().json()["attachment_id"]
        url = (await client.get(f"/v1/attachments/{file_id}")).json()["url"]
    async with web.client(timeout=60) as nobody:
        for gateway in ("gateway", "gateway-2"):
            got = await nobody.get(f"http://127.0.0.1:{stack.port(gateway)}{url}")
            assert (got.status_code, got.content) == (200, b"hello")


async def ended(*arguments: str) -> tuple[int, str]:
    """The exit status of a command, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *LINKUP, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with within(60):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.slow
async def test_conform_takes_its_tokens_from_a_command(stack: Stack, folder: Path) -> None:
    options = ("--only", "two-sockets", "--token-command", command(folder))
    status, said = await ended("conform", stack.url, *options)
    assert status == 0, said


@pytest.mark.slow
async def test_the_doctor_sends_with_tokens_from_a_command(stack: Stack, folder: Path) -> None:
    options = ("--url", stack.url, "--send", "--json", "--token-command", command(folder))
    _, said = await ended("doctor", "--data-dir", str(stack.data_dir), *options)
    [sent] = [one for one in json.loads(said)["checks"] if one["check"] == "send"]
    assert sent["status"] == "pass", sent


async def test_without_the_command_it_is_said_what_is_missing(stack: Stack) -> None:
    with pytest.raises(CallFailed, match="--token-command"):
        await asyncio.to_thread(Tokens(stack.url, "", "linkup").of, "alice")
    tokens = Tokens(stack.url, "", "linkup", command="printf x.y.")
    with pytest.raises(CallFailed, match="linkup token check"):
        await asyncio.to_thread(tokens.check, "linkup--a")


async def test_f_i13m1_people_are_made_known_chat_are_reported_banned_and_erased(
    stack: Stack, host: Host
) -> None:
    people = [
        {"user_id": "u-7", "name": "Zoë Møller"},
        {"user_id": "u-8", "name": f"Jón {CANARY}", "email": f"{CANARY}@example.com"},
    ]
    answer = await host.api.post(USERS, {"users": people})
    assert [one["stored"] for one in answer.json()["results"]] == [True, True]
    notice = {"user_id": "u-8", "notification_type": "mention", "title": CANARY}
    told = await host.api.post("/v1/admin/notifications", {**notice, "idempotency_key": "n1"})
    assert told.status_code == 201
    found = await host.user("u-8").get("/v1/users", q="mol")
    assert [one["user_id"] for one in found.json()["users"]] == ["u-7"]

    async with (
        host.device("u-7", "gateway") as zoe,
        host.device("u-8", "gateway") as jon,
        host.device("u-8", "gateway-2") as jon_too,
    ):
        await jon_too.message("u-7", f"buy my pills, says {CANARY}")
        assert CANARY in (await zoe.next("message"))["content"]
        await zoe.message("u-8", "no, thank you")
        [reported] = [one for one in zoe.frames if one["type"] == "message"]
        file_id = await host.user("u-8").upload("pills.txt", CANARY.encode())
        await jon.message("u-7", "a list", attachments=[file_id])
        report = {"client_id": "r1", "message_id": reported["message_id"], "reason": "spam"}
        filed = await host.user("u-7").post("/v1/reports", report)
        assert filed.status_code == 201
        assert (await host.api.request("PUT", f"{USERS}/u-8/ban")).status_code == 200
        for device in (jon, jon_too):
            assert await closed(device.socket) == 4401

    [shown] = (await host.operator.get("/v1/admin/reports", user_id="u-8")).json()["reports"]
    assert (shown["reporter_id"], shown["content"]) == ("u-7", reported["content"])
    done = await host.operator.post(f"/v1/admin/reports/{shown['report_id']}/resolve", {})
    assert done.json()["resolved_at"] is not None

    recorded = f"PUT {USERS}/{{user_id}}/ban", "POST /v1/admin/notifications", f"POST {USERS}"
    assert await routes(host, "u-8") == [*recorded]
    exported = await host.api.get(f"{USERS}/u-8/export")
    assert exported.text.count(CANARY) >= len(("name", "email", "message", "notification"))
    assert {"linkup.db", "notify.db"} <= holding(stack, CANARY)
    await eventually(partial(host.is_erased, "u-8"), 30)
    assert holding(stack, CANARY) == set()
    assert CANARY not in (await host.api.get(f"{USERS}/u-8/export")).text
    assert (await routes(host, "u-8"))[0] == f"DELETE {USERS}/{{user_id}}"


async def routes(host: Host, target: str) -> list[str]:
    """The routes of the latest entries of the audit log: an erasure is asked for again until it has
    ended, and each time is an entry."""
    answer = await host.operator.get("/v1/admin/audit", target=target)
    return [one["route"] for one in answer.json()["entries"]]


async def test_a_key_is_written_nowhere(stack: Stack, host: Host) -> None:
    wrong = Http(host.client, f"{HOST_KEY}x")
    for api in (host.api, host.operator, wrong):
        await api.get("/v1/admin/errors")
    assert holding(stack, HOST_KEY) | holding(stack, ADMIN_KEY) == set()


def holding(stack: Stack, text: str) -> set[str]:
    """The names of the files with this text, without what SQLite adds to them."""
    files = [stack.log, *(one for one in stack.data_dir.rglob("*") if one.is_file())]
    found = [one.name for one in files if text.encode() in content(one)]
    return {name.removesuffix("-wal") for name in found}
