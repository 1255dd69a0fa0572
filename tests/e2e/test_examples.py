"""Tests the apps of examples/: each signs people in, and shows their messages in a frame."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, FrameLocator, expect

from tests.support import web
from tests.support.endpoint import certificate
from tests.support.examples import COMMANDS, TlsProxy, can_run, example, private_key, tls_proxy
from tests.support.stack import Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,  # test_wayin.py has a smaller host app
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]

APPS = [name for name in COMMANDS if can_run(name)]
PATIENCE = 20_000 * TIMEOUT_FACTOR  # ms: the page waits for five seconds before it asks again
HOST_KEY = "a-host-key-of-at-least-thirty-two-bytes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port that LinkUp will have: the apps start first, and their pages name it.

    It stays bound, so that nobody else is given it, but nobody listens there until LinkUp does.
    """
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield int(reserved.getsockname()[1])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def proxies(folder: Path, port: int) -> AsyncIterator[dict[str, TlsProxy]]:
    """The apps run, each behind its own."""
    pem, key = certificate(folder), private_key(folder)
    async with AsyncExitStack() as opened:
        proxies = {name: await opened.enter_async_context(tls_proxy(pem)) for name in APPS}
        for name, proxy in proxies.items():
            running = example(name, f"http://127.0.0.1:{port}", key)
            proxy.target = await opened.enter_async_context(running)
        yield proxies


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(folder: Path, port: int, proxies: dict[str, TlsProxy]) -> AsyncIterator[Stack]:
    """A product without a demo login and without a shared secret: the apps publish one key."""
    async with run_stack(
        folder,
        environment={"SSL_CERT_FILE": str(folder / "endpoint.pem")},
        gateway_port=port,
        dev_login=False,
        host_key=HOST_KEY,
        jwks_url=proxies["fastapi"].url("127.0.0.1") + "/jwks.json",
        outbound_allowed=("127.0.0.1",),
        frame_ancestors=tuple(proxy.url("localhost") for proxy in proxies.values()),
    ) as house:
        yield house


async def put(house: Stack, user_id: str, name: str) -> None:
    headers = {"Authorization": f"Bearer {HOST_KEY}"}
    async with web.client(base_url=house.url, headers=headers) as client:
        answer = await client.put(f"/v1/admin/users/{user_id}", json={"name": name})
        assert answer.status_code in (200, 201, 204), answer.text


async def come(context: BrowserContext, url: str, user_id: str) -> FrameLocator:
    """Somebody in a window of their own, signed in at the app: its frame."""
    page = await context.new_page()
    await page.goto(url)
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_role("heading", name="You are signed out")).to_be_visible()
    await page.goto(f"{url}/sign-in/{user_id}")
    state = frame.locator(".connection")
    await expect(state).to_have_attribute("data-state", "connected")
    return frame


async def test_s3_an_example_that_cannot_answer_signs_nobody_out(
    house: Stack, proxies: dict[str, TlsProxy], browser: Browser
) -> None:
    """Nor does a redirect to a login page leave the chat without an answer."""
    url = proxies["fastapi"].url("localhost")
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await page.goto(f"{url}/sign-in/alice-of-the-frame")
    await page.route("**/linkup/token", lambda route: route.fulfill(status=503))
    await page.goto(url)
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_text("does not answer")).to_be_visible(timeout=PATIENCE)
    await page.unroute_all()
    state = frame.locator(".connection")
    await expect(state).to_have_attribute("data-state", "connected", timeout=PATIENCE)
    away = {"location": "/login"}
    await page.route("**/linkup/token", lambda route: route.fulfill(status=302, headers=away))
    await page.goto(url)
    await expect(frame.get_by_role("heading", name="You are signed out")).to_be_visible()
    await context.close()


async def write(frame: FrameLocator, to: str, content: str) -> None:
    await frame.get_by_label("Find or start a conversation").fill(to)
    await frame.get_by_label("Find or start a conversation").press("Enter")
    await frame.get_by_label("Message", exact=True).fill(content)
    await frame.get_by_label("Message", exact=True).press("Enter")


@pytest.mark.parametrize("name", APPS)
async def test_s3_two_people_write_to_each_other_in_the_page_of_an_example(
    house: Stack, proxies: dict[str, TlsProxy], browser: Browser, name: str
) -> None:
    alice, bob = f"alice-{name}", f"bob-{name}"
    await put(house, bob, f"Bob of {name}")
    first, second = [await browser.new_context(ignore_https_errors=True) for _ in range(2)]
    here = await come(first, proxies[name].url("localhost"), alice)
    await write(here, bob, f"from {name}")
    await expect(here.get_by_role("heading", name=f"Bob of {name}")).to_be_visible()
    there = await come(second, proxies[name].url("localhost"), bob)
    await there.locator(".chats a").click()
    await expect(there.locator(".row .text")).to_have_text([f"from {name}"])
    await expect(here.locator(".row.own")).to_have_attribute("data-status", "read")
    for context in (first, second):
        await context.close()


async def test_s3_each_example_publishes_the_key_that_it_signs_with(
    proxies: dict[str, TlsProxy],
) -> None:
    published = []
    async with web.client() as client:
        for proxy in proxies.values():
            answer = await client.get(f"http://127.0.0.1:{proxy.target}/jwks.json")
            [key] = answer.json()["keys"]
            published.append(key)
    assert [key for key in published if key != published[0]] == []
    assert published[0].keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
