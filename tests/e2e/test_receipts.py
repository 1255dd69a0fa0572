"""Tests what a person is told of an own message: who has it, who has read it, since when."""

import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.e2e.browser import (
    Open,
    been_here,
    begin_chat,
    choose,
    has_status,
    message_menu,
    own,
    send,
    sign_in,
)
from tests.support.stack import Stack, run_stack
from tests.support.waiting import eventually

PHONE = {"width": 390, "height": 780}
LEAST_TARGET = 44  # pixels, for a finger
CLOCK = re.compile(r"\d{1,2}:\d{2}")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


def step(page: Page, name: str) -> Locator:
    return page.locator(".steps li").filter(has_text=name)


def people(page: Page, heading: str) -> Locator:
    return page.get_by_role("region", name=heading).locator("bdi")


async def info(page: Page, content: str) -> None:
    await message_menu(page, content)
    await choose(page, "Info")
    await expect(page.locator(".receipts")).to_have_attribute("aria-busy", "false")


async def make_group(page: Page, title: str, *people: str) -> None:
    await page.get_by_role("button", name="New group").click()
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("People").fill(",".join(people))
    await page.get_by_role("button", name="Create group").click()
    await expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


async def test_s18_s65_an_own_message_tells_its_steps_as_they_come(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "gabi")
    gero = await open_as("gero", "/chat/gabi/")
    await send(gero, "Where are you?")
    await has_status(own(gero, "Where are you?"), "sent")
    await info(gero, "Where are you?")
    await expect(gero.locator(".reported")).to_have_text("Where are you?")
    await expect(step(gero, "Sent").locator("time")).to_have_text(CLOCK)
    await expect(step(gero, "Delivered")).to_contain_text("Not yet")
    await expect(step(gero, "Read")).to_contain_text("Not yet")

    gabi = await open_as("gabi")
    await expect(step(gero, "Delivered").locator("time")).to_have_text(CLOCK)
    await expect(step(gero, "Read")).to_contain_text("Not yet")
    await gabi.locator(".chats a").filter(has_text="gero").click()
    await expect(step(gero, "Read").locator("time")).to_have_text(CLOCK)
    await gero.keyboard.press("Escape")
    await expect(gero.locator(".sheet")).to_have_count(0)
    await expect(own(gero, "Where are you?")).to_be_focused()

    await message_menu(gabi, "Where are you?")  # it is nobody else's to know
    await expect(gabi.get_by_role("menuitem", name="Report…")).to_be_visible()
    await expect(gabi.get_by_role("menuitem", name="Info")).to_have_count(0)


async def test_s65_s89_a_group_is_sorted_by_who_has_read_who_has_it_and_who_not(
    stack: Stack,
    open_as: Open,
) -> None:
    await been_here(stack, "inken", "jana", "jorg")
    hera = await open_as("hera", viewport=PHONE, has_touch=True, is_mobile=True)
    await make_group(hera, "Harbour", "inken", "jana", "jorg")
    await send(hera, "We sail at ten")
    await has_status(own(hera, "We sail at ten"), "sent")
    await info(hera, "We sail at ten")
    await expect(people(hera, "Not yet")).to_have_text(["inken", "jana", "jorg"])
    await expect(hera.get_by_role("region")).to_have_count(1)  # nothing of what is empty

    inken = await open_as("inken")
    await open_as("jana")
    await expect(people(hera, "Delivered to")).to_have_text(["inken", "jana"])
    await inken.locator(".chats a").filter(has_text="Harbour").click()
    await expect(people(hera, "Read by")).to_have_text(["inken"])
    await expect(people(hera, "Delivered to")).to_have_text(["jana"])
    await expect(people(hera, "Not yet")).to_have_text(["jorg"])
    for name in ("Read by", "Delivered to", "Not yet"):
        region = hera.get_by_role("region", name=name)
        await expect(region.locator(".share")).to_have_text("1 of 3")
        times = region.locator("time")
        await expect(times).to_have_count(0 if name == "Not yet" else 1)

    target = await hera.locator(".sheet").get_by_role("button", name="Close").bounding_box()
    assert target is not None
    assert min(target["width"], target["height"]) >= LEAST_TARGET


