"""Tests the bell, the list of notifications, their settings and desktop notifications."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.browser import Open, been_here, begin_chat, choose, messages, post, sign_in
from tests.e2e.conftest import ADMIN_KEY
from tests.support.peer import synced
from tests.support.stack import Stack
from tests.support.waiting import eventually

BELOW_THE_LAST = """() => {
    const bottom = (selector) => document.querySelector(selector).getBoundingClientRect().bottom;
    return bottom(".centre") - bottom(".centre .entries");
}"""
PHONE = {"width": 360, "height": 740}
LEAST_TARGET = 44  # pixels, for a finger
AWAY = "Object.defineProperty(document, 'hasFocus', { value: () => false, configurable: true })"
RECORDING = """() => {
    window.shown = [];
    window.Notification = class {
        static permission = "granted";
        constructor(title, how) { shown.push(this); Object.assign(this, { title, ...how }); }
        close() { this.closed = true; }
    };
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def announce(page: Page, stack: Stack, user_id: str, title: str, **more: Any) -> None:
    """As the host app does."""
    about = {"user_id": user_id, "notification_type": "mention", "title": title}
    body = {"idempotency_key": uuid4().hex, **about, **more}
    answer = await page.request.post(
        f"{stack.url}/v1/admin/notifications",
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        data=body,
    )
    assert answer.status in (200, 201), await answer.text()


def bell(page: Page) -> Locator:
    return page.locator(".bell")


def titles(page: Page) -> Locator:
    return page.locator(".entry .title")


async def _shown(first: Page, second: Page, expected: list[str]) -> bool:
    """Return whether exactly these desktop notifications appeared, in any tab."""
    words = (
        "shown.filter(({ tag }) => tag !== 'linkup:test').map((one) => `${one.title}: ${one.body}`)"
    )
    return [*await first.evaluate(words), *await second.evaluate(words)] == expected


async def _refuse(route: Route) -> None:
    await route.fulfill(status=403)


async def listens(stack: Stack, user_id: str) -> None:
    """Wait until notify knows that this user has a page open: what is new is then told at once."""
    token = stack.token(user_id, name=user_id)
    async with synced(stack, user_id, token=token) as device:
        await device.next("badge_update")


async def test_s40_s92_the_bell_counts_and_each_notification_leads_somewhere(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "nils")
    page = await open_as("nora")
    await listens(stack, "nora")
    await expect(bell(page)).to_have_attribute("aria-label", "Notifications")
    await post(page, stack, "nils", "nora", "Are you there?")
    await announce(page, stack, "nora", "Nils <b>mentioned</b> you", sender_id="nils")
    url = "https://example.com/security"
    alert = {"notification_type": "security_alert", "priority": "urgent", "action_url": url}
    await announce(page, stack, "nora", "New sign-in", **alert)
    await expect(bell(page)).to_have_attribute("aria-label", "Notifications, 3 unread")
    await expect(page).to_have_title("(3) LinkUp")
    await expect(page.locator("link[rel=icon]")).to_have_attribute(
        "href", "/static/icon-unread.svg"
    )

    await bell(page).press("Enter")
    await expect(titles(page)).to_have_count(3)
    link = page.get_by_role("link", name="New sign-in")
    await expect(link).to_have_attribute("href", url)
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await page.get_by_label("Type").select_option("mention")
    await expect(titles(page)).to_have_text(["Nils <b>mentioned</b> you"])
    assert await page.evaluate(BELOW_THE_LAST) < 24
    await page.get_by_label("Type").select_option("new_follower")
    await expect(page.get_by_text("Nothing here with this filter.")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(bell(page)).to_be_focused()

    await bell(page).press("Enter")
    await page.get_by_label("Type").select_option("")
    await expect(titles(page)).to_have_count(3)
    await page.locator(".entry").filter(has_text="Nils").first.focus()
    await page.locator(".entry").filter(has_text="Are you there?").press("Enter")
    await expect(messages(page)).to_have_text(["Are you there?"])
    await expect(bell(page)).to_have_attribute("aria-label", "Notifications, 2 unread")
    await bell(page).click()
    await page.get_by_role("button", name="Mark all as read").click()
    await expect(page.locator(".entry.unread")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(bell(page)).to_have_attribute("aria-label", "Notifications")
    await expect(page).to_have_title("LinkUp")

    await page.get_by_role("button", name="Actions for this conversation").click()
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await choose(page, "Mute")  # shown before the server has it
    await expect(page.get_by_label("Muted")).to_be_visible()
    await begin_chat(page, "nora")  # away from the muted one
    await post(page, stack, "nils", "nora", "Still there?")
    await announce(page, stack, "nora", "Nils left")
    await expect(bell(page)).to_have_attribute("aria-label", "Notifications, 1 unread")
    await expect(page).to_have_title("(1) LinkUp")


async def test_s92_on_a_phone_the_list_is_a_full_screen_and_tells_what_fails(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("nelly", viewport=PHONE, has_touch=True, is_mobile=True)
    for number in range(3):
        await announce(page, stack, "nelly", f"Mention {number}")
    await expect(bell(page).locator(".badge")).to_have_text("3")
    await bell(page).tap()
    await expect(titles(page)).to_have_count(3)
    await page.route("**/v1/notifications?*", _refuse)
    await page.get_by_label("Type").select_option("mention")
    await expect(page.locator(".centre .problem")).to_have_text("The server answered 403")
    await page.unroute("**/v1/notifications?*", _refuse)

    async def two_a_page(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("limit=50", "limit=2"))

    await page.route("**/v1/notifications?*", two_a_page)
    await page.get_by_role("button", name="Try again").tap()
    await expect(titles(page)).to_have_text(["Mention 2", "Mention 1"])
    await page.get_by_role("button", name="Show more").tap()
    await expect(titles(page)).to_have_text(["Mention 2", "Mention 1", "Mention 0"])
    assert await page.evaluate("document.querySelector('.centre').scrollWidth") == PHONE["width"]
    for target in await page.locator(".centre :is(button, select):visible").all():
        box = await target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= LEAST_TARGET, await target.text_content()
    async with page.expect_response("**/v1/notifications/*/read"):
        await titles(page).first.tap()  # shown before the server has it
    await expect(bell(page).locator(".badge")).to_have_text("2")
    await page.get_by_role("button", name="Unread", exact=True).tap()
    await expect(titles(page)).to_have_text(["Mention 1", "Mention 0"])


async def test_s92_a_list_that_was_refused_is_asked_for_again_while_another_is_slow(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("nele92")
    await announce(page, stack, "nele92", "Mention")
    await expect(bell(page).locator(".badge")).to_have_text("1")
    slow: list[Route] = []
    refuses = True

    async def answer(route: Route) -> None:
        if "notification_type" not in route.request.url:
            slow.append(route)  # the list of all types
        elif refuses:
            await route.fulfill(status=403)
        else:
            await route.continue_()

    await page.route("**/v1/notifications?*", answer)
    problem, again = page.locator(".centre .problem"), page.get_by_role("button", name="Try again")
    await bell(page).click()
    await eventually(lambda: len(slow) == 1)
    await page.get_by_label("Type").select_option("mention")
    await expect(problem).to_have_text("The server answered 403")
    async with page.expect_response("**/v1/notifications?*") as answered:
        await slow[0].continue_()
    await (await answered.value).finished()
    await expect(problem).to_be_visible()  # of the list that is looked at
    refuses = False
    await again.click()
    await expect(titles(page)).to_have_text(["Mention"])
    await expect(problem).to_be_hidden()

    refuses = True
    await page.get_by_label("Type").select_option("")
    await eventually(lambda: len(slow) == 2)
    await page.get_by_label("Type").select_option("mention")
    await expect(problem).to_be_visible()
    refuses = False
    await again.click()
    await expect(titles(page)).to_have_text(["Mention"])
    await slow[1].continue_()
    await expect(problem).to_be_hidden()


async def test_s93_preferences_are_kept_and_a_refused_one_is_taken_back(open_as: Open) -> None:
    page = await open_as("nina", timezone_id="Europe/Vilnius")

    async def open_settings() -> None:
        await bell(page).click()
        await page.get_by_role("button", name="Notification settings").click()
        await expect(page.locator(".types tbody tr:not(.group)")).to_have_count(17)

    await open_settings()
    likes = page.get_by_label("Likes: E-mail")
    await page.get_by_label("Likes: On").check()
    await likes.set_checked(not await likes.is_checked())
    chosen = await likes.is_checked()
    await page.get_by_label("Mentions: On").uncheck()
    await expect(page.get_by_label("Mentions: Push")).to_be_disabled()
    await page.get_by_role("switch", name="Wait during quiet hours").check()
    await expect(page.get_by_label("Time zone")).to_have_value("Europe/Vilnius")
    await page.get_by_label("From").fill("21:30")
    await page.get_by_label("Until").focus()
    await page.get_by_label("Send e-mails").select_option("weekly")
    await expect(page.locator(".outcome")).to_have_text("Saved")

    await page.reload()
    await open_settings()
    await expect(likes).to_be_checked(checked=chosen)
    await expect(page.get_by_label("Mentions: On")).not_to_be_checked()
    await expect(page.get_by_label("From")).to_have_value("21:30")
    await expect(page.get_by_label("Until")).to_have_value("07:00")
    await expect(page.get_by_label("Send e-mails")).to_have_value("weekly")
    await page.route("**/v1/notification-preferences", _refuse)
    await page.get_by_label("Mentions: On").click()
    await expect(page.locator(".outcome")).to_have_text("Not saved: The server answered 403")
    await expect(page.get_by_label("Mentions: On")).not_to_be_checked()


async def test_s92_s93_one_of_two_tabs_shows_a_desktop_notification_and_leads_there(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "noah")
    first = await open_as("nico", "/chat/noah/")
    second = await first.context.new_page()
    await second.goto(stack.url)
    await sign_in(second, "nico")
    for page in (first, second):
        await page.evaluate(RECORDING)
        await page.evaluate(AWAY)
    await bell(second).click()
    await second.get_by_role("button", name="Notification settings").click()
    await second.get_by_role("switch", name="Sound").check()
    await second.get_by_role("button", name="Test", exact=True).click()
    assert await second.evaluate("shown[0].title") == "LinkUp"
    await second.keyboard.press("Escape")

    await post(first, stack, "noah", "nico", "Lunch?")
    await expect(messages(first)).to_have_text(["Lunch?"])
    await eventually(lambda: _shown(first, second, ["Noah: Lunch?"]))
