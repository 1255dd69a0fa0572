"""One product and one browser for all tests of this folder; a window of its own for each person."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.e2e.browser import OnWebSocket, Open, make_known, sign_in
from tests.e2e.windows import Windows
from tests.support.stack import Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=SpareRendererForSitePerProcess",
]

ADMIN_KEY = "the-operators-key-of-the-browser-tests"
PICTURES = "https://pictures.example.com"
WINDOWS = {"edit_window": 2 * 3_600, "delete_window": 3 * 3_600}

expect.set_options(timeout=10_000 * TIMEOUT_FACTOR)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    directory = tmp_path_factory.mktemp("browser")
    settings: dict[str, Any] = {
        "message_rate": 0,
        "heartbeat": 2,
        "admin_key": ADMIN_KEY,
        "admin_per_minute": 0,
        "avatar_origins": PICTURES,
        **WINDOWS,
    }
    async with run_stack(directory, dev_login=True, **settings) as stack:
        yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"there is no {CHROMIUM}; name another one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def windows(stack: Stack, browser: Browser) -> Windows:
    return Windows(browser, stack.url)


@pytest_asyncio.fixture(loop_scope="session")
async def open_as(stack: Stack, windows: Windows) -> AsyncIterator[Open]:
    """A window of its own, with somebody signed in; what goes wrong in it fails the test."""
    faults: list[str] = []

    async def open_window(
        user_id: str,
        path: str = "/",
        wire: OnWebSocket | None = None,
        known: bool = True,
        **options: Any,
    ) -> Page:
        """`known`: whoever the path leads to is there."""
        page = await windows.open(options)
        if known:
            await make_known(page, stack, path)
        if wire:
            await page.route_web_socket("**/ws", wire)
        page.set_default_timeout(10_000 * TIMEOUT_FACTOR)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        page.on("console", lambda entry: _keep_violation(faults, entry.text))
        page.on("request", lambda request: _keep_stranger(faults, stack.url, request.url))
        await page.goto(stack.url + path)
        await sign_in(page, user_id)
        return page

    yield open_window
    await windows.take_back()
    assert faults == []


def _keep_violation(faults: list[str], text: str) -> None:
    if "Content Security Policy" in text or "TrustedHTML" in text:
        faults.append(text)


def _keep_stranger(faults: list[str], origin: str, url: str) -> None:
    """Nothing may be loaded from anywhere else, except pictures of people."""
    if not url.startswith((origin, origin.replace("http", "ws"), f"{PICTURES}/")):
        faults.append(f"loaded {url}")
