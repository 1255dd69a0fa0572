"""Tests finding people by their names in the page: to write to them, and to bring them together."""

import re

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.browser import Open, connected
from tests.e2e.conftest import ADMIN_KEY, PICTURES
from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def host_knows(page: Page, stack: Stack, **names: str) -> None:
    """People who were never here, and whose ids say nothing."""
    users = [{"user_id": user_id, "name": name} for user_id, name in names.items()]
    answer = await page.request.post(
        f"{stack.url}/v1/admin/users",
        headers={"authorization": f"Bearer {ADMIN_KEY}"},
        data={"users": users},
    )
    assert answer.status == 200, await answer.text()


def found(page: Page) -> Locator:
    return page.get_by_role("region", name="Found by name").get_by_role("link")


async def test_s87_people_are_found_by_name_and_written_to(stack: Stack, open_as: Open) -> None:
    page = await open_as("wilfried")
    await host_knows(page, stack, x1="Zoë Quist", x2="Zora Quist", x3="Quentin Zorn")
    field = page.get_by_label("Find or start a conversation")
    await field.fill("zo qui")
    await expect(found(page)).to_have_text([re.compile("Zoë Quist$"), re.compile("Zora Quist$")])
    begin = page.get_by_role("button", name="Write to")
    await expect(begin).to_be_hidden()
    await field.fill("zo qui nobody")
    await expect(begin).to_be_visible()  # it may be an id
    await field.fill("zorn")
    await expect(found(page)).to_have_text([re.compile("Quentin Zorn$")])
    await found(page).click()
    await expect(page.get_by_role("heading", name="Quentin Zorn")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/chat/x3/$"))
    await page.get_by_label("Message", exact=True).fill("hello")
    await page.get_by_label("Message", exact=True).press("Enter")
    await field.fill("quentin")
    await expect(page.locator(".chats a")).to_have_text([re.compile("Quentin Zorn")])
    await expect(found(page)).to_have_count(0)  # the conversation is shown instead

    await field.fill("zoe")
    await field.press("Enter")  # before anybody was found
    await expect(page.get_by_role("heading", name="Zoë Quist")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/chat/x1/$"))


async def test_s89_a_group_is_made_of_people_by_their_names(stack: Stack, open_as: Open) -> None:
    page = await open_as("wanda")
    await host_knows(page, stack, y1="Ulla Brandt", y2="Ulf Brandt")
    await page.get_by_role("button", name="New group").click()
    await page.get_by_label("Title").fill("Brandts")
    people = page.get_by_label("People")
    await people.fill("brandt")
    offers = page.locator("#people-known option")
    await expect(offers.filter(has_text="Ulla Brandt")).to_have_attribute("value", "y1")
    await people.fill("ulf brandt")
    await people.press("Enter")
    await expect(page.get_by_role("button", name="Remove Ulf Brandt")).to_be_visible()
    await people.fill("y1")
    await page.get_by_role("button", name="Create group").click()
    await page.locator(".conversation .bar").get_by_role("button", name="Brandts").click()
    for name in ("Ulla Brandt", "Ulf Brandt"):
        await expect(page.locator(".members li").filter(has_text=name)).to_be_visible()
    await connected(page)


DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>'


async def test_s87_a_picture_is_shown_from_the_origins_that_are_set_and_else_initials(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("wendy")
    asked: list[tuple[str, str | None]] = []

    async def answer(route: Route) -> None:
        asked.append((route.request.url, await route.request.header_value("referer")))
        if route.request.url.endswith("/gone.svg"):
            return await route.fulfill(status=404)
        await route.fulfill(content_type="image/svg+xml", body=DOT)

    await page.route("https://*.example.com/**", answer)
    pictures = {
        "z1": ("Pia Klee", f"{PICTURES}/pia.svg"),
        "z2": ("Pit Klee", f"{PICTURES}/gone.svg"),
        "z3": ("Pol Klee", "https://elsewhere.example.com/pol.svg"),
    }
    await host_knows(page, stack, **{user_id: name for user_id, (name, _) in pictures.items()})
    for user_id, (_, url) in pictures.items():
        await page.request.put(
            f"{stack.url}/v1/admin/users/{user_id}",
            headers={"authorization": f"Bearer {ADMIN_KEY}"},
            data={"avatar": url},
        )
    await page.get_by_label("Find or start a conversation").fill("klee")
    await expect(found(page)).to_have_count(3)
    faces = found(page).locator(".avatar")
    await expect(faces).to_have_text(["PK", "PK", "PK"])
    await expect(faces.locator("img")).to_have_count(1)
    drawn = "image => image.complete && image.naturalWidth > 0"
    picture = faces.nth(0).locator("img")
    await picture.scroll_into_view_if_needed()
    await page.wait_for_function(drawn, arg=await picture.element_handle())
    assert sorted(asked) == [(f"{PICTURES}/gone.svg", None), (f"{PICTURES}/pia.svg", None)]

    await found(page).first.click()
    header = page.locator(".conversation .bar .avatar img")
    await expect(header).to_have_attribute("src", f"{PICTURES}/pia.svg")
    await page.request.put(
        f"{stack.url}/v1/admin/users/wendy",
        headers={"authorization": f"Bearer {ADMIN_KEY}"},
        data={"avatar": f"{PICTURES}/wendy.svg"},
    )
    await page.reload()
    await connected(page)
    own = page.locator(".inbox .bar.me .avatar img")
    await expect(own).to_have_attribute("src", f"{PICTURES}/wendy.svg")
