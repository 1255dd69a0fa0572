"""Tests that days pass on a page that stays open, by the server's clock and not the device's."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import (
    Open,
    been_here,
    choose,
    connected,
    findable,
    has_status,
    keep_clock,
    message_menu,
    messages,
    own,
    post,
    send,
)
from tests.support.stack import Stack
from tests.support.waiting import TIMEOUT_FACTOR

DAY = timedelta(days=1)
AWAY_MS = 60_000 * TIMEOUT_FACTOR

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


def noon() -> str:
    """A time zone in which no midnight is near."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # those with a plus lie in the west


async def set_clock(page: Page, ahead: timedelta) -> None:
    await page.clock.set_system_time(datetime.now(UTC) + ahead)


async def test_f_p14_today_becomes_yesterday_while_the_page_is_open(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "ole14")
    page = await open_as("olga14", "/chat/ole14/", timezone_id=noon())
    await send(page, "good night, ole14")
    await has_status(own(page, "good night, ole14"), "sent")
    await message_menu(page, "good night, ole14")
    await choose(page, "Info")
    await expect(page.locator(".sheet")).to_be_visible()
    await page.keyboard.press("Escape")
    await findable(stack, "olga14", "ole14")
    await page.locator("#find").fill("ole14")
    await expect(page.locator(".hits time")).to_have_count(1)
    hour = await page.locator(".row time").inner_text()
    await expect(page.locator(".day")).to_have_text("Today")
    for place in (".chats time", ".hits time"):
        await expect(page.locator(place)).to_have_text(hour)
    await keep_clock(page)
    await set_clock(page, DAY)
    for place in (".day", ".chats time", ".hits time"):
        await expect(page.locator(place)).to_have_text("Yesterday")
    await expect(page.locator(".row time")).to_have_text(hour)
    await set_clock(page, 400 * DAY)
    await expect(page.locator(".day")).to_contain_text(str(datetime.now(UTC).year))
    assert await messages(page).count() == 1


@pytest.mark.parametrize("hours", [25, -25])
async def test_f_p14_the_clock_of_the_device_does_not_count(
    stack: Stack, open_as: Open, hours: int
) -> None:
    name = f"olaf{hours}"
    page = await open_as(name, f"/chat/{name}/", timezone_id=noon())
    await set_clock(page, timedelta(hours=hours))
    await page.reload()
    await connected(page)
    await send(page, "just now")
    await has_status(own(page, "just now"), "sent")
    await post(page, stack, name, name, "over HTTP")
    await expect(messages(page)).to_have_count(2)
    await expect(page.locator(".day")).to_have_text(["Today"])
    hour = await own(page, "over HTTP").locator("time").inner_text()
    await expect(page.locator(".chats time")).to_have_text(hour)
    await message_menu(page, "just now")
    await expect(page.get_by_role("menuitem", name="Edit")).to_be_enabled()
    await choose(page, "Delete…")
    await expect(page.get_by_role("button", name="Delete for everyone")).to_be_enabled()


async def test_f_p14_who_was_seen_when_is_told_by_the_clock_of_the_server(open_as: Open) -> None:
    page = await open_as("oona14", "/chat/odin14/")
    other = await open_as("odin14", "/chat/oona14/")
    await send(other, "bye")
    await has_status(own(other, "bye"), "read")
    await set_clock(page, timedelta(hours=25))
    await page.reload()
    await connected(page)
    await expect(page.locator(".sub")).to_have_text("online")
    await other.close()
    await expect(page.locator(".sub")).to_have_text("last seen just now", timeout=AWAY_MS)
