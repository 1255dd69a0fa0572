"""Tests what two people see of edits, deletions, reactions, replies and typing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, WebSocketRoute, expect

from shared.subjects import direct_conversation_id
from tests.e2e.browser import (
    Open,
    choose,
    delete,
    frozen,
    has_status,
    keep_clock,
    long_press,
    message_menu,
    message_row,
    messages,
    own,
    post,
    send,
)
from tests.e2e.conftest import WINDOWS
from tests.support.peer import http
from tests.support.stack import Stack
from tests.support.waiting import eventually

EDIT_WINDOW, DELETE_WINDOW = (timedelta(seconds=span) for span in WINDOWS.values())
MOMENT, TWO_MOMENTS = timedelta(seconds=1), 2_000
PHONE = {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def edit(page: Page, before: str, after: str) -> None:
    await message_menu(page, before)
    await choose(page, "Edit")
    await page.get_by_label("Message", exact=True).fill(after)
    await page.get_by_label("Message", exact=True).press("Enter")


async def test_s66_edits_tombstones_and_what_is_hidden_stay_after_a_reload(
    stack: Stack, open_as: Open
) -> None:
    ella = await open_as("ella", "/chat/enzo/")
    enzo = await open_as("enzo", "/chat/ella/")
    await send(ella, "one")
    await has_status(own(ella, "one"), "read")
    for content in ("two", "three"):
        await send(ella, content)
    await expect(messages(enzo)).to_have_text(["one", "two", "three"])

    await edit(ella, "one", "number one")
    await expect(messages(enzo)).to_have_text(["number one", "two", "three"])
    await expect(message_row(enzo, "number one").locator(".edited")).to_have_text("edited")
    await delete(ella, "three", "everyone")
    await expect(messages(enzo)).to_have_text(["number one", "two", "Message deleted"])
    await expect(enzo.locator(".chats .preview")).to_have_text("Message deleted")
    await delete(enzo, "two", "me")
    await expect(messages(enzo)).to_have_text(["number one", "Message deleted"])
    await expect(messages(ella)).to_have_text(["number one", "two", "Message deleted"])
    await message_menu(enzo, "Message deleted")
    await expect(enzo.get_by_role("menuitem")).to_have_text(["Delete…"])
    await enzo.keyboard.press("Escape")

    async with http(stack, "enzo") as api:
        place = direct_conversation_id("ella", "enzo")

        async def is_hidden() -> bool:  # the page shows it before the server has it
            return len(await api.history(place)) == 2

        await eventually(is_hidden)
    for page in (ella, enzo):
        await page.reload()
        await expect(message_row(page, "number one").locator(".edited")).to_be_visible()
    await expect(messages(enzo)).to_have_text(["number one", "Message deleted"])
    await expect(messages(ella)).to_have_text(["number one", "two", "Message deleted"])


async def test_reactions_count_for_both_and_a_tap_takes_ones_own_back(open_as: Open) -> None:
    faye = await open_as("faye", "/chat/finn/")
    finn = await open_as("finn", "/chat/faye/", viewport=PHONE, has_touch=True, is_mobile=True)
    await send(faye, "We got the venue")
    await expect(messages(finn)).to_have_count(1)
    await long_press(finn, "We got the venue")
    await finn.get_by_label("React with 👍").click()
    chips = faye.locator(".chip")
    await expect(chips).to_have_text(["👍1"])
    await expect(chips).to_have_attribute("aria-pressed", "false")
    await chips.click()
    await expect(chips).to_have_attribute("aria-pressed", "true")
    await expect(finn.locator(".chip")).to_have_text(["👍2"])

    # Any other one, with nothing but the keyboard.
    await faye.locator(".timeline").focus()
    for key in ("ArrowUp", "Enter", "ArrowUp", "ArrowUp"):
        await faye.keyboard.press(key)
    await expect(faye.get_by_role("menuitem", name="Info")).to_be_focused()
    await faye.get_by_role("menuitem", name="Another emoji").press("Enter")
    await faye.get_by_label("Emoji", exact=True).fill("🦊 fox")
    await faye.keyboard.press("Enter")
    await expect(finn.locator(".chip")).to_have_text(["👍2", "🦊1"])
    await finn.locator(".chip").first.tap()
    await expect(chips).to_have_text(["👍1", "🦊1"])
    await expect(faye.get_by_role("dialog")).to_have_count(0)


async def test_a_reply_shows_what_it_answers_and_leads_there(stack: Stack, open_as: Open) -> None:
    gail = await open_as("gail")
    gert = await open_as("gert", "/chat/gail/")
    await post(gert, stack, "gail", "gert", *(f"Point number {n}" for n in range(1, 61)))
    await expect(messages(gert).last).to_have_text("Point number 60")
    await gert.reload()
    await expect(messages(gert)).to_have_count(50)
    await message_menu(gert, "Point number 60")
    await choose(gert, "Reply")
    await send(gert, "Agreed")
    await gail.locator(".chats a").click()
    quote = message_row(gail, "Agreed").locator(".quote")
    await expect(quote).to_have_text("YouPoint number 60")

    # The answer of an older one, from another device: neither is loaded at first.
    headers = {"Authorization": f"Bearer {stack.token('gert')}"}
    inbox = await (await gert.request.get(f"{stack.url}/v1/conversations", headers=headers)).json()
    conversation_id = inbox["conversations"][0]["conversation_id"]
    route = f"{stack.url}/v1/conversations/{conversation_id}/messages?limit=100"
    history = await (await gert.request.get(route, headers=headers)).json()
    first = history["messages"][0]["message_id"]
    answer = {"client_id": "late", "to": "gail", "content": "And this", "reply_to": first}
    await gert.request.post(f"{stack.url}/v1/messages", headers=headers, data=answer)
    quote = message_row(gert, "And this").locator(".quote")
    await expect(quote).to_have_text("GailPoint number 1")
    await quote.click()
    there = message_row(gert, "Point number 1").first
    await expect(there).to_be_in_viewport()
    await expect(there).to_be_focused()

    wiped = f"{stack.url}/v1/messages/{first}?mode=everyone"
    of_gail = {"Authorization": f"Bearer {stack.token('gail')}"}
    assert (await gail.request.delete(wiped, headers=of_gail)).status == 204
    await expect(quote).to_have_text("GailMessage deleted")


@asynccontextmanager
async def typing_in(field: Locator) -> AsyncIterator[None]:
    """While the block runs: who presses nothing for a second types no more."""
    seen = asyncio.Event()

    async def press() -> None:
        while not seen.is_set():
            await field.press("x")
            await asyncio.sleep(0.1)

    pressing = asyncio.create_task(press())
    try:
        yield
    finally:
        seen.set()
        await pressing


async def test_s64_typing_shows_in_the_header_and_in_the_inbox_and_ends(open_as: Open) -> None:
    hank = await open_as("hank", "/chat/hope/")
    hope = await open_as("hope", "/chat/hank/")
    await send(hank, "Hello")
    await expect(messages(hope)).to_have_text(["Hello"])
    header, line = hope.locator(".bar .sub"), hope.locator(".chats .preview")
    field = hank.get_by_label("Message", exact=True)
    async with typing_in(field):
        await expect(header).to_have_text("typing…")
        await expect(line).to_have_text("typing…")
    await expect(header).to_have_text("online")  # idle for a second
    await expect(line).to_have_text("Hello")
    async with typing_in(field):
        await expect(header).to_have_text("typing…")
    await field.fill("I am done")
    await field.press("Enter")
    await expect(messages(hope)).to_have_text(["Hello", "I am done"])
    await expect(header).to_have_text("online")
    await expect(hank.locator(".bar .sub")).to_have_text("online")


async def test_a_change_the_server_refuses_is_taken_back_and_said(open_as: Open) -> None:
    async def refuse_edits(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()

        def forward(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["type"] != "edit_message":
                return server.send(text)
            fault = {"code": "edit_window_closed", "message": "Too late", "temporary": False}
            wire.send(json.dumps({"type": "error", "client_id": frame["client_id"], **fault}))

        wire.on_message(forward)

    page = await open_as("inga", "/chat/inga/", wire=refuse_edits)
    await send(page, "As it was")
    await has_status(own(page, "As it was"), "sent")
    await edit(page, "As it was", "As it never will be")
    await expect(page.locator(".toast")).to_contain_text("Too late")
    await expect(messages(page)).to_have_text(["As it was"])
    await expect(page.locator(".edited")).to_be_hidden()


async def test_s66_s89_what_the_server_allows_is_offered_and_no_longer(open_as: Open) -> None:
    page = await open_as("imke", "/chat/imke/")
    await send(page, "As it was")
    await has_status(own(page, "As it was"), "sent")
    told = await own(page, "As it was").locator("time").get_attribute("datetime")
    sent = datetime.fromisoformat(told or "")
    edit = page.get_by_role("menuitem", name="Edit")
    everyone = page.get_by_role("button", name="Delete for everyone")
    await keep_clock(page)
    await page.clock.install()

    await page.clock.pause_at(sent + EDIT_WINDOW - MOMENT)
    await message_menu(page, "As it was")
    await edit.focus()
    await expect(edit).to_be_enabled()
    await page.clock.run_for(TWO_MOMENTS)  # while it is looked at
    await expect(edit).to_be_disabled()
    await expect(page.locator(".menu button:enabled").first).to_be_focused()
    await page.keyboard.press("Escape")
    await message_menu(page, "As it was")
    await expect(page.get_by_role("menuitem", name="Reply")).to_be_visible()
    await expect(edit).to_have_count(0)

    await page.clock.pause_at(sent + DELETE_WINDOW - MOMENT)
    await choose(page, "Delete…")
    await expect(everyone).to_be_enabled()
    await page.clock.run_for(TWO_MOMENTS)
    await expect(everyone).to_be_disabled()
    await page.keyboard.press("Escape")
    await page.get_by_label("Message", exact=True).press("ArrowUp")
    await expect(page.get_by_text("Edit message")).to_be_hidden()
    await message_menu(page, "As it was")
    await choose(page, "Delete…")
    await expect(page.get_by_role("button", name="Delete for me")).to_be_visible()
    await expect(everyone).to_have_count(0)


async def test_c2_a_change_is_shown_at_once_and_pending_until_the_server_has_it(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("jens", "/chat/jens/")
    await send(page, "Draft")
    await has_status(own(page, "Draft"), "sent")
    with frozen(stack, "persistence"):
        await edit(page, "Draft", "Final")
        await expect(messages(page)).to_have_text(["Final"])
        await expect(page.locator(".row")).to_have_class("row own changing")
        await expect(page.locator(".edited")).to_have_text("saving…")
    await expect(page.locator(".row")).to_have_class("row own")
    await page.reload()
    await expect(messages(page)).to_have_text(["Final"])
