"""Tests how a person comes in from a host app: through its URL, and in its frame."""

import re
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.browser import connected, messages, send
from tests.support import web
from tests.support.hostapp import HostApp, host_app
from tests.support.stack import Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR, eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]

NO_STORAGE = """
const refuse = { get() { throw new DOMException("not here", "SecurityError"); } };
for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, refuse);
IDBFactory.prototype.open = () => { throw new DOMException("not here", "SecurityError"); };
LockManager.prototype.request = async () => { throw new DOMException("no", "SecurityError"); };
"""
KEY = "the-host-apps-key-of-at-least-32-bytes"
ABOUT_TO_END = 7  # seconds of a token: it is replaced after a bit more than five


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def host() -> AsyncIterator[HostApp]:
    async with host_app() as host:
        yield host


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(host: HostApp, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product without the demo login. The frames are of another site than the page."""
    async with run_stack(
        tmp_path_factory.mktemp("house"),
        host_key=KEY,
        dev_login=False,
        token_url=f"{host.url()}/linkup/token",
        frame_ancestors=(host.url("localhost"),),
    ) as house:
        host.chat, host.sign = house.url, house.token
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, house: Stack) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context()
    context.set_default_timeout(10_000 * TIMEOUT_FACTOR)
    yield context
    await context.close()


async def come(context: BrowserContext, host: HostApp, user_id: str, path: str = "/") -> Page:
    """Signed in at the app, then at the page."""
    page = await context.new_page()
    await page.goto(f"{host.url()}/sign-in/{user_id}")
    await page.goto(host.chat + path)
    return page


async def signed_out(page: Page) -> None:
    heading = page.get_by_role("heading", name="You are signed out")
    await expect(heading).to_be_visible(timeout=20_000 * TIMEOUT_FACTOR)


async def test_s3_who_is_signed_in_at_the_app_is_in_until_the_app_says_otherwise(
    host: HostApp, house: Stack, browser: Browser, context: BrowserContext
) -> None:
    host.lasting = {"renata": ABOUT_TO_END, "ludwig": ABOUT_TO_END}
    sent: list[str | bytes] = []
    other = await browser.new_context()
    page, leaving = await context.new_page(), await other.new_page()
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(text)))
    for one, user_id in ((page, "renata"), (leaving, "ludwig")):
        await one.goto(f"{host.url()}/sign-in/{user_id}")
        await one.goto(f"{house.url}/chat/{user_id}/")
        await connected(one)
        await expect(one.get_by_role("heading", name=user_id.title())).to_be_visible()
        await expect(one.get_by_role("button", name="Sign out")).to_have_count(0)
    await send(leaving, "a secret")
    await expect(messages(leaving)).to_have_text(["a secret"])
    host.gone.add("ludwig")
    await eventually(lambda: any('"refresh"' in str(text) for text in sent), 20)
    await signed_out(leaving)
    await expect(leaving.get_by_text("a secret")).to_have_count(0)
    await expect(leaving.get_by_role("link", name="Sign in")).to_have_attribute(
        "href", f"{host.url()}/sign-in/alice"
    )
    await connected(page)
    await other.close()


async def test_s3_who_is_signed_out_comes_in_once_they_have_signed_in_at_the_app(
    host: HostApp, house: Stack, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(f"{house.url}/chat/alice/")
    await signed_out(page)
    link = page.get_by_role("link", name="Sign in")
    async with context.expect_page() as opened:
        await link.click(modifiers=["Control"])
    await (await opened.value).get_by_text("Welcome").wait_for()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await connected(page)
    await expect(page.get_by_role("heading", name="Saved messages")).to_be_visible()


async def test_s3_a_host_app_that_is_away_is_asked_again(
    host: HostApp, house: Stack, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(f"{host.url()}/sign-in/zora")
    await page.route("**/linkup/token", lambda route: route.abort())
    await page.goto(house.url)
    await expect(page.get_by_text("Your app cannot be reached")).to_be_visible()
    await page.unroute_all()
    await connected(page)


async def test_s3_a_disconnected_person_is_in_again_by_a_token_of_the_next_second(
    host: HostApp, house: Stack, context: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app signs one in the second of the disconnect, which is refused as well."""
    seconds: list[int] = []  # of the disconnect, until a token of it was signed

    def sign(user_id: str, exp: int) -> str:
        issued = seconds.pop() if seconds else int(time.time())
        return house.token(user_id, exp=exp, iat=issued)

    monkeypatch.setattr(host, "sign", sign)
    page = await come(context, host, "dora", "/chat/dora/")
    await connected(page)
    path = "/v1/admin/users/dora/disconnect"
    seconds.append(int(time.time()))
    async with web.client(base_url=house.url) as app:
        answer = await app.post(path, headers={"authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    await eventually(lambda: not seconds)
    await connected(page)
    await send(page, "here again")
    await expect(messages(page)).to_have_text(["here again"])
    await expect(page.locator(".toast")).to_have_count(0)


async def test_s3_what_the_server_refuses_is_no_session_and_no_loop(
    host: HostApp, house: Stack, context: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "sign", lambda user_id, exp: house.token(user_id, exp=exp, aud="x"))
    page = await come(context, host, "mallory")
    await expect(page.get_by_text("does not accept your session")).to_be_visible()
    asked = len(host.asked)
    monkeypatch.undo()
    await page.get_by_role("button", name="Try again").click()
    await connected(page)
    assert len(host.asked) - asked == 1


async def test_s3_a_page_without_any_way_in_says_so(house: Stack, context: BrowserContext) -> None:
    async def untold(route: Route) -> None:
        """As a gateway without the settings serves it."""
        answer = await route.fetch()
        text = re.sub(r'(name="linkup-ways-in" content=)"[^"]*"', r'\1"{}"', await answer.text())
        await route.fulfill(response=answer, body=text)

    page = await context.new_page()
    await page.route(f"{house.url}/", untold)
    await page.goto(house.url)
    await expect(page.get_by_text("Nobody can sign in on this page")).to_be_visible()


async def test_s3_the_page_of_the_app_shows_it_in_a_frame_and_hands_it_a_token(
    host: HostApp, house: Stack, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(f"{host.url('localhost')}/sign-in/fritz")
    await page.goto(host.url("localhost"))
    frame = page.frame_locator("iframe")
    await expect(frame.locator(".connection")).to_have_attribute("data-state", "connected")
    await frame.get_by_label("Find or start a conversation").fill("fritz")
    await frame.get_by_label("Find or start a conversation").press("Enter")
    await frame.get_by_label("Message", exact=True).fill("from a frame")
    await frame.get_by_label("Message", exact=True).press("Enter")
    await expect(frame.locator(".row.own")).to_have_attribute("data-status", "sent")
    host.gone.add("fritz")
    await page.reload()
    link = frame.get_by_role("link", name="Sign in")
    await expect(link).to_have_attribute("href", host.url("localhost"))


async def test_s3_a_frame_that_may_store_nothing_works_as_long_as_it_is_open(
    host: HostApp, house: Stack, context: BrowserContext
) -> None:
    """As where a browser blocks the cookies of other sites."""
    await context.add_init_script(f"if (location.origin === '{house.url}') {{ {NO_STORAGE} }}")
    page = await context.new_page()
    await page.goto(f"{host.url('localhost')}/sign-in/frida")
    await page.goto(host.url("localhost"))
    frame = page.frame_locator("iframe")
    await expect(frame.locator(".connection")).to_have_attribute("data-state", "connected")
    await frame.get_by_label("Find or start a conversation").fill("frida")
    await frame.get_by_label("Find or start a conversation").press("Enter")
    await frame.get_by_label("Message", exact=True).fill("kept nowhere")
    await frame.get_by_label("Message", exact=True).press("Enter")
    await expect(frame.locator(".row.own")).to_have_attribute("data-status", "sent")


async def test_s3_who_is_somebody_else_at_the_app_is_so_on_the_page(
    host: HostApp, house: Stack, context: BrowserContext
) -> None:
    page = await come(context, host, "nina", "/chat/nina/")
    await connected(page)
    await page.get_by_label("Message", exact=True).fill("a draft of Nina")
    other = await context.new_page()
    await other.goto(f"{host.url()}/sign-in/nino")
    await page.reload()
    await connected(page)
    await expect(page.locator(".me h2")).to_have_text("Nino")
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")


async def test_s3_no_other_page_shows_it_in_a_frame(
    host: HostApp, house: Stack, context: BrowserContext
) -> None:
    """The same app under a name that no setting has."""
    page = await context.new_page()
    refused: list[str] = []
    page.on("console", lambda entry: refused.append(entry.text))
    await page.goto(f"{host.url()}/sign-in/fiona")
    asked = len(host.asked)
    await page.goto(host.url())
    await eventually(lambda: any("frame-ancestors" in text for text in refused))
    assert len(host.asked) == asked