async def test_s65_many_receipts_come_by_pages_and_stay_when_marks_move(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "knut", "lasse", "luna")
    page = await open_as("kara")

    async def two_a_page(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("limit=50", "limit=2"))

    await page.route("**/receipts?*", two_a_page)
    await make_group(page, "Kites", "knut", "lasse", "luna")
    await send(page, "Wind is up")
    await has_status(own(page, "Wind is up"), "sent")
    await info(page, "Wind is up")
    waiting = page.get_by_role("region", name="Not yet")
    await expect(waiting.locator("bdi")).to_have_text(["knut", "lasse"])
    await expect(waiting.locator(".share")).to_have_text("3 of 3")
    await expect(waiting).to_contain_text("and 1 more")
    await page.get_by_role("button", name="Show more").click()
    await expect(waiting.locator("bdi")).to_have_text(["knut", "lasse", "luna"])
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    await expect(page.locator(".receipts")).to_be_focused()

    await open_as("knut")
    await expect(people(page, "Delivered to")).to_have_text(["knut"])
    await expect(people(page, "Not yet")).to_have_text(["lasse", "luna"])


async def test_s65_a_time_that_is_no_longer_known_is_left_out(open_as: Open) -> None:
    page = await open_as("mats", "/chat/nelda/")
    other = await open_as("nelda", "/chat/mats/")
    await send(page, "Long ago")
    await has_status(own(page, "Long ago"), "read")

    async def pruned(route: Route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        for receipt in body["receipts"]:
            receipt.update(delivered_at=None, read_at=None)
        await route.fulfill(response=answer, body=json.dumps(body))

    await page.route("**/receipts?*", pruned)
    await info(page, "Long ago")
    await expect(step(page, "Sent").locator("time")).to_have_count(1)
    for name in ("Delivered", "Read"):
        await expect(step(page, name)).to_have_text(name)
    await other.close()


async def test_s65_s90_receipts_that_do_not_load_are_said_and_asked_for_again(
    open_as: Open,
) -> None:
    page = await open_as("odin", "/chat/odin/")
    await send(page, "Note")
    await has_status(own(page, "Note"), "sent")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=403)

    await page.route("**/receipts?*", refuse)
    await message_menu(page, "Note")
    await choose(page, "Info")
    await expect(page.locator(".sheet .problem")).to_have_text("The server answered 403")
    await expect(page.locator(".receipts")).to_have_attribute("aria-busy", "true")
    await page.unroute("**/receipts?*", refuse)
    await page.get_by_role("button", name="Try again").press("Enter")
    await expect(page.get_by_text("Only you can see this message.")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    await expect(page.locator(".receipts")).to_be_focused()


@pytest_asyncio.fixture(loop_scope="session")
async def mailing(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> AsyncIterator[Page]:
    """A product of its own, which e-mails at once what is unread; svea is signed in to it."""
    directory = tmp_path_factory.mktemp("mailing")
    async with run_stack(directory, dev_login=True, notify_email_after=0.0) as stack:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(stack.url)
        await sign_in(page, "thea")
        # The page goes to the front door by itself, a little later: nobody may go there meanwhile.
        await page.get_by_role("button", name="Sign out").click()
        await sign_in(page, "svea")
        yield page
        await context.close()


async def test_s51_s65_an_email_about_it_is_a_quiet_line(mailing: Page) -> None:
    page = mailing
    await begin_chat(page, "thea")
    await send(page, "Are you coming?")
    await has_status(own(page, "Are you coming?"), "sent")

    async def mailed() -> bool:
        """Opens the window until the mail server has it: nothing tells that while it is open."""
        await page.keyboard.press("Escape")
        await message_menu(page, "Are you coming?")
        async with page.expect_response("**/timeline") as answer:
            await choose(page, "Info")
        timeline = await (await answer.value).json()
        return any(one.get("outcome") == "sent" for one in timeline["steps"])

    await eventually(mailed)
    quiet = page.locator(".sheet > .inside > .quiet")
    await expect(quiet).to_have_text(re.compile(rf"^E-mail sent {CLOCK.pattern}"))
    await expect(step(page, "Read")).to_contain_text("Not yet")
