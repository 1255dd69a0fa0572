"""Tests what a person does with whole conversations: keep, find, and share them with several."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.browser import (
    Open,
    been_here,
    choose,
    connected,
    findable,
    message_row,
    messages,
    own,
    post,
    send,
)
from tests.support.stack import Stack
from tests.support.waiting import TIMEOUT_FACTOR

AWAY_MS = 40_000 * TIMEOUT_FACTOR  # five seconds, and a dead gateway thirty
PHONE = {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


def line(page: Page, name: str) -> Locator:
    return page.locator(".chats li").filter(has=page.locator(".name").get_by_text(name, exact=True))


async def line_menu(page: Page, name: str, choice: str) -> None:
    await line(page, name).click(button="right")
    await choose(page, choice)


async def keep(page: Page, name: str, choice: str) -> None:
    """As `line_menu`, until the server has it, too: the page shows it before."""
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await line_menu(page, name, choice)


async def test_s36_s37_read_mute_archive_and_clear_from_the_inbox(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "lars", "lisa")
    kurt = await open_as("kurt")
    await post(kurt, stack, "lars", "kurt", "one", "two")
    await post(kurt, stack, "lisa", "kurt", "three")
    await expect(kurt).to_have_title("(3) LinkUp")
    await line_menu(kurt, "Lars", "Mark as read")
    await expect(kurt).to_have_title("(1) LinkUp")
    await kurt.get_by_role("button", name="Unread (1)").click()
    await expect(kurt.locator(".chats .name")).to_have_text(["Lisa"])
    await kurt.get_by_role("button", name="Unread (1)").click()
    await keep(kurt, "Lars", "Mute")
    await expect(line(kurt, "Lars").get_by_label("Muted")).to_be_visible()
    await keep(kurt, "Lars", "Archive")
    await expect(line(kurt, "Lars")).to_have_count(0)

    await kurt.reload()
    await kurt.get_by_role("button", name="Archived (1)").click()
    await expect(line(kurt, "Lars").get_by_label("Muted")).to_be_visible()
    await expect(line(kurt, "Lisa")).to_have_count(0)
    await kurt.get_by_role("button", name="Archived (1)").click()
    await post(kurt, stack, "lars", "kurt", "four")
    await expect(line(kurt, "Lars").locator(".badge")).to_have_text("1")  # out of the archive

    await line(kurt, "Lars").click()
    await expect(messages(kurt)).to_have_text(["one", "two", "four"])
    await line_menu(kurt, "Lars", "Clear…")
    await kurt.get_by_role("button", name="Clear", exact=True).click()
    await expect(messages(kurt)).to_have_count(0)
    await expect(line(kurt, "Lars").locator(".preview")).to_have_text("No messages")
    await kurt.reload()
    await expect(line(kurt, "Lars").locator(".preview")).to_have_text("No messages")


async def test_f_p19_what_is_muted_or_archived_is_not_in_the_title(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "lars19", "lisa19")
    page = await open_as("kurt19")
    await post(page, stack, "lars19", "kurt19", "one", "two")
    await post(page, stack, "lisa19", "kurt19", "three")
    await expect(page).to_have_title("(3) LinkUp")
    await keep(page, "Lars19", "Mute")
    await expect(page).to_have_title("(1) LinkUp")
    await post(page, stack, "lars19", "kurt19", "four")
    await expect(line(page, "Lars19").locator(".badge")).to_have_text("3")
    await expect(page).to_have_title("(1) LinkUp")
    await keep(page, "Lisa19", "Archive")
    await expect(page).to_have_title("LinkUp")
    await page.reload()
    await expect(line(page, "Lars19").locator(".badge")).to_have_text("3")
    await expect(page).to_have_title("LinkUp")
    await post(page, stack, "lisa19", "kurt19", "five")  # takes it out of the archive
    await expect(page).to_have_title("(2) LinkUp")
    await keep(page, "Lars19", "Unmute")
    await expect(page).to_have_title("(5) LinkUp")


async def test_s63_who_is_online_has_a_dot_and_who_left_was_last_seen(open_as: Open) -> None:
    mona = await open_as("mona", "/chat/milo/")
    milo = await open_as("milo", "/chat/mona/")
    await send(milo, "Hello")
    header, dot = mona.locator(".bar .sub"), line(mona, "milo").locator(".face")
    await expect(header).to_have_text("online")
    await expect(dot).to_have_class("face online")
    await milo.close()
    await expect(header).to_have_text("last seen just now", timeout=AWAY_MS)
    await expect(dot).to_have_class("face")


async def test_a_group_from_its_making_to_leaving_it(stack: Stack, open_as: Open) -> None:
    await been_here(stack, "otis", "opal")
    olaf = await open_as("olaf")
    otis = await open_as("otis", viewport=PHONE, has_touch=True, is_mobile=True)
    await olaf.get_by_role("button", name="New group").click()
    await olaf.get_by_label("Title").fill("Harbour <b>walk</b>")
    await olaf.get_by_label("People").fill("otis")
    await olaf.get_by_role("button", name="Create group").click()
    await send(olaf, "Who is coming?")
    await line(otis, "Harbour <b>walk</b>").click()
    row = message_row(otis, "Who is coming?")
    await expect(row.locator(".author")).to_have_text("olaf")
    await send(otis, "Me")
    await expect(own(otis, "Me")).to_have_attribute("data-status", "read")
    await expect(message_row(olaf, "Me").locator(".author")).to_have_text("otis")

    await olaf.get_by_role("button", name="Harbour <b>walk</b>").click()
    members = olaf.locator(".members li .names")
    await expect(members).to_have_text(["olaf (you)", "otis"])
    await olaf.get_by_label("Add people").fill("opal")
    await olaf.get_by_role("button", name="Add", exact=True).click()
    await expect(members).to_have_text(["olaf (you)", "opal", "otis"])
    await olaf.get_by_label("Title").fill("Harbour")
    await olaf.get_by_role("button", name="Rename").click()
    await expect(otis.get_by_role("heading", name="Harbour", exact=True)).to_be_visible()
    await expect(otis.locator(".bar .sub")).to_have_text("3 members")
    await olaf.get_by_role("button", name="Remove otis").click()
    await expect(otis.get_by_text("You are no longer in Harbour")).to_be_visible()
    await expect(otis.locator(".inbox")).to_be_visible()
    await expect(line(otis, "Harbour")).to_have_count(0)

    await olaf.keyboard.press("Escape")
    await olaf.reload()  # the address of a group leads back to it
    await connected(olaf)
    await expect(messages(olaf)).to_have_text(["Who is coming?", "Me"])
    await olaf.get_by_role("button", name="Harbour", exact=True).click()
    await olaf.get_by_role("button", name="Leave the group").click()
    await olaf.get_by_role("button", name="Leave", exact=True).click()
    await expect(line(olaf, "Harbour")).to_have_count(0)


async def test_what_is_found_opens_at_the_message(stack: Stack, open_as: Open) -> None:
    await been_here(stack, "pete")
    page = await open_as("pola")
    await post(page, stack, "pete", "pola", "The lighthouse at noon", *map(str, range(1, 61)))
    await page.reload()
    await expect(page.locator(".chats .badge")).to_have_text("61")
    field = page.get_by_label("Find or start a conversation")
    await findable(stack, "pola", "60")  # the last of them
    await field.fill("LIGHTH")
    await expect(page.locator(".hits .preview")).to_have_text("Pete: The lighthouse at noon")
    await expect(page.locator(".hits mark")).to_have_text("lighth")
    await page.locator(".hits a").click()
    found = message_row(page, "The lighthouse at noon")
    await expect(found).to_be_in_viewport()
    await expect(found).to_be_focused()
    await expect(messages(page)).to_have_count(61)
    await field.fill("zeppelin")
    await expect(page.get_by_text("No messages found")).to_be_visible()


async def test_f_p18_one_character_that_is_a_word_is_searched(stack: Stack, open_as: Open) -> None:
    """Han, kana, also half a width, hangul, Thai, Hebrew, Devanagari and emoji; no Latin letter."""
    said = {
        "雨": "大雨が降る",
        "𠮷": "𠮷野家",
        "か": "ありがとう か",
        "カ": "カメラ",
        "ｶ": "カメラ",
        "한": "한국어",
        "น": "กินน้ำ",
        "ש": "ש",
        "न": "न",
        "☂": "☂ today",
        "❤️": "with ❤️",
        "🎈": "🎈🎈",
    }
    await been_here(stack, "yuki")
    page = await open_as("yumi")
    await post(page, stack, "yuki", "yumi", *dict.fromkeys(said.values()))
    field = page.get_by_label("Find or start a conversation")
    await findable(stack, "yumi", "🎈")  # what was said last
    for one, content in said.items():
        async with page.expect_response("**/v1/search?*"):
            await field.fill(one)
        await expect(page.locator(".hits .preview").filter(has_text=content)).to_have_count(1)
    await field.fill("a")
    await expect(page.locator(".found-said")).to_be_hidden()
