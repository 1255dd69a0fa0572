"""Two gateways without a secret: tokens are verified with published keys alone."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from linkup.calls import CallFailed, Tokens, printed
from tests.support.endpoint import certificate, endpoint
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.waiting import within

pytestmark = pytest.mark.asyncio(loop_scope="module")

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
        }
        async with run_stack(
            folder, gateways=2, environment=trusted, **UNLIMITED, **settings
        ) as running:
            yield running


def command(folder: Path) -> str:
    return f"{' '.join(LINKUP)} token create --kid app --key {folder / 'app.pem'}"


async def test_s3_files_need_no_secret_and_their_urls_hold_at_all_gateways(
    stack: Stack, folder: Path
) -> None:
    assert not (stack.data_dir / "jwt-secret").exists()
    headers = {"authorization": f"Bearer {printed(command(folder), 'alice')}"}
    async with httpx2.AsyncClient(base_url=stack.url, headers=headers, timeout=60) as client:
        sent = await client.post("/v1/attachments", params={"name": "a.txt"}, content=b"hello")
        file_id = sent.raise_for_status().json()["attachment_id"]
        url = (await client.get(f"/v1/attachments/{file_id}")).json()["url"]
    async with httpx2.AsyncClient(timeout=60) as nobody:
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


async def test_conform_takes_its_tokens_from_a_command(stack: Stack, folder: Path) -> None:
    options = ("--only", "two-sockets", "--token-command", command(folder))
    status, said = await ended("conform", stack.url, *options)
    assert status == 0, said


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
