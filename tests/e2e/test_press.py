"""A press that is under way when something else changes on the page is still a click."""

import pytest
from playwright.async_api import FilePayload, Locator, Page, Route, expect

from tests.e2e.browser import Open, been_here, has_status, message_menu, messages, own, post, send
from tests.support.stack import Stack

UPLOADS = "**/v1/attachments?*"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def press(page: Page, what: Locator) -> None:
    await what.hover()
    await page.mouse.down()


async def test_s88_a_file_is_taken_out_while_another_gets_ready(open_as: Open) -> None:
    held: list[Route] = []
    page = await open_as("zora", "/chat/zelda/")

    async def hold(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            await route.continue_()

    await page.route(UPLOADS, hold)
    files = [
        FilePayload(name=name, mimeType="text/plain", buffer=b"here")
        for name in ("slow.txt", "quick.txt")
    ]
    await page.get_by_label("Files", exact=True).set_input_files(files)
    bars = page.get_by_role("progressbar")
    await expect(bars).to_have_count(1)
    await press(page, page.get_by_role("button", name="Remove quick.txt"))
    await held[0].continue_()
    await expect(bars).to_have_count(0)
    await page.mouse.up()
    await expect(page.locator(".tray .file-name")).to_have_text(["slow.txt"])


async def test_a_conversation_opens_while_another_moves_up(stack: Stack, open_as: Open) -> None:
    await been_here(stack, "yves")
    page = await open_as("yara")
    await post(page, stack, "yves", "yara", "early")
    await post(page, stack, "yann", "yara", "late")
    rows = page.locator(".chats a .name")
    await expect(rows).to_have_text(["Yann", "Yves"])
    await post(page, stack, "ximena", "yara", "latest")
    await expect(rows).to_have_text(["Ximena", "Yann", "Yves"])
    await press(page, rows.filter(has_text="Yves"))
    await post(page, stack, "yann", "yara", "last")
    await expect(rows).to_have_text(["Yann", "Ximena", "Yves"])
    await page.mouse.up()
    await expect(messages(page)).to_have_text(["early"])


async def test_a_reaction_is_taken_back_while_the_message_arrives(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("xanthe", "/chat/xaver/")
    await been_here(stack, "xaver")
    await send(page, "sailing")
    await has_status(own(page, "sailing"), "sent")
    await message_menu(page, "sailing")
    await page.get_by_label("React with 👍").click()
    chips = page.locator(".row .chip")
    await expect(chips).to_have_text(["👍1"])
    await press(page, chips)
    await open_as("xaver")
    await has_status(own(page, "sailing"), "delivered")
    await page.mouse.up()
    await expect(chips).to_have_count(0)


class Finger:
    """One that stays down as long as a test wants."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def hold(self, what: Locator) -> None:
        """Press an element, and hold it until long after the menu has appeared."""
        box = await what.bounding_box()
        assert box
        self._cdp = await self._page.context.new_cdp_session(self._page)
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        await self._cdp.send(
            "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]}
        )
        await self._page.get_by_role("menu").wait_for()
        await self._page.evaluate("() => new Promise((later) => setTimeout(later, 600))")

    async def lift(self) -> None:
        await self._cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        await self._page.evaluate("() => new Promise((later) => setTimeout(later, 100))")


async def test_f_p11_a_finger_presses_nothing_where_it_is_lifted(open_as: Open) -> None:
    phone = await open_as("wilma11", "/chat/wilma11/", **PHONE)
    finger = Finger(phone)
    menu = phone.get_by_role("menu")
    for number in range(14):
        await send(phone, f"number {number}")
    await send(phone, "https://example.com/")
    await has_status(own(phone, "example.com"), "sent")
    beside = phone.locator("dialog:not(.menu), .toast, .row .chip")
    for place in range(10, 14):  # some of them are where the menu will be
        await finger.hold(own(phone, f"number {place}").locator(".bubble"))
        await finger.lift()
        await expect(menu).to_be_visible()
        await expect(beside).to_have_count(0)
        await phone.locator("dialog.menu").evaluate("(dialog) => dialog.close()")
    before = phone.context.pages
    await finger.hold(own(phone, "example.com").locator("a"))
    await finger.lift()
    assert phone.context.pages == before  # no tab was opened
    await expect(menu).to_be_visible()
    await phone.get_by_role("menuitem", name="Reply").tap()
    await expect(phone.locator(".subject")).to_be_visible()

    await phone.get_by_role("button", name="Back to all conversations").tap()
    await finger.hold(phone.locator(".chats a"))
    await finger.lift()
    await expect(menu).to_be_visible()
    await expect(phone.locator(".shell")).to_have_attribute("data-pane", "inbox")
    await phone.get_by_role("menuitem", name="Mute").tap()
    await expect(phone.get_by_label("Muted")).to_be_visible()
    await phone.locator(".chats a").tap()
    await expect(phone.locator(".shell")).to_have_attribute("data-pane", "chat")
