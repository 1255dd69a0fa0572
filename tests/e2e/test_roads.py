"""Tests the page where WebSockets are blocked: messages go and come over HTTP."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from shared.subjects import direct_conversation_id
from tests.e2e.browser import Open, been_here, has_status, messages, own, send
from tests.support.blocker import Blocker, run_blocker
from tests.support.peer import http
from tests.support.stack import Stack
from tests.support.waiting import TIMEOUT_FACTOR

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]

SECONDS = 30_000 * TIMEOUT_FACTOR  # a socket comes back within fifteen


@pytest_asyncio.fixture(loop_scope="session")
async def blocker(stack: Stack) -> AsyncIterator[Blocker]:
    async with run_blocker(stack.url) as blocker:
        yield blocker


@pytest_asyncio.fixture(loop_scope="session")
async def behind(browser: Browser, blocker: Blocker) -> AsyncIterator[Page]:
    """A window whose network is the blocker's."""
    context = await browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(10_000 * TIMEOUT_FACTOR)
    yield page
    await context.close()


async def goes_by(page: Page, state: str) -> None:
    indicator = page.locator(".connection")
    await expect(indicator).to_have_attribute("data-state", state, timeout=SECONDS)


async def sign_in(page: Page, url: str, user_id: str) -> None:
    await page.goto(url)
    await page.get_by_label("Another user").fill(user_id)
    await page.get_by_role("button", name="Sign in").click()


async def try_again(page: Page) -> None:
    """The socket, at once."""
    await page.evaluate("dispatchEvent(new Event('online'))")


async def history(stack: Stack, user_id: str, peer: str) -> list[str]:
    place = direct_conversation_id(user_id, peer)
    async with http(stack, user_id) as client:
        return [message["content"] for message in await client.history(place)]


async def test_s62_s107_none_is_lost_or_twice_through_two_changes_of_road(
    stack: Stack, open_as: Open, blocker: Blocker, behind: Page
) -> None:
    """The page begins without a socket, gets one, and loses it again."""
    await been_here(stack, "roland")
    pages = {"rhoda": await open_as("rhoda", "/chat/roland/"), "roland": behind}
    numbers, said = count(), []

    async def write(times: int) -> None:
        for _ in range(times):
            number = next(numbers)
            for name, page in pages.items():
                said.append(f"{name} {number}")
                await send(page, said[-1])

    blocker.block()
    await sign_in(behind, f"{blocker.url}/chat/rhoda/", "roland")
    await write(2)
    await goes_by(behind, "polling")
    await expect(behind.locator(".connection")).to_have_text("Connected without live updates")
    await expect(behind.locator(".banner")).to_be_hidden()
    await write(3)
    blocker.allow()
    await try_again(behind)
    await write(5)
    await goes_by(behind, "connected")
    await write(2)
    blocker.block()
    await write(5)
    await goes_by(behind, "polling")
    await write(3)
    await expect(messages(behind)).to_have_count(len(said))
    for page in pages.values():
        await expect(page.locator(".row.own[data-status=pending]")).to_have_count(0)
    stored = await history(stack, *pages)
    assert sorted(stored) == sorted(said)
    for name, page in pages.items():
        await expect(messages(page)).to_have_text(stored)
        await has_status(own(page, said[-1 if name == "roland" else -2]), "read")
        mine = [text for text in stored if text.startswith(name)]
        assert mine == [text for text in said if text.startswith(name)]
    assert blocker.refused
