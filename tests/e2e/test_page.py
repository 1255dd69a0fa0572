"""Drives the web page in a real browser, against the real product."""

import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    WebSocketRoute,
    async_playwright,
    expect,
)

from services.gateway.page import SERVED, WEB
from tests.support.stack import Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR, eventually

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
XSS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    '"><svg onload=alert(3)>',
    "javascript:alert(4)",
    '[x](javascript:alert(5)) https://example.com/"onmouseover="alert(6)',
]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=10_000 * TIMEOUT_FACTOR)

Open = Callable[..., Awaitable[Page]]
OnWebSocket = Callable[[WebSocketRoute], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    directory = tmp_path_factory.mktemp("page")
    async with run_stack(directory, dev_login=True, message_rate=0, heartbeat=2) as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if not shutil.which(CHROMIUM):
        reason = f"there is no {CHROMIUM}; name another one in CHROMIUM"
        if os.environ.get("LINKUP_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def open_as(stack: Stack, browser: Browser) -> AsyncIterator[Open]:
    """A window of its own, with somebody signed in; what goes wrong in it fails the test."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []

    async def open_window(
        user_id: str, path: str = "/", wire: OnWebSocket | None = None, **options: Any
    ) -> Page:
        context = await browser.new_context(**options)
        contexts.append(context)
        page = await context.new_page()
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
    for context in contexts:
        await context.close()
    assert faults == []


def _keep_violation(faults: list[str], text: str) -> None:
    if "Content Security Policy" in text or "TrustedHTML" in text:
        faults.append(text)


def _keep_stranger(faults: list[str], origin: str, url: str) -> None:
    """Nothing may be loaded from anywhere else."""
    if not url.startswith((origin, origin.replace("http", "ws"))):
        faults.append(f"loaded {url}")


async def sign_in(page: Page, user_id: str) -> None:
    await page.get_by_label("Or somebody else").fill(user_id)
    await page.get_by_role("button", name="Sign in").click()
    await connected(page)


async def connected(page: Page) -> None:
    await expect(page.locator(".connection")).to_have_attribute("data-state", "connected")


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
    return page.locator(".row.own").filter(has_text=content)


async def has_status(row: Locator, status: str) -> None:
    await expect(row).to_have_attribute("data-status", status)


async def post(page: Page, stack: Stack, sender: str, to: str, *contents: str) -> None:
    """Written on another device, over HTTP; each content once."""
    headers = {"Authorization": f"Bearer {stack.token(sender)}"}
    for content in contents:
        client_id = f"{sender}-{to}-{content}".replace(" ", "-")
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


async def test_two_people_see_each_tick_come_and_the_badge_go(stack: Stack, open_as: Open) -> None:
    alice = await open_as("alice")
    await begin_chat(alice, "bob")
    with frozen(stack, "persistence"):
        await send(alice, "Good morning, Bob")
        await has_status(own(alice, "Good morning"), "pending")
    await has_status(own(alice, "Good morning"), "sent")

    bob = await open_as("bob")
    line = bob.locator(".chats a").filter(has_text="Alice")
    await expect(line.locator(".badge")).to_have_text("1")
    await expect(line.locator(".preview")).to_have_text("Good morning, Bob")
    await expect(bob).to_have_title("(1) LinkUp")
    await has_status(own(alice, "Good morning"), "delivered")

    await line.click()
    await expect(messages(bob)).to_have_text(["Good morning, Bob"])
    await has_status(own(alice, "Good morning"), "read")
    await expect(line.locator(".badge")).to_be_hidden()
    await expect(bob).to_have_title("LinkUp")

    await send(bob, "Morning! What is new?")
    await expect(messages(alice)).to_have_text(["Good morning, Bob", "Morning! What is new?"])
    await has_status(own(bob, "What is new"), "read")
    preview = bob.locator(".chats .preview")
    await expect(preview).to_have_text("You: Morning! What is new?")


async def test_a_message_is_on_the_screen_with_the_next_frame(open_as: Open) -> None:
    page = await open_as("nora", "/chat/nora/")
    count = await page.evaluate(
        """async () => {
            const field = document.querySelector("textarea");
            field.value = "Do not forget";
            field.dispatchEvent(new Event("input"));
            field.form.requestSubmit();
            await new Promise((painted) => requestAnimationFrame(painted));
            return document.querySelectorAll(".row.own").length;
        }"""
    )
    assert count == 1
    await has_status(own(page, "Do not forget"), "sent")


async def test_c2_an_unsent_message_survives_a_reload_and_is_stored_once(
    stack: Stack, open_as: Open
) -> None:
    await (await open_as("otto")).close()
    page = await open_as("olga")
    await begin_chat(page, "otto")
    await send(page, "first")
    await has_status(own(page, "first"), "sent")
    with frozen(stack, "persistence"):
        for content in ("second", "third"):
            await send(page, content)
        await has_status(own(page, "third"), "pending")
        await page.reload(wait_until="commit")
    await expect(messages(page)).to_have_text(["first", "second", "third"])
    await has_status(own(page, "third"), "sent")
    reader = await open_as("otto", "/chat/olga/")
    await expect(messages(reader)).to_have_text(["first", "second", "third"])
    await eventually(lambda: outbox_is_empty(page))


async def outbox_is_empty(page: Page) -> bool:
    count = await page.evaluate(
        """() => new Promise((resolve) => {
            const opening = indexedDB.open("linkup");
            opening.onsuccess = () => {
                const store = opening.result.transaction("outbox").objectStore("outbox");
                store.count().onsuccess = (event) => resolve(event.target.result);
            };
        })"""
    )
    return bool(count == 0)


async def test_c4_what_is_written_while_the_gateway_is_gone_arrives_once_and_in_order(
    stack: Stack, open_as: Open
) -> None:
    reader = await open_as("pia", "/chat/paul/")
    writer = await open_as("paul", "/chat/pia/")
    await send(writer, "0")
    await expect(messages(reader)).to_have_text(["0"])
    await stack.kill("gateway")
    for number in range(1, 8):
        await send(writer, str(number))
    await stack.ready()
    for page in (writer, reader):
        await page.evaluate("dispatchEvent(new Event('online'))")
        await connected(page)
        await expect(messages(page)).to_have_text([str(number) for number in range(8)])
    await has_status(own(writer, "7"), "read")


async def test_the_indicator_tells_that_the_network_is_gone(open_as: Open) -> None:
    page = await open_as("quinn", "/chat/quinn/")
    await page.context.set_offline(True)
    await expect(page.locator(".connection")).to_have_attribute("data-state", "offline")
    await expect(page.get_by_text("You are offline.")).to_be_visible()
    await send(page, "Later")
    await has_status(own(page, "Later"), "pending")
    await page.context.set_offline(False)
    await connected(page)
    await has_status(own(page, "Later"), "sent")
    await expect(page.locator(".banner")).to_be_hidden()


async def test_a_refused_message_says_why_and_can_be_tried_again(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("rosa", "/chat/nobody-yet/")
    await send(page, "Is there anybody?")
    row = own(page, "Is there anybody?")
    await has_status(row, "failed")
    await page.reload()
    await has_status(row, "failed")
    answer = await page.request.post(
        f"{stack.url}/v1/dev/login", data={"user_id": "nobody-yet", "name": "Nora Body"}
    )
    assert answer.ok
    await row.get_by_role("button", name="Try again").click()
    await has_status(row, "sent")
    await expect(messages(page)).to_have_text(["Is there anybody?"])
    await expect(page.get_by_role("heading", name="Nora Body")).to_be_visible()


async def test_c6_after_a_resync_the_open_conversation_has_no_hole(
    stack: Stack, open_as: Open
) -> None:
    wires: list[WebSocketRoute] = []

    async def stale_after_the_first(wire: WebSocketRoute) -> None:
        """Every hello but the first one comes with the epoch of another store."""
        server = wire.connect_to_server()
        wires.append(wire)

        def forward(frame: str | bytes) -> None:
            fields = json.loads(frame)
            if fields["type"] == "hello" and len(wires) > 1:
                fields["epoch"] = "another-store"
            server.send(json.dumps(fields))

        wire.on_message(forward)

    await (await open_as("iris")).close()
    page = await open_as("ivan", "/chat/iris/", wire=stale_after_the_first)
    await post(page, stack, "iris", "ivan", "one")
    await expect(messages(page)).to_have_text(["one"])
    await page.context.set_offline(True)
    await wires[0].close(code=4000)
    async with page.expect_response("**/v1/conversations?*"):
        await post(page, stack, "iris", "ivan", "two", "three")
        await page.context.set_offline(False)
    await expect(messages(page)).to_have_text(["one", "two", "three"])
    await post(page, stack, "iris", "ivan", "four")
    await expect(messages(page)).to_have_text(["one", "two", "three", "four"])
    assert len(wires) >= 2


async def test_c7_a_silent_server_is_noticed(open_as: Open) -> None:
    half_open: set[WebSocketRoute] = set()
    wires: list[WebSocketRoute] = []

    async def swallow(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()
        server.on_message(lambda frame: None if wire in half_open else wire.send(frame))
        wires.append(wire)

    page = await open_as("kim", "/chat/kim/", wire=swallow)
    half_open.update(wires)
    await eventually(lambda: len(wires) > len(half_open))
    await connected(page)


async def test_a_refused_token_is_replaced_by_a_fresh_one(open_as: Open) -> None:
    closed_with: list[int | None] = []

    async def spoil_the_first(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()

        def forward(frame: str | bytes) -> None:
            fields = json.loads(frame)
            if fields["type"] == "hello" and not closed_with:
                fields["token"] = "stale"
            server.send(json.dumps(fields))

        async def end(code: int | None, reason: str | None) -> None:
            closed_with.append(code)
            await wire.close(code=code, reason=reason)

        wire.on_message(forward)
        server.on_close(end)

    page = await open_as("lena", "/chat/lena/", wire=spoil_the_first)
    await send(page, "Still me")
    await has_status(own(page, "Still me"), "sent")
    assert closed_with == [4401]


async def test_older_messages_load_without_moving_what_is_read(stack: Stack, open_as: Open) -> None:
    page = await open_as("sara")
    await (await open_as("tom")).close()
    await post(page, stack, "tom", "sara", *(f"Message number {n}" for n in range(1, 81)))
    await expect(page.locator(".chats .badge")).to_have_text("80")
    await page.reload()  # to begin without what it has seen arrive
    await page.locator(".chats a").click()
    await expect(messages(page)).to_have_count(50)
    await expect(messages(page).last).to_be_in_viewport()

    before = await page.evaluate(SCROLL_UP)
    await expect(messages(page)).to_have_count(70)
    row = messages(page).get_by_text(before["text"], exact=True)
    assert await row.evaluate("(node) => node.getBoundingClientRect().top") == pytest.approx(
        before["top"], abs=2
    )
    await post(page, stack, "tom", "sara", "Message number 81")
    await expect(page.locator(".down .badge")).to_have_text("1")
    await page.get_by_role("button", name="Go to the newest message").click()
    await expect(messages(page).last).to_have_text("Message number 81")
    await expect(messages(page).last).to_be_in_viewport()

    await page.evaluate(SCROLL_UP)
    await expect(messages(page)).to_have_count(81)
    await expect(messages(page).first).to_have_text("Message number 1")
    await expect(page.get_by_text("the beginning of the conversation")).to_be_attached()


SCROLL_UP = """() => {
    const list = document.querySelector(".timeline");
    list.scrollTop = 60;
    const node = document.querySelector(".row:nth-of-type(5) .text");
    return { text: node.textContent, top: node.getBoundingClientRect().top };
}"""


async def test_markup_in_messages_and_names_stays_text(open_as: Open) -> None:
    hostile = "<img src=x onerror=alert(0)>"
    reader = await open_as("uma")
    writer = await open_as(hostile, "/chat/uma/")
    for content in XSS:
        await send(writer, content)
    await expect(reader.locator(".chats .name")).to_have_text(hostile)
    await reader.locator(".chats a").click()
    for page in (writer, reader):
        await expect(messages(page)).to_have_text(XSS)
        assert await page.locator("img, .text svg, .text script, body script").count() == 0
        links = await page.locator(".text a").evaluate_all("(all) => all.map((a) => a.href)")
        assert links == ["https://example.com/"]
        link = page.locator(".text a")
        await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        await expect(link).to_have_attribute("target", "_blank")


async def test_a_phone_shows_one_thing_at_a_time_and_never_scrolls_sideways(
    open_as: Open,
) -> None:
    page = await open_as("vera", viewport=PHONE, has_touch=True, is_mobile=True)
    await fits(page)
    await begin_chat(page, "vera")
    long_word = "w" * 700
    await send(page, f"{long_word} https://example.com/{long_word}")
    await has_status(own(page, long_word), "sent")
    await expect(page.locator(".inbox")).to_be_hidden()
    await fits(page)
    await page.get_by_role("button", name="Back to all conversations").click()
    await expect(page.locator(".conversation")).to_be_hidden()
    await expect(page.locator(".chats a")).to_have_count(1)
    await fits(page)


async def fits(page: Page) -> None:
    wide = await page.evaluate(
        """() => [document.scrollingElement, ...document.querySelectorAll(".timeline, .scroll")]
            .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.className)"""
    )
    assert wide == []


async def test_two_tabs_of_one_user_agree(browser: Browser, open_as: Open) -> None:
    first = await open_as("wanda", "/chat/wanda/")
    second = await first.context.new_page()
    await second.goto(first.url)
    await sign_in(second, "wanda")
    for number, page in enumerate([first, second, first, second]):
        await send(page, f"note {number}")
        for tab in (first, second):
            await expect(messages(tab)).to_have_text([f"note {n}" for n in range(number + 1)])
            await has_status(own(tab, f"note {number}"), "sent")
    await first.close()  # the other one takes over the outbox
    await send(second, "note 4")
    await has_status(own(second, "note 4"), "sent")


async def test_c4_what_follows_a_refused_message_still_arrives(open_as: Open) -> None:
    page = await open_as("yuri", "/chat/yuri/")
    outcomes = await page.evaluate(
        """async () => {
            const { LinkupClient } = await import("/static/linkup-client.js");
            const { user_id, token } = JSON.parse(sessionStorage.getItem("linkup.session"));
            const client = new LinkupClient({ userId: user_id, getToken: async () => token });
            client.start();
            const contents = ["before", "x".repeat(5001), "after", "last"];
            const sent = contents.map((content) => client.send({ to: user_id, content }));
            const ended = await Promise.allSettled(sent);
            client.stop();
            return ended.map(({ value, reason }) => value?.seq ?? reason.code);
        }"""
    )
    assert outcomes == [1, "invalid_frame", 2, 3]
    await expect(messages(page).filter(has_not_text="xxx")).to_have_text(
        ["before", "after", "last"]
    )


async def test_every_module_is_fetched_at_once() -> None:
    files = sources()
    preloaded = re.findall(r'"modulepreload" href="/static/([^"]+)"', files["index.html"])
    assert {*preloaded, "app.js"} == {name for name in files if name.endswith(".js")}


async def test_no_file_of_the_page_makes_markup_from_text() -> None:
    markup = re.compile(
        r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|javascript:"
    )
    assert [name for name, source in sources().items() if markup.search(source)] == []


def sources() -> dict[str, str]:
    files = (path for path in WEB.rglob("*") if path.suffix in SERVED)
    return {path.relative_to(WEB).as_posix(): path.read_text("utf-8") for path in files}


async def test_enter_sends_and_shift_enter_breaks_the_line(open_as: Open) -> None:
    page = await open_as("xenia", "/chat/xenia/")
    field = page.get_by_label("Message", exact=True)
    one_line = await field.evaluate("(node) => node.offsetHeight")
    await field.press_sequentially("above")
    await field.press("Shift+Enter")
    await field.press_sequentially("below")
    assert await field.evaluate("(node) => node.offsetHeight") > one_line
    await field.press("Enter")
    await expect(messages(page)).to_have_text("above\nbelow", use_inner_text=True)
    await expect(field).to_have_value("")
    assert await field.evaluate("(node) => node.offsetHeight") == one_line


@pytest.mark.parametrize("path", ["/", "/chat/alice/", "/static/app.js", "/static/style.css"])
async def test_every_file_comes_with_the_strict_headers(
    stack: Stack, browser: Browser, path: str
) -> None:
    context = await browser.new_context()
    answer = await context.request.get(stack.url + path)
    again = await context.request.get(
        stack.url + path, headers={"If-None-Match": answer.headers["etag"]}
    )
    await context.close()
    assert (answer.status, again.status) == (200, 304)
    for headers in (answer.headers, again.headers):
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/static/../../pyproject.toml", "/static/%2e%2e/%2e%2e/README.md", "/static/", "/x"]
)
async def test_nothing_else_is_served(stack: Stack, browser: Browser, path: str) -> None:
    context = await browser.new_context()
    answer = await context.request.get(stack.url + path)
    assert answer.status == 404
    assert json.loads(await answer.text())["code"] == "not_found"
    await context.close()
