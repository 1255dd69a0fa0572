"""Tests what the members of a group see of each other: who they are, and what was done."""

import re

import pytest
from playwright.async_api import Locator, Page, Route, WebSocketRoute, expect

from tests.e2e.browser import Open, been_here, connected, is_stored, message_row, own, send
from tests.support.stack import Stack
from tests.support.waiting import TIMEOUT_FACTOR

PHONE = {"width": 390, "height": 780}
LEAST_TARGET = 44  # pixels, for a finger
LONGEST_PAUSE = 20_000 * TIMEOUT_FACTOR  # ms, and more: 15 s may lie between two tries to connect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def make_group(page: Page, title: str, *people: str) -> None:
    await page.get_by_role("button", name="New group").click()
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("People").fill(",".join(people))
    await page.get_by_role("button", name="Create group").click()
    await expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


async def enter(page: Page, title: str) -> None:
    await page.locator(".chats a").filter(has_text=title).click()


async def view(page: Page, title: str) -> None:
    """Return the members of the group on the screen."""
    await page.locator(".conversation .bar").get_by_role("button", name=title).click()
    await expect(page.locator(".members li").first).to_be_visible()


async def give(page: Page, name: str, role: str) -> None:
    await page.get_by_role("button", name=f"Role of {name}").click()
    await page.get_by_role("menuitemradio", name=re.compile(f"^{role}")).click()


def member(page: Page, name: str) -> Locator:
    return page.locator(".members li").filter(has=page.locator("bdi").get_by_text(name))


def notices(page: Page) -> Locator:
    return page.locator(".notice")


async def test_s89_owners_give_roles_and_the_others_see_it_at_once(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "rhea")
    ralf = await open_as("ralf")
    rudi = await open_as("rudi", viewport=PHONE, has_touch=True, is_mobile=True)
    await make_group(ralf, "Rowers", "rudi", "rhea")
    await view(ralf, "Rowers")
    await enter(rudi, "Rowers")
    await view(rudi, "Rowers")
    await expect(member(rudi, "ralf").locator(".rank")).to_have_text("Owner")
    await expect(member(rudi, "rhea").locator(".rank")).to_be_hidden()
    await expect(rudi.get_by_role("button", name="Role of")).to_have_count(0)
    await expect(rudi.get_by_role("button", name="Rename")).to_be_hidden()

    await give(ralf, "rudi", "Admin")
    await expect(member(rudi, "rudi").locator(".rank")).to_have_text("Admin")
    await expect(rudi.get_by_role("button", name="Rename")).to_be_visible()
    await expect(rudi.get_by_role("button", name="Remove")).to_have_count(1)  # rhea
    await give(ralf, "rudi", "Owner")
    await expect(rudi.get_by_role("button", name="Role of ralf: Owner")).to_be_visible()
    await give(rudi, "ralf", "Member")
    await expect(ralf.get_by_role("button", name="Role of")).to_have_count(0)
    await expect(ralf.get_by_role("button", name="Rename")).to_be_hidden()
    await expect(member(ralf, "rudi").locator(".rank")).to_have_text("Owner")

    await rudi.get_by_role("button", name="Remove ralf").click()
    await expect(ralf.locator(".sheet")).to_have_count(0)
    await expect(ralf.get_by_text("You are no longer in Rowers")).to_be_visible()
    await expect(rudi.locator(".members")).to_be_focused()


async def test_s89_s90_a_refused_role_is_said_and_taken_back(open_as: Open) -> None:
    page = await open_as("sten", viewport=PHONE, has_touch=True, is_mobile=True)
    await make_group(page, "Solo", "sten")
    await view(page, "Solo")
    role, problem = page.get_by_role("button", name="Role of sten"), page.locator(".sheet .problem")
    await give(page, "sten", "Member")
    await page.get_by_role("button", name="Cancel").click()
    await expect(role).to_have_text("Owner")
    height = await page.locator(".sheet").evaluate("sheet => sheet.offsetHeight")
    await give(page, "sten", "Member")
    await page.get_by_role("button", name="Give up ownership").click()
    await expect(problem).to_have_text("Make another member an owner first")
    await expect(role).to_have_text("Owner")
    await expect(page.get_by_role("button", name="Rename")).to_be_visible()
    assert await page.locator(".sheet").evaluate("sheet => sheet.offsetHeight") == height

    for target in await page.locator(".sheet button:visible").all():
        box = await target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= LEAST_TARGET, await target.text_content()


