"""Tests a host app from the creation of its users to their erasure: no demo login, no secret."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from playwright.async_api import Browser, FrameLocator, Locator, expect
from websockets.asyncio.client import connect

from tests.support import web
from tests.support.endpoint import certificate, endpoint
from tests.support.hostapp import HostApp, host_app
from tests.support.peer import Peer
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.waiting import eventually, within

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="session"),
]

CANARY = "canary-8d20b3"
OPERATOR, HOST = "the-operators-key-of-32-bytes-or-more", "the-host-apps-key-of-32-bytes-or-more"
PEOPLE = {"u-1": f"Ada {CANARY}", "u-2": "Grace Hopper"}


@dataclass
class World:
    """A host app and two gateways that know only the app's public key."""

    app: HostApp
    stack: Stack

    async def ask(self, method: str, path: str, key: str = HOST, **rest: Any) -> Any:
        headers = {"authorization": f"Bearer {key}"}
        async with web.client(base_url=self.stack.url, timeout=60) as client:
            answer = await client.request(method, f"/v1/admin/{path}", headers=headers, **rest)
        return answer.raise_for_status().json() if answer.content else None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    certificate(folder)
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def world(folder: Path) -> AsyncIterator[World]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "app"}

    def sign(user_id: str, **claims: Any) -> str:
        said = {"sub": user_id, "aud": "linkup", "iat": int(time.time()) - 1, **claims}
        return jwt.encode(said, key, "ES256", {"kid": "app"})

    async with endpoint(folder) as there, host_app() as app:
        there.usual, there.content = "200", json.dumps({"keys": [public]}).encode()
        settings: dict[str, Any] = {
            "dev_login": False,
            "jwks_url": there.url("/keys.json"),
            "outbound_allowed": ("127.0.0.1",),
            "frame_ancestors": (app.url("localhost"),),
            "admin_key": OPERATOR,
            "host_key": HOST,
        }
        trusted = {"SSL_CERT_FILE": str(folder / "endpoint.pem")}
        async with run_stack(
            folder, gateways=2, environment=trusted, **UNLIMITED, **settings
        ) as stack:
            app.chat, app.sign = stack.url, sign
            yield World(app, stack)


async def opened(browser: Browser, app: HostApp, user_id: str) -> FrameLocator:
    """The chat in a page of the host app, in which the person is signed in."""
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{app.url('localhost')}/sign-in/{user_id}")
    await page.goto(app.url("localhost"))
    frame = page.frame_locator("iframe")
    await expect(frame.locator(".connection")).to_have_attribute("data-state", "connected")
    return frame


async def find(frame: FrameLocator, words: str, name: str) -> None:
    await frame.get_by_label("Find or start a conversation").fill(words)
    await frame.get_by_role("region", name="Found by name").get_by_role("link").click()
    await expect(frame.get_by_role("heading", name=name)).to_be_visible()


async def write(frame: FrameLocator, content: str) -> None:
    await frame.get_by_label("Message", exact=True).fill(content)
    await frame.get_by_label("Message", exact=True).press("Enter")


async def report(frame: FrameLocator, text: Locator) -> None:
    await text.click(button="right")
    await frame.get_by_role("menuitem", name="Report…").click()
    await frame.get_by_label("Spam or advertising").check()
    await frame.get_by_role("button", name="Send report").click()
    await expect(frame.locator(".toast")).to_contain_text("Thank you")


async def test_s3_s28_people_are_made_meet_and_are_banned_reported_exported_and_erased(
    browser: Browser, world: World
) -> None:
    users = [{"user_id": user_id, "name": name} for user_id, name in PEOPLE.items()]
    await world.ask("POST", "users", json={"users": users})
    ada = await opened(browser, world.app, "u-1")
    grace = await opened(browser, world.app, "u-2")
    await expect(ada.get_by_role("heading", name=PEOPLE["u-1"])).to_be_visible()

    await find(ada, "hop", "Grace Hopper")
    await write(ada, f"{CANARY} hello")
    await expect(ada.locator(".row.own")).to_have_attribute("data-status", "delivered")
    await grace.locator(".chats a").filter(has_text=PEOPLE["u-1"]).click()
    await expect(grace.locator(".row .text")).to_have_text([f"{CANARY} hello"])
    await write(grace, "Who are you?")
    await expect(ada.locator(".row .text")).to_have_text([f"{CANARY} hello", "Who are you?"])

    await report(grace, grace.locator(".row .text").first)
    (reported,) = await open_reports(world)
    assert (reported["user_id"], reported["reporter_id"]) == ("u-1", "u-2")
    await world.ask("POST", f"reports/{reported['report_id']}/resolve", OPERATOR, json={})
    assert await open_reports(world) == []

    await banned_at_once(world, "u-1")
    await expect(
        ada.get_by_text("Your session is over. You no longer have access.")
    ).to_be_visible()
    await expect(ada.locator(".toast")).to_have_count(0)  # one place says it

    assert CANARY in json.dumps(await world.ask("GET", "users/u-1/export"))
    assert holding(world.stack) != []
    await erased(world, "u-1")
    assert await world.stack.stop() == 0  # the last to close a database makes a checkpoint
    assert holding(world.stack) == []


async def open_reports(world: World) -> list[dict[str, Any]]:
    answer = await world.ask("GET", "reports", OPERATOR, params={"resolved": "false"})
    return list(answer["reports"])


async def banned_at_once(world: World, user_id: str) -> None:
    """Let a socket of the user at each gateway close within a second."""
    token = world.app.sign(user_id, exp=int(time.time()) + 300)
    async with AsyncExitStack() as sockets:
        peers: list[Peer] = []
        for gateway in ("gateway", "gateway-2"):
            url = f"ws://127.0.0.1:{world.stack.port(gateway)}/ws"
            socket = await sockets.enter_async_context(connect(url))
            peers.append(Peer(socket, user_id))
            await peers[-1].send("hello", token=token)
            await peers[-1].next("sync_completed")
        await world.ask("PUT", f"users/{user_id}/ban")
        async with within(1):
            assert [await one.closed() for one in peers] == [4401, 4401]


async def erased(world: World, user_id: str) -> None:
    async def is_erased() -> bool:
        told = await world.ask("DELETE", f"users/{user_id}")
        return bool(told["state"] == "erased")

    await eventually(is_erased, 30)


def holding(stack: Stack) -> list[str]:
    """The files that contain the canary."""
    files = [path for path in stack.data_dir.parent.rglob("*") if path.is_file()]
    return [path.name for path in files if CANARY.encode() in path.read_bytes()]
