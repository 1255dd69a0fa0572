"""Tests how one person keeps another away, and tells who runs the server of them."""

import json

import pytest
from playwright.async_api import Locator, Page, Request, Route, expect

from tests.e2e.browser import (
    Open,
    been_here,
    begin_chat,
    choose,
    has_status,
    message_menu,
    messages,
    own,
    send,
)
from tests.support.stack import Stack

PHONE = {"width": 390, "height": 780}
LEAST_TARGET = 44  # pixels, for a finger

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


def field(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


async def chat_menu(page: Page, name: str) -> None:
    await page.get_by_role("button", name="Actions for this conversation").click()
    await choose(page, name)


async def block(page: Page, name: str) -> None:
    await chat_menu(page, f"Block {name}…")
    await page.get_by_role("button", name="Block", exact=True).click()
    await expect(page.get_by_text(f"You blocked {name}.")).to_be_visible()


async def test_s54_who_is_blocked_is_not_written_to_until_they_are_let_in(open_as: Open) -> None:
    abel = await open_as("abel", "/chat/anja/")
    anja = await open_as("anja", "/chat/abel/")
    await send(abel, "Hello")
    await has_status(own(abel, "Hello"), "read")
    await chat_menu(anja, "Block abel…")
    await anja.get_by_role("button", name="Cancel").click()
    await expect(field(anja)).to_be_visible()

    await block(anja, "abel")
    await expect(field(anja)).to_be_hidden()
    await message_menu(anja, "Hello")
    await expect(anja.get_by_role("menuitem", name="Copy text")).to_be_visible()
    await expect(anja.get_by_role("menuitem", name="Reply")).to_have_count(0)
    await anja.keyboard.press("Escape")
    await send(abel, "Are you there?")
    await expect(abel.get_by_text("Not sent")).to_be_visible()
    await anja.reload()
    await expect(anja.get_by_text("You blocked abel.")).to_be_visible()
    await expect(messages(anja)).to_have_text(["Hello"])

    await anja.get_by_role("button", name="Unblock").click()
    await expect(field(anja)).to_be_focused()
    await send(abel, "And now?")
    await expect(messages(anja)).to_have_text(["Hello", "And now?"])


async def test_s54_a_block_is_on_all_devices_of_who_blocks_and_on_none_of_the_others(
    open_as: Open,
) -> None:
    arno = await open_as("arno", "/chat/adam/")
    adam = await open_as("adam", "/chat/arno/")
    phone = await open_as("adam", "/chat/arno/", viewport=PHONE, has_touch=True, is_mobile=True)
    await send(arno, "Hello")
    for page in (adam, phone):
        await expect(messages(page)).to_have_text(["Hello"])
    await block(adam, "arno")
    await expect(phone.get_by_text("You blocked arno.")).to_be_visible()
    await expect(field(phone)).to_be_hidden()
    await expect(field(arno)).to_be_visible()
    await chat_menu(phone, "Unblock arno")
    await expect(field(adam)).to_be_visible()
    await expect(field(phone)).to_be_visible()


async def test_s54_somebody_and_what_they_wrote_are_reported_once(open_as: Open) -> None:
    cora = await open_as("cora", "/chat/cato/")
    cato = await open_as("cato", "/chat/cora/", viewport=PHONE, has_touch=True, is_mobile=True)
    await send(cora, "Buy now")
    await expect(messages(cato)).to_have_text(["Buy now"])
    sent: list[dict[str, str]] = []

    def keep(request: Request) -> None:
        if request.url.endswith("/v1/reports"):
            sent.append(json.loads(request.post_data or ""))

    async def lose(route: Route) -> None:
        await route.abort()

    cato.on("request", keep)
    await message_menu(cato, "Buy now")
    await choose(cato, "Report…")
    await expect(cato.locator(".reported")).to_have_text("Buy now")
    await cato.get_by_role("button", name="Send report").click()
    await expect(cato.get_by_role("radio", name="Spam or advertising")).to_be_focused()
    assert sent == []  # not without a reason
    await cato.get_by_label("Spam or advertising").check()
    await cato.get_by_label("Anything to add?").fill("Every day")
    await cato.route("**/v1/reports", lose)
    await cato.get_by_role("button", name="Send report").click()
    await expect(cato.locator(".sheet .problem")).to_have_text("The server cannot be reached")
    await cato.unroute("**/v1/reports", lose)
    await cato.get_by_role("button", name="Send report").click()
    await expect(cato.locator(".toast")).to_contain_text("Thank you")
    first, again = sent
    assert first == again  # the same report, should the first have arrived
    assert (first["reason"], first["comment"]) == ("spam", "Every day")
    assert "message_id" in first

    await chat_menu(cato, "Report cora…")
    await cato.get_by_label("Fraud or a scam").check()
    await cato.get_by_role("button", name="Send report").click()
    await expect(cato.locator(".sheet")).to_have_count(0)
    assert {"reason": "fraud", "user_id": "cora"}.items() <= sent[-1].items()
    assert sent[-1]["client_id"] != first["client_id"]


async def test_s54_s90_a_refused_block_is_said_and_nothing_changes(open_as: Open) -> None:
    page = await open_as("dana", "/chat/dirk/")
    other = await open_as("dirk", "/chat/dana/")
    await send(other, "Hello")
    await expect(messages(page)).to_have_text(["Hello"])

    async def lose(route: Route) -> None:
        await route.abort()

    await page.route("**/v1/blocks", lose)
    await chat_menu(page, "Block dirk…")
    await page.get_by_role("button", name="Block", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("The server cannot be reached")
    await expect(field(page)).to_be_visible()


async def test_s54_s89_who_has_said_nothing_yet_can_be_blocked_and_reported(
    stack: Stack,
    open_as: Open,
) -> None:
    await been_here(stack, "asta")
    page = await open_as("axel", "/chat/asta/")
    await expect(page.locator(".greeting")).to_be_visible()
    await page.get_by_role("button", name="Actions for this conversation").click()
    await expect(page.get_by_role("menuitem")).to_have_text(["Block asta…", "Report asta…"])
    await page.keyboard.press("Escape")

    await block(page, "asta")
    await page.reload()  # no inbox tells of it
    await expect(page.get_by_text("You blocked asta.")).to_be_visible()
    await expect(field(page)).to_be_hidden()
    await chat_menu(page, "Report asta…")
    await page.get_by_label("Something else").check()
    await page.get_by_role("button", name="Send report").click()
    await expect(page.locator(".toast")).to_contain_text("Thank you")
    await chat_menu(page, "Unblock asta")
    await send(page, "Hello again")
    await has_status(own(page, "Hello again"), "sent")


async def test_s89_with_oneself_there_is_nobody_to_block(open_as: Open) -> None:
    page = await open_as("bela", "/chat/bela/")
    await expect(page.locator(".greeting")).to_be_visible()
    await page.get_by_role("button", name="Actions for this conversation").click()
    await expect(page.get_by_role("menu")).to_have_count(0)


async def test_s54_s89_whom_one_blocks_is_a_list_and_each_can_be_let_in_again(
    stack: Stack,
    open_as: Open,
) -> None:
    await been_here(stack, "cleo", "cyra", "dora")
    page = await open_as("bodo", "/chat/cleo/")
    await block(page, "cleo")
    await begin_chat(page, "cyra")
    await block(page, "cyra")
    await begin_chat(page, "dora")
    await block(page, "dora")

    async def two_a_page(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("limit=50", "limit=2"))

    await page.route("**/v1/blocks?*", two_a_page)
    way_in = page.get_by_role("button", name="Block list")
    await way_in.press("Enter")
    people = page.locator(".sheet .members li")
    await expect(people.locator("bdi")).to_have_text(["cleo", "cyra"])
    await page.get_by_role("button", name="Show more").click()
    await expect(people.locator("bdi")).to_have_text(["cleo", "cyra", "dora"])
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    await expect(page.locator(".sheet .members")).to_be_focused()
    await page.get_by_role("button", name="Unblock cyra").press("Enter")
    await expect(people.locator("bdi")).to_have_text(["cleo", "dora"])
    await expect(page.get_by_role("button", name="Unblock dora")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Unblock cleo")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You have not blocked anybody.")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator(".sheet")).to_have_count(0)
    await expect(way_in).to_be_focused()
    await expect(field(page)).to_be_visible()  # of the conversation with dora
    await send(page, "Welcome back")
    await has_status(own(page, "Welcome back"), "sent")


async def test_s54_s90_a_list_of_the_blocked_that_does_not_load_is_asked_for_again(
    stack: Stack,
    open_as: Open,
) -> None:
    await been_here(stack, "edda")
    page = await open_as("duke", "/chat/edda/", viewport=PHONE, has_touch=True, is_mobile=True)
    await block(page, "edda")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=403)

    async def lose(route: Route) -> None:
        await route.abort()

    await page.route("**/v1/blocks**", refuse)
    await page.get_by_role("button", name="Back to all conversations").click()
    await page.get_by_role("button", name="Block list").click()
    await expect(page.locator(".sheet .problem")).to_have_text("The server answered 403")
    await expect(page.locator(".members")).to_have_attribute("aria-busy", "true")
    await page.unroute("**/v1/blocks**", refuse)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".members bdi")).to_have_text(["edda"])
    await expect(page.locator(".sheet .problem")).to_be_hidden()

    await page.route("**/v1/blocks**", lose)
    await page.get_by_role("button", name="Unblock edda").click()
    await expect(page.locator(".sheet .problem")).to_have_text("The server cannot be reached")
    await expect(page.locator(".members bdi")).to_have_text(["edda"])
    await expect(page.get_by_role("button", name="Unblock edda")).to_be_enabled()
    for target in await page.locator(".sheet button:visible").all():
        box = await target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= LEAST_TARGET, await target.text_content()
    await page.unroute("**/v1/blocks**", lose)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("You have not blocked anybody.")).to_be_visible()
