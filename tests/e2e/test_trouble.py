"""Tests the page when much is asked for at once, and when the server cannot answer for a while."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.e2e.browser import (
    Open,
    been_here,
    begin_chat,
    choose,
    connected,
    frozen,
    has_status,
    message_menu,
    messages,
    own,
    post,
    send,
)
from tests.e2e.test_attachments import picture
from tests.support.peer import http, synced
from tests.support.stack import Stack
from tests.support.waiting import eventually

Refuse = Callable[[Route], Awaitable[None]]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


def asked(page: Page, path: str) -> list[dict[str, list[str]]]:
    """The queries of the requests to that path from now on."""
    queries: list[dict[str, list[str]]] = []

    def take(request: Request) -> None:
        url = urlsplit(request.url)
        if re.fullmatch(path, url.path):
            queries.append(parse_qs(url.query))

    page.on("request", take)
    return queries


def refusing(times: int, status: int, seen: asyncio.Event | None = None) -> Refuse:
    """So often the server has no time, and says so as a proxy would.

    What is asked then waits until the test has `seen` what the page shows meanwhile.
    """
    left = [times]

    async def answer(route: Route) -> None:
        left[0] -= 1
        if left[0] >= 0:
            return await route.fulfill(status=status, headers={"Retry-After": "1"}, body="busy")
        if seen is not None:
            await seen.wait()
        await route.continue_()

    return answer


@asynccontextmanager
async def away(page: Page) -> AsyncIterator[None]:
    """Take the network away, and give it back."""
    await page.context.set_offline(True)
    await expect(page.locator(".connection")).not_to_have_attribute("data-state", "connected")
    yield
    await page.context.set_offline(False)


async def test_f_p2_a_chat_far_down_or_new_is_found_by_one_question(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "newcomer")
    page = await open_as("popular")
    await asyncio.gather(
        *(post(page, stack, f"fan-{n:02}", "popular", f"Hello from {n}") for n in range(55))
    )
    await page.reload()
    await connected(page)
    inbox = asked(page, "/v1/conversations")
    blocks = asked(page, "/v1/blocks")
    await begin_chat(page, "newcomer")
    await expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    await eventually(lambda: bool(blocks))  # asked when the greeting is there
    assert inbox == [{"peer": ["newcomer"]}]
    assert blocks == [{"user_id": ["newcomer"]}]
    last = await page.locator(".chats .name").all_text_contents()
    far = next(n for n in range(55) if f"Fan-{n:02}" not in last)
    await page.goto(f"{stack.url}/chat/fan-{far:02}/")
    await expect(messages(page)).to_have_text([f"Hello from {far}"])
    assert [query for query in inbox if "before" in query] == []


async def test_f_p4_many_quotes_are_one_question_asked_again_when_refused(
    stack: Stack, open_as: Open
) -> None:
    async with synced(stack, "quoter") as peer:
        ids = [(await peer.message("quoter", f"original {n}"))["message_id"] for n in range(50)]
        for n, reply_to in enumerate(ids):
            await peer.message("quoter", f"answer {n}", reply_to=reply_to)
    page, seen = await open_as("quoter"), asyncio.Event()
    await page.route(re.compile(r"/messages\?ids="), refusing(2, 429, seen))
    queries = asked(page, "/v1/conversations/[^/]+/messages")
    await begin_chat(page, "quoter")
    await expect(messages(page)).to_have_count(50)
    quotes = page.locator(".quote .said")
    await expect(quotes.first).to_have_text("…")
    seen.set()
    await expect(quotes).to_have_text([f"original {n}" for n in range(50)])
    assert len([query for query in queries if "ids" in query]) == 3
    assert not [query for query in queries if "after_id" in query]


async def test_f_p4_many_pictures_are_one_question_asked_again_when_refused(
    stack: Stack, open_as: Open
) -> None:
    async with synced(stack, "painter") as peer, http(stack, "painter") as api:
        for _ in range(2):
            files = [await api.upload(f"{n}.png", picture(64, 36)) for n in range(10)]
            await peer.message("painter", "", attachments=files)
    page = await open_as("painter")
    singly, queries = asked(page, "/v1/attachments/[^/]+"), asked(page, "/v1/attachments")
    await page.route(re.compile(r"/v1/attachments\?ids="), refusing(1, 503))
    await page.route(re.compile(r"/content\?variant=thumbnail"), refusing(5, 503))
    await begin_chat(page, "painter")
    images = page.locator(".picture img")
    await expect(images).to_have_count(20)
    await page.locator(".timeline").evaluate("(node) => (node.scrollTop = 0)")
    await page.locator(".timeline").evaluate("(node) => (node.scrollTop = node.scrollHeight)")
    for place in range(20):
        await expect(images.nth(place)).not_to_have_js_property("naturalWidth", 0)
    assert singly == []
    assert 2 <= len(queries) <= 4  # for twenty, the first of them refused


async def test_f_p10_what_was_opened_while_the_server_was_away_loads_by_itself(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "ruth")
    page = await open_as("rosalind")
    await post(page, stack, "ruth", "rosalind", *(f"number {n}" for n in range(1, 61)))
    await expect(page.locator(".chats .badge")).to_have_text("60")
    await page.reload()
    await connected(page)
    trouble = page.get_by_text("The server cannot be reached")
    async with away(page):
        await page.locator(".chats a").click()
        await expect(trouble).to_be_visible()
    await expect(messages(page)).to_have_count(50)
    async with away(page):
        await page.locator(".timeline").evaluate("(node) => (node.scrollTop = 0)")
        await expect(trouble).to_be_visible()
    await expect(messages(page)).to_have_count(60)
    await expect(trouble).to_have_count(0)
    async with away(page):
        await page.get_by_label("Find or start a conversation").fill("number 33")
        await expect(trouble).to_be_visible()  # once, though people and messages are looked for
    await expect(page.locator(".hits li")).to_have_count(1)
    await expect(trouble).to_have_count(0)


async def test_f_p10_windows_opened_while_the_server_was_away_load_by_themselves(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "rob", "rina")
    page = await open_as("ralph", "/chat/rob/")
    await send(page, "hello")
    await has_status(own(page, "hello"), "sent")
    async with http(stack, "ralph") as api:
        await api.post("/v1/blocks", {"user_id": "rina"})
        await api.post("/v1/conversations", {"title": "Walk", "members": ["rob"]})
    sheet = page.locator("dialog.sheet")
    async with away(page):
        await message_menu(page, "hello")
        await choose(page, "Info")
        await expect(sheet.get_by_text("The server cannot be reached")).to_be_visible()
    await expect(sheet.locator(".steps li")).to_have_count(3)
    await page.keyboard.press("Escape")
    async with away(page):
        await page.get_by_role("button", name="Block list").click()
        await expect(sheet.get_by_text("The server cannot be reached")).to_be_visible()
    await expect(sheet.get_by_text("rina")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".chats a").filter(has_text="Walk")).to_be_visible()
    async with away(page):
        await page.locator(".chats a").filter(has_text="Walk").click()
        await page.get_by_role("button", name="Walk").click()
        await expect(sheet.get_by_text("The server cannot be reached")).to_be_visible()
    await expect(sheet.locator(".members li .names")).to_have_text(["ralph (you)", "rob"])


async def test_f_p10_a_server_that_is_busy_is_asked_again_when_it_said(open_as: Open) -> None:
    page, seen = await open_as("rex"), asyncio.Event()
    await page.route(re.compile(r"/v1/conversations\?peer="), refusing(2, 429, seen))
    await begin_chat(page, "rex")
    await expect(page.get_by_text("The server answered 429")).to_be_visible()
    seen.set()
    await expect(page.get_by_text("Keep notes, links and drafts here.")).to_be_visible()


async def test_f_t5_the_page_says_that_sending_waits_while_persistence_hangs(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("tess", "/chat/tess/")
    await send(page, "before")
    await has_status(own(page, "before"), "sent")
    word, line = page.locator(".connection"), page.locator(".banner")
    with frozen(stack, "persistence"):
        await send(page, "during")
        await expect(word).to_have_text("Waiting to send…")
        await expect(line).to_contain_text("Your messages will be sent later.")
    await has_status(own(page, "during"), "sent")
    await expect(word).to_have_text("Connected")
    await expect(line).to_be_hidden()
    with frozen(stack, "persistence"):
        await message_menu(page, "during")
        await page.get_by_label("React with 👍").click()
        await expect(word).to_have_text("Waiting to send…")
    await expect(word).to_have_text("Connected")