async def test_s89_a_role_is_given_with_nothing_but_the_keyboard(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "tina")
    page = await open_as("till")
    await make_group(page, "Tea", "tina")
    await view(page, "Tea")
    role = page.get_by_role("button", name="Role of tina: Member")
    await role.press("Enter")
    await expect(page.get_by_role("menuitemradio", name=re.compile("^Member"))).to_be_focused()
    await expect(page.get_by_role("menuitemradio", checked=True)).to_have_count(1)
    await page.keyboard.press("Escape")  # the menu, not the window
    await expect(role).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Role of tina: Admin")).to_be_focused()
    await expect(page.locator(".give.changing")).to_have_count(0)
    await expect(page.get_by_role("button", name="Role of tina: Admin")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator(".sheet")).to_have_count(0)


async def test_s90_members_that_do_not_load_are_said_and_can_be_asked_again(open_as: Open) -> None:
    page = await open_as("ulla")
    await make_group(page, "Us", "ulla")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=403)

    await page.route("**/members*", refuse)
    await page.reload()
    await connected(page)
    await page.locator(".conversation .bar").get_by_role("button", name="Us").click()
    await expect(page.locator(".sheet .problem")).to_have_text("The server answered 403")
    await expect(page.locator(".members")).to_have_attribute("aria-busy", "true")
    await page.unroute("**/members*", refuse)
    await page.get_by_role("button", name="Try again").click()
    await expect(member(page, "ulla")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    await expect(page.locator(".sheet .problem")).to_be_empty()


async def test_s87_a_group_tells_what_happened_between_its_messages(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "vida", "veit")
    vito = await open_as("vito")
    vida = await open_as("vida", viewport=PHONE, has_touch=True, is_mobile=True)
    await make_group(vito, "Vines", "vida")
    await expect(notices(vito)).to_have_text(["You created the group"])
    await send(vito, "Welcome")
    await is_stored(own(vito, "Welcome"))
    await enter(vida, "Vines")
    await expect(notices(vida)).to_have_text(["vito created the group"])

    await view(vito, "Vines")
    await vito.get_by_label("Add people").fill("veit")
    await vito.get_by_role("button", name="Add", exact=True).click()
    await expect(member(vito, "veit")).to_be_visible()
    await give(vito, "vida", "Admin")
    await expect(vito.locator(".give.changing")).to_have_count(0)
    await vito.get_by_label("Title").fill("<b>Wine</b>")
    await vito.get_by_role("button", name="Rename").click()
    await expect(vito.locator(".sheet h2")).to_have_text("<b>Wine</b> · 3")
    await vito.get_by_role("button", name="Remove veit").click()
    told = [
        "vito created the group",
        "vito added veit",
        "vito made you an admin",
        "vito renamed the group to <b>Wine</b>",
        "vito removed veit",
    ]
    await expect(notices(vida)).to_have_text(told)
    await vito.keyboard.press("Escape")
    await send(vito, "Much has changed")
    row = message_row(vida, "Much has changed")
    await expect(row).to_be_visible()
    follows = await vida.locator(".timeline > *").evaluate_all(
        "nodes => nodes.map((node) => node.classList[0])"
    )
    assert follows == ["head", "day", "notice", "row", *["notice"] * 4, "row"]
    await expect(row.locator(".author")).to_be_visible()  # what came between parts them

    await vito.reload()  # what happened is not kept by the server for this page to ask
    await expect(message_row(vito, "Much has changed")).to_be_visible()
    await expect(notices(vito)).to_have_count(0)


async def test_s87_what_happened_while_away_is_told_where_it_happened(
    stack: Stack, open_as: Open
) -> None:
    wires: list[WebSocketRoute] = []
    away = False

    async def connect(wire: WebSocketRoute) -> None:
        if away:
            return await wire.close(code=1013)
        wire.connect_to_server()
        wires.append(wire)

    await been_here(stack, "wolf")
    wilma = await open_as("wilma", wire=connect)
    await make_group(wilma, "Walks", "wolf")
    await send(wilma, "First")
    await expect(message_row(wilma, "First")).to_have_attribute("data-status", "sent")
    away = True
    await wires[-1].close(code=1013)
    await expect(wilma.locator(".connection")).not_to_have_attribute("data-state", "connected")
    wolf = await open_as("wolf")
    await enter(wolf, "Walks")
    await send(wolf, "Second")
    await is_stored(own(wolf, "Second"))  # before the group is left, by another way
    await view(wolf, "Walks")
    await wolf.get_by_role("button", name="Leave the group").click()
    await wolf.get_by_role("button", name="Leave", exact=True).click()
    await expect(wolf.locator(".chats li")).to_have_count(0)
    away = False
    await wilma.evaluate("() => dispatchEvent(new Event('online'))")
    await expect(notices(wilma)).to_have_text(
        ["You created the group", "wolf left"], timeout=LONGEST_PAUSE
    )
    lines = wilma.locator(".timeline > :is(.row, .notice)")
    await expect(lines).to_contain_text(["created the group", "First", "Second", "wolf left"])
    await expect(wilma.locator(".conversation .bar .sub")).to_have_text("1 member")
