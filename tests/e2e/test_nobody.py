"""Tests what is shown of people to whom nobody has written yet, and of those who are not there."""

import pytest
from playwright.async_api import expect

from shared.subjects import direct_conversation_id
from tests.e2e.browser import Open, been_here, begin_chat, connected, messages, send
from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_s28_an_unknown_person_is_a_page_that_says_so_until_they_are_there(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("nele", "/chat/nobody%20yet/", known=False)
    await expect(page.get_by_role("heading", name="There is no such person")).to_be_visible()
    await expect(page.get_by_text("the id nobody yet")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    await page.get_by_role("button", name="Back to all conversations").click()
    await expect(page.get_by_role("heading", name="Your messages")).to_be_visible()

    other = await open_as("nobody yet", "/chat/nele/")
    await begin_chat(page, "nobody yet")
    await expect(page.get_by_role("heading", name="Nobody Yet")).to_be_visible()
    await send(other, "here I am")
    await expect(messages(page)).to_have_text(["here I am"])


async def test_s28_who_writes_is_somebody(stack: Stack, open_as: Open) -> None:
    page = await open_as("nadja", "/chat/nick/", known=False)
    heading = page.get_by_role("heading", name="There is no such person")
    await expect(heading).to_be_visible()
    writer = await open_as("nick", "/chat/nadja/")
    await send(writer, "hello")
    await expect(messages(page)).to_have_text(["hello"])
    await expect(heading).to_be_hidden()


async def test_s28_d16_who_blocks_is_as_unknown_as_nobody(stack: Stack, open_as: Open) -> None:
    await been_here(stack, "nora28")
    page = await open_as("nilo28", "/chat/nora28/", known=False)
    await connected(page)
    await expect(page.get_by_role("heading", name="nora28")).to_be_visible()
    headers = {"Authorization": f"Bearer {stack.token('nora28')}"}
    body = {"user_id": "nilo28"}
    answer = await page.request.post(f"{stack.url}/v1/blocks", headers=headers, data=body)
    assert answer.status == 204
    await page.reload()
    await expect(page.get_by_role("heading", name="There is no such person")).to_be_visible()


async def test_s28_the_id_of_a_conversation_leads_to_it(stack: Stack, open_as: Open) -> None:
    """As a link of LINKUP_CONVERSATION_URL has it: of a group, and of two people."""
    await been_here(stack, "odil")
    page = await open_as("oskar")
    with_odil = direct_conversation_id("oskar", "odil")
    headers = {"Authorization": f"Bearer {stack.token('oskar')}"}
    group = {"title": "Hiking", "members": ["odil"]}
    for body in ({"to": "odil"}, group):
        answer = await page.request.post(
            f"{stack.url}/v1/conversations", headers=headers, data=body
        )
    hiking = (await answer.json())["conversation"]["conversation_id"]
    await page.goto(f"{stack.url}/conversation/{with_odil}/")
    await expect(page.locator(".who h1")).to_have_text("odil")
    await expect(page).to_have_url(f"{stack.url}/chat/odil/")
    await page.goto(f"{stack.url}/conversation/{hiking}/")
    await expect(page.locator(".who h1")).to_have_text("Hiking")
    await expect(page).to_have_url(f"{stack.url}/group/{hiking}/")
    await page.goto(f"{stack.url}/conversation/{direct_conversation_id('a', 'b')}/")
    await expect(page.get_by_text("This conversation does not exist")).to_be_visible()
    await expect(page).to_have_url(f"{stack.url}/")
