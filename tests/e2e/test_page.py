"""Tests what a person sees of the web page, in a real browser, against the real product."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import (
    Open,
    been_here,
    begin_chat,
    connected,
    frozen,
    has_status,
    message_menu,
    messages,
    own,
    post,
    send,
)
from tests.support.stack import Stack

PHONE = {"width": 390, "height": 844}
XSS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    '"><svg onload=alert(3)>',
    "javascript:alert(4)",
    '[x](javascript:alert(5)) https://example.com/"onmouseover="alert(6)',
]
SCROLL_UP = """() => {
    const list = document.querySelector(".timeline");
    list.scrollTop = 60;
    const node = document.querySelector(".row:nth-of-type(5) .text");
    return { text: node.textContent, top: node.getBoundingClientRect().top };
}"""
SCROLL_AND_CHANGE = """() => {
    const list = document.querySelector(".timeline");
    list.scrollTop = 60;
    document.querySelector(".row .chip").click();
    const shown = new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return shown.then(() => list.scrollTop);
}"""

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


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
    page = await open_as("norma", "/chat/norma/")
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


async def test_only_what_a_person_can_see_is_read(open_as: Open) -> None:
    reader = await open_as("gina", "/chat/hugo/")
    writer = await open_as("hugo", "/chat/gina/")
    await show_tab(reader, "hidden")
    await send(writer, "Are you there?")
    await expect(messages(reader)).to_have_text(["Are you there?"])
    await has_status(own(writer, "Are you there?"), "delivered")
    await expect(reader).to_have_title("(1) LinkUp")
    await show_tab(reader, "visible")
    await has_status(own(writer, "Are you there?"), "read")
    await expect(reader).to_have_title("LinkUp")


@pytest.mark.slow
async def test_f_p7_a_window_without_the_focus_reads_nothing(open_as: Open) -> None:
    reader = await open_as("gina7")
    writer = await open_as("hugo7", "/chat/gina7/")
    await send(writer, "one")
    line = reader.locator(".chats a").filter(has_text="Hugo7")
    await expect(line.locator(".badge")).to_have_text("1")
    await focus_window(reader, False)
    await line.click()
    await expect(messages(reader)).to_have_text(["one"])
    await send(writer, "two")
    await expect(messages(reader)).to_have_text(["one", "two"])
    await reader.locator(".timeline").dispatch_event("scroll")
    await show_tab(reader, "visible")
    await has_status(own(writer, "two"), "delivered")
    await expect(reader).to_have_title("(2) LinkUp")
    await focus_window(reader, True)
    await has_status(own(writer, "two"), "read")
    await expect(reader).to_have_title("LinkUp")


async def focus_window(page: Page, focused: bool) -> None:
    """Playwright gives each window the focus; this one has another in front of it."""
    await page.evaluate(
        """(focused) => {
            document.hasFocus = () => focused;
            window.dispatchEvent(new Event(focused ? "focus" : "blur"));
        }""",
        focused,
    )


async def show_tab(page: Page, state: str) -> None:
    await page.evaluate(
        """(state) => {
            const seen = { value: state, configurable: true };
            Object.defineProperty(document, "visibilityState", seen);
            document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
        }""",
        state,
    )


@pytest.mark.slow
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
    page = await open_as("rosa")
    await page.route("**/v1/users/unheard-of", lambda route: route.abort())
    await begin_chat(page, "unheard-of")
    await send(page, "Is there anybody?")
    row = own(page, "Is there anybody?")
    await has_status(row, "failed")
    await expect(row).to_contain_text("Reload the page.")
    await page.reload()
    await has_status(row, "failed")
    answer = await page.request.post(
        f"{stack.url}/v1/dev/login", data={"user_id": "unheard-of", "name": "Una Heard"}
    )
    assert answer.ok
    await row.get_by_role("button", name="Try again").click()
    await has_status(row, "sent")
    await expect(messages(page)).to_have_text(["Is there anybody?"])
    await expect(page.get_by_role("heading", name="Una Heard")).to_be_visible()


@pytest.mark.slow
async def test_older_messages_load_without_moving_what_is_read(stack: Stack, open_as: Open) -> None:
    page = await open_as("sara")
    await been_here(stack, "tom")
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


async def test_a_change_does_not_undo_a_scroll_that_has_just_begun(
    stack: Stack, open_as: Open
) -> None:
    """The browser tells of a scroll with the next frame, and a change may come before that."""
    page = await open_as("sanne")
    await been_here(stack, "tobi")
    await post(page, stack, "tobi", "sanne", *(f"Message number {n}" for n in range(1, 41)))
    await page.locator(".chats a").click()
    await expect(messages(page)).to_have_count(40)
    await expect(messages(page).last).to_be_in_viewport()
    await message_menu(page, "Message number 40")
    await page.get_by_label("React with 👍").click()
    await expect(page.locator(".row .chip")).to_be_visible()
    await expect(page.locator(".row.changing")).to_have_count(0)
    assert await page.evaluate(SCROLL_AND_CHANGE) == 60
    await expect(page.get_by_role("button", name="Go to the newest message")).to_be_visible()


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


@pytest.mark.slow
async def test_f_p12_a_link_ends_where_its_address_does(open_as: Open) -> None:
    page = await open_as("lina12", "/chat/lina12/")
    await send(page, "看https://example.com/a\uff0c很好。 https://example.org/Devil's_(advocate)!")
    await send(page, "www.example.com, <ann@example.com> file.txt javascript:alert(1)")
    links = page.locator(".row .text a")
    shown = [
        "https://example.com/a",
        "https://example.org/Devil's_(advocate)",
        "www.example.com",
        "ann@example.com",
    ]
    await expect(links).to_have_text(shown)
    found = await links.evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    assert found == [*shown[:2], "http://www.example.com", "mailto:ann@example.com"]


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
