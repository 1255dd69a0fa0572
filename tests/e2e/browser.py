"""The actions of a test in a browser: sign in, write, and look at the screen."""

import os
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from urllib.parse import unquote

from playwright.async_api import Locator, Page, WebSocketRoute, expect

from tests.support.peer import http
from tests.support.stack import Stack
from tests.support.traffic import socket_of
from tests.support.waiting import eventually

Open = Callable[..., Awaitable[Page]]
OnWebSocket = Callable[[WebSocketRoute], Awaitable[None]]

UNTOLD = """() => {
    const get = Headers.prototype.get;
    Headers.prototype.get = function (name) {
        return name === "Date" ? null : get.call(this, name);
    };
}"""


async def sign_in(page: Page, user_id: str) -> None:
    await page.get_by_label("Another user").fill(user_id)
    await page.get_by_role("button", name="Sign in").click()
    await connected(page)


async def make_known(page: Page, stack: Stack, path: str) -> None:
    """Whoever that path leads to can be written to."""
    for name in re.findall(r"^/chat/([^/]+)/", path):
        body = {"user_id": unquote(name)}
        answer = await page.request.post(f"{stack.url}/v1/dev/login", data=body)
        assert answer.status == 200, await answer.text()


async def been_here(stack: Stack, *user_ids: str) -> None:
    """They can be written to, as after a visit with a window."""
    for user_id in user_ids:
        token = stack.token(user_id, name=user_id)
        async with socket_of(stack, user_id, token=token) as socket:
            await socket.recv()


async def connected(page: Page) -> None:
    await expect(page.locator(".connection")).to_have_attribute("data-state", "connected")


async def reconnected(page: Page) -> None:
    """Have the page try at once, and again: a try that is under way may have begun too early."""

    async def is_connected() -> bool:
        state = await page.locator(".connection").get_attribute("data-state")
        if state != "connected":
            await page.evaluate("dispatchEvent(new Event('online'))")
        return state == "connected"

    await eventually(is_connected)


async def findable(stack: Stack, user_id: str, words: str) -> None:
    """Wait until the search finds it: the index follows the acks."""
    async with http(stack, user_id) as api:

        async def is_found() -> bool:
            answer = await api.get("/v1/search", q=words)
            return bool(answer.raise_for_status().json()["messages"])

        await eventually(is_found)


async def begin_chat(page: Page, user_id: str) -> None:
    await page.get_by_label("Find or start a conversation").fill(user_id)
    await page.get_by_label("Find or start a conversation").press("Enter")
    await expect(page.get_by_label("Message", exact=True)).to_be_visible()


async def send(page: Page, content: str) -> None:
    await page.get_by_label("Message", exact=True).fill(content)
    await page.get_by_label("Message", exact=True).press("Enter")


def messages(page: Page) -> Locator:
    return page.locator(".row .text")


def own(page: Page, content: str) -> Locator:
    return message_row(page, content).and_(page.locator(".own"))


async def has_status(row: Locator, status: str) -> None:
    await expect(row).to_have_attribute("data-status", status)


async def is_stored(row: Locator) -> None:
    """Wait until the server has it, whoever has got or read it since."""
    await expect(row).to_have_attribute("data-status", re.compile("sent|delivered|read"))


async def keep_clock(page: Page) -> None:
    """Let no answer tell the page the time, which it would believe more than its own clock."""
    await page.evaluate(UNTOLD)


async def post(page: Page, stack: Stack, sender: str, to: str, *contents: str) -> None:
    """Written on another device, over HTTP; each content once."""
    headers = {"Authorization": f"Bearer {stack.token(sender)}"}
    for content in contents:
        client_id = sha256(f"{sender} {to} {content}".encode()).hexdigest()
        body = {"client_id": client_id, "to": to, "content": content}
        answer = await page.request.post(f"{stack.url}/v1/messages", headers=headers, data=body)
        assert answer.status in (200, 201), await answer.text()


@contextmanager
def frozen(stack: Stack, service: str) -> Iterator[None]:
    """The service neither answers nor goes away."""
    pid = stack.pids()[service]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def message_row(page: Page, content: str) -> Locator:
    """Find a message by its text alone: the time beside it has digits as well."""
    return page.locator(".row").filter(has=page.locator(".text").filter(has_text=content))


async def message_menu(page: Page, content: str) -> None:
    """As with the right button of a mouse."""
    await message_row(page, content).locator(".bubble").click(button="right")


async def long_press(page: Page, content: str) -> None:
    """As with a finger that stays; playwright has none."""
    bubble = message_row(page, content).locator(".bubble")
    finger = {"pointerType": "touch", "isPrimary": True, "bubbles": True}
    await bubble.dispatch_event("pointerdown", finger)
    await page.get_by_role("menu").wait_for()
    await bubble.dispatch_event("pointerup", finger)


async def choose(page: Page, name: str) -> None:
    await page.get_by_role("menuitem", name=name).click()


async def delete(page: Page, content: str, mode: str) -> None:
    await message_menu(page, content)
    await choose(page, "Delete…")
    await page.get_by_role("button", name=f"Delete for {mode}").click()
