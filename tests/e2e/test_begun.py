"""Tests that what is begun in a chat waits there, whatever chat is looked at meanwhile."""

import pytest
from playwright.async_api import FilePayload, Page, Route, expect

from shared.subjects import direct_conversation_id
from tests.e2e.browser import (
    Open,
    been_here,
    choose,
    delete,
    frozen,
    has_status,
    message_menu,
    messages,
    own,
    post,
    send,
)
from tests.support.peer import http
from tests.support.stack import Stack
from tests.support.waiting import eventually

UPLOADS = "**/v1/attachments?*"
NOTE = FilePayload(name="note.txt", mimeType="text/plain", buffer=b"here")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def two_chats(stack: Stack, open_as: Open, number: str) -> Page:
    names = (f"anna{number}", f"berta{number}")
    await been_here(stack, *names)
    page = await open_as(f"carla{number}")
    for name in names:
        await post(page, stack, name, f"carla{number}", f"hello from {name}")
    await look(page, "Anna")
    return page


async def look(page: Page, name: str) -> None:
    await page.locator(".chats a").filter(has_text=name).click()
    await expect(page.locator(".who h1")).to_contain_text(name)


async def test_f_p15_an_answer_its_files_and_its_text_wait_in_their_chat(
    stack: Stack, open_as: Open
) -> None:
    page = await two_chats(stack, open_as, "15")
    field = page.get_by_label("Message", exact=True)
    await message_menu(page, "hello from")
    await choose(page, "Reply")
    await page.get_by_label("Files", exact=True).set_input_files([NOTE])
    await field.fill("for Anna")
    await look(page, "Berta")
    await expect(page.locator(".subject")).to_be_hidden()
    await expect(page.locator(".tray")).to_be_hidden()
    await expect(field).to_have_value("")
    await field.fill("for Berta")
    await look(page, "Anna")
    await expect(page.locator(".subject .whose")).to_have_text("Reply to Anna15")
    await expect(page.locator(".tray .file-name")).to_have_text(["note.txt"])
    await expect(field).to_have_value("for Anna")
    await field.press("Enter")
    await has_status(own(page, "for Anna"), "sent")
    await expect(own(page, "for Anna").locator(".said")).to_contain_text("hello from anna15")
    await expect(own(page, "for Anna").locator(".file-name")).to_have_text("note.txt")
    await expect(page.locator(".subject, .tray")).to_have_count(2)
    await look(page, "Berta")
    await expect(field).to_have_value("for Berta")
    await look(page, "Anna")
    for part in (page.locator(".subject"), page.locator(".tray")):
        await expect(part).to_be_hidden()
    await expect(field).to_have_value("")


async def test_f_p15_an_edit_waits_in_its_chat(stack: Stack, open_as: Open) -> None:
    page = await two_chats(stack, open_as, "16")
    field = page.get_by_label("Message", exact=True)
    await send(page, "as it was")
    await has_status(own(page, "as it was"), "sent")
    await field.fill("a draft")
    await message_menu(page, "as it was")
    await choose(page, "Edit")
    await field.fill("as it will be")
    await look(page, "Berta")
    await expect(page.locator(".subject")).to_be_hidden()
    await expect(field).to_have_value("")
    await look(page, "Anna")
    await expect(page.locator(".subject .whose")).to_have_text("Edit message")
    await expect(field).to_have_value("as it will be")
    await field.press("Enter")
    await expect(messages(page)).to_have_text(["hello from anna16", "as it will be"])
    await expect(field).to_have_value("a draft")

    await message_menu(page, "as it will be")
    await choose(page, "Edit")
    await look(page, "Berta")
    await look(page, "Anna")
    with frozen(stack, "persistence"):
        await delete(page, "as it will be", "everyone")
        await look(page, "Berta")
        await look(page, "Anna")
        # There is nothing to change any more, as the page shows it before the server has it.
        await expect(page.locator(".subject")).to_be_hidden()
    await expect(field).to_have_value("a draft")


async def test_f_p15_an_edit_and_an_answer_end_with_their_message(
    stack: Stack, open_as: Open
) -> None:
    """It is deleted on another device, while its conversation is on the screen."""
    await been_here(stack, "anna18")
    page = await open_as("carla18", "/chat/anna18/")
    field, subject = page.get_by_label("Message", exact=True), page.locator(".subject")
    await send(page, "mine")
    await has_status(own(page, "mine"), "sent")
    await post(page, stack, "anna18", "carla18", "from Anna")
    await expect(messages(page)).to_have_text(["mine", "from Anna"])
    await field.fill("a draft")
    for said, action, mode in (("from Anna", "Reply", "me"), ("mine", "Edit", "everyone")):
        await message_menu(page, said)
        await choose(page, action)
        await expect(subject).to_be_visible()
        async with http(stack, "carla18") as api:
            history = await api.history(direct_conversation_id("anna18", "carla18"))
            [gone] = [one["message_id"] for one in history if one["content"] == said]
            answer = await api.request("DELETE", f"/v1/messages/{gone}", mode=mode)
            answer.raise_for_status()
        await expect(subject).to_be_hidden()
        await expect(field).to_have_value("a draft")
        await expect(field).to_be_focused()


async def test_f_p15_what_was_sent_before_its_files_were_up_goes_where_it_was_written(
    stack: Stack, open_as: Open
) -> None:
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    page = await two_chats(stack, open_as, "17")
    await page.route(UPLOADS, hold)
    await page.get_by_label("Files", exact=True).set_input_files([NOTE])
    await send(page, "with a note")
    await expect(page.get_by_role("progressbar")).to_have_count(1)
    await look(page, "Berta")
    await page.get_by_label("Message", exact=True).fill("not yet")
    await eventually(lambda: bool(held))
    await held[0].continue_()
    line = page.locator(".chats li").filter(has_text="Anna")
    await expect(line.locator(".preview")).to_have_text("You: with a note")
    await expect(messages(page)).to_have_text(["hello from berta17"])
    await expect(page.get_by_label("Message", exact=True)).to_have_value("not yet")
    await look(page, "Anna")
    await expect(own(page, "with a note").locator(".file-name")).to_have_text("note.txt")
