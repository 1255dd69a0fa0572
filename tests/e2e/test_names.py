"""Tests that what people write in names and messages stays what it is, and where it belongs."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.browser import (
    Open,
    been_here,
    begin_chat,
    choose,
    findable,
    message_menu,
    messages,
    own,
    send,
)
from tests.support.peer import http
from tests.support.stack import Stack

TURNED = "holiday\u202egpj.html"
SEEN = "holiday[U+202E]gpj.html"
PILE = ("a" + "\u0302" * 20 + "\u0316" * 20) * 20
ATTACH = """([name, type]) => {
    const carried = new DataTransfer();
    carried.items.add(new File(["<p>"], name, { type }));
    const event = new Event("paste", { bubbles: true, cancelable: true });
    Object.assign(event, { clipboardData: carried });
    document.querySelector("#composer").dispatchEvent(event);
}"""
BEGINS_INSIDE = """(node) => {
    const first = document.createRange();
    const text = document.createTreeWalker(node, NodeFilter.SHOW_TEXT).nextNode();
    first.setStart(text, 0);
    first.setEnd(text, 1);
    const [letter, place] = [first.getBoundingClientRect(), node.getBoundingClientRect()];
    return letter.left >= place.left - 1 && letter.right <= place.right + 1;
}"""
WHOLE = """() => [...document.querySelectorAll("body *")].flatMap((node) => [
    ...[...node.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data),
    ...["aria-label", "title", "alt", "download"].map((name) => node.getAttribute(name)),
]).join(" ")"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_f_p17_a_files_name_hides_nothing(open_as: Open) -> None:
    page = await open_as("nils17", "/chat/nils17/")
    await page.evaluate(ATTACH, [TURNED, "text/plain"])
    await expect(page.locator(".tray .file-name")).to_have_text(SEEN)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".row .file-name")).to_have_text(SEEN)
    await expect(page.locator(".row .file-name")).to_have_css("unicode-bidi", "isolate")
    await expect(page.locator(".chats .preview")).to_have_text(f"📎 {SEEN}")
    await expect(page.get_by_role("button", name=f"Download {SEEN}")).to_be_visible()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download").click()
    assert "\u202e" not in (await downloading.value).suggested_filename
    assert "\u202e" not in await whole(page)


@pytest.mark.parametrize("place", [".who h1", ".me h2"])
async def test_a_long_name_from_right_to_left_is_cut_at_its_end(open_as: Open, place: str) -> None:
    name = "א" + "ב" * 120
    page = await (open_as(name) if place == ".me h2" else open_as("nils18", f"/chat/{name}/"))
    await expect(page.locator(place)).to_have_text(name)
    assert await page.locator(place).evaluate(BEGINS_INSIDE)


async def test_a_groups_long_title_and_names_are_cut_at_their_end(
    stack: Stack, open_as: Open
) -> None:
    name, title = "ד" + "ב" * 60, "ה" + "ב" * 90
    await been_here(stack, name)
    page = await open_as("nell18")
    async with http(stack, "nell18") as api:
        asked = {"client_id": "long", "title": title, "members": [name]}
        made = (await api.post("/v1/conversations", asked)).raise_for_status().json()
    await page.goto(f"{stack.url}/group/{made['conversation']['conversation_id']}/")
    await page.locator(".who h1 button").click()
    await expect(page.locator(".sheet h2")).to_have_text(f"{title} · 2")
    row = page.locator(".members li .names").filter(has_text=name)
    for place in (page.locator(".sheet h2"), row, page.locator(".who h1")):
        assert await place.evaluate(BEGINS_INSIDE)
    for field in ("#group-title", "#composer"):
        await expect(page.locator(field)).to_have_attribute("dir", "auto")
    greeting = page.locator(".greeting")
    assert await greeting.evaluate("(node) => node.scrollWidth <= node.parentNode.clientWidth")


async def test_f_p17_the_names_of_people_and_groups_hide_nothing(
    stack: Stack, open_as: Open
) -> None:
    name = "eve\u202etob\u200b"
    seen = "eve[U+202E]tob[U+200B]"
    other = await open_as(name)
    await expect(other.locator(".me h2")).to_have_text(seen)
    page = await open_as("nora17")
    await begin_chat(other, "nora17")
    await send(other, "hello")
    await expect(page.locator(".chats .name")).to_have_text(seen)
    await page.locator(".chats a").click()
    await expect(page.locator(".who h1")).to_have_text(seen)
    await message_menu(page, "hello")
    await choose(page, "Reply")
    await expect(page.locator(".subject .whose")).to_have_text(f"Reply to {seen}")
    await send(page, "hello too")
    await expect(page.locator(".row .quote .whose")).to_have_text(seen)
    await findable(stack, "nora17", "hello")
    await page.locator("#find").fill("hello")
    await expect(page.locator(".hits .name").first).to_have_text(seen)
    await expect(page.locator(".hits bdi").get_by_text(seen).first).to_be_visible()
    await page.get_by_role("button", name="Actions for this conversation").click()
    await choose(page, "Block")
    await expect(page.locator(".ask h2")).to_have_text(f"Block {seen}?")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="New group").click()
    await page.get_by_label("Title").fill("fun\u2067stuff")
    await page.get_by_label("People").fill(name)
    await page.get_by_role("button", name="Create group").click()
    await expect(page.locator(".who h1")).to_have_text("fun[U+2067]stuff")
    await page.locator(".who h1 button").click()
    members = page.get_by_role("list", name="Members")
    await expect(members.locator("bdi")).to_contain_text([seen])
    await expect(page.locator(".sheet h2")).to_have_text("fun[U+2067]stuff · 2")
    await expect(page.locator("#group-title")).to_have_value("fun\u2067stuff")  # as it is stored
    assert "\u202e" not in await whole(page)
    assert "\u2067" not in await whole(page)


async def whole(page: Page) -> str:
    """All that is shown or said, and no more: not what only machines read."""
    return str(await page.evaluate(WHOLE))


async def test_f_p13_piled_marks_stay_in_their_bubble(open_as: Open) -> None:
    page = await open_as("zora13", "/chat/zora13/")
    await send(page, "above")
    await send(page, PILE)
    await send(page, "below")
    await expect(messages(page)).to_have_count(3)
    await expect(page.locator('.row[data-status="sent"]')).to_have_count(3)
    await page.mouse.move(1, 1)
    await page.locator("#composer").blur()
    beside = [own(page, text).locator(".bubble") for text in ("above", "below")]
    piled = [await picture(bubble) for bubble in beside]
    text = page.locator(".row .text").nth(1)
    await text.evaluate("(text) => (text.style.visibility = 'hidden')")
    await expect(text).to_be_hidden()
    assert [await picture(bubble) for bubble in beside] == piled


async def picture(bubble: Locator) -> bytes:
    return await bubble.screenshot(animations="disabled")


async def test_f_p13_piled_marks_stay_in_every_line(open_as: Open) -> None:
    page = await open_as("zita13")
    await begin_chat(page, "zita13")
    clips = await page.evaluate(
        """() => ["bubble", "author", "whose", "toast", "names", "notice", "name", "preview",
                  "file-name", "said"].filter((name) => {
            const node = document.createElement("div");
            node.className = name;
            document.body.append(node);
            const { overflowY } = getComputedStyle(node);
            node.remove();
            return !["clip", "hidden"].includes(overflowY);
        })"""
    )
    assert clips == []
