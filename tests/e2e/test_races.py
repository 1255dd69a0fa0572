"""The page where answers and events overtake each other, or fail: nothing said is left out."""

import asyncio
import json
import re

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from shared.subjects import direct_conversation_id
from tests.e2e.browser import Open, been_here, has_status, messages, own, post, send
from tests.e2e.test_groups import give, make_group, view
from tests.support.peer import http
from tests.support.stack import Stack
from tests.support.waiting import eventually

ONE_CONVERSATION = re.compile(r"/v1/conversations\?ids=")
A_ROLE = re.compile(r"/members/")
ALL_DONE = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_c2_an_inbox_that_is_faster_than_the_ack_hides_nothing(
    stack: Stack, open_as: Open
) -> None:
    """The first ack of a conversation loads the inbox, whose newest message may be the second."""
    acks: dict[str, str | bytes] = {}  # by client_id: what gets none is sent again
    wires: list[WebSocketRoute] = []

    async def hold_acks(wire: WebSocketRoute) -> None:
        wires.append(wire)

        def forward(frame: str | bytes) -> None:
            fields = json.loads(frame)
            if fields["type"] == "ack":
                acks[fields["client_id"]] = frame
            else:
                wire.send(frame)

        wire.connect_to_server().on_message(forward)

    await been_here(stack, "rufus")
    page = await open_as("ronja", "/chat/rufus/", wire=hold_acks)
    await expect(page.locator(".greeting")).to_be_visible()  # else it asks who wrote first
    await send(page, "first")
    await send(page, "second")
    await eventually(lambda: len(acks) == 2)
    first, second = acks.values()
    async with page.expect_response("**/v1/conversations?limit=*") as loaded:
        wires[-1].send(first)
    await (await loaded.value).finished()
    await page.evaluate(ALL_DONE)
    await has_status(own(page, "second"), "pending")
    wires[-1].send(second)
    await has_status(own(page, "second"), "sent")
    await expect(messages(page)).to_have_text(["first", "second"])


async def test_c5_who_is_strange_is_asked_about_once_and_nothing_of_theirs_is_lost(
    stack: Stack, open_as: Open
) -> None:
    """If there were several questions, one might fail, and its message would be missing."""
    came: list[str | bytes] = []
    questions: list[Route] = []
    released = asyncio.Event()

    async def count(wire: WebSocketRoute) -> None:
        def forward(frame: str | bytes) -> None:
            if json.loads(frame)["type"] == "message":
                came.append(frame)
            wire.send(frame)

        wire.connect_to_server().on_message(forward)

    async def hold(route: Route) -> None:
        questions.append(route)
        await (route.continue_() if released.is_set() else released.wait())

    page = await open_as("quentin", wire=count)
    await page.route(ONE_CONVERSATION, hold)
    await post(page, stack, "quora", "quentin", "one", "two", "three", "four")
    await eventually(lambda: len(came) == 4 and bool(questions))
    await page.evaluate(ALL_DONE)
    released.set()
    first, *others = questions
    for question in others:
        await question.abort()
    await first.continue_()
    await page.locator(".chats a").filter(has_text="four").click()
    await expect(messages(page)).to_have_text(["one", "two", "three", "four"])


async def test_s89_the_role_that_was_asked_for_last_is_given(stack: Stack, open_as: Open) -> None:
    """The last question that is under way is answered first."""
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await been_here(stack, "ruth")
    page = await open_as("rolf")
    await make_group(page, "Roles", "ruth")
    await view(page, "Roles")
    await page.route(A_ROLE, hold)
    await give(page, "ruth", "Admin")
    await give(page, "ruth", "Owner")
    await eventually(lambda: bool(held))
    await page.evaluate(ALL_DONE)

    async def is_given() -> bool:
        if held:
            async with page.expect_response(A_ROLE) as answered:
                await held.pop().continue_()
            await (await answered.value).finished()
        return not held and await page.locator(".give.changing").count() == 0

    await eventually(is_given)
    role = page.get_by_role("button", name="Role of ruth")
    await expect(role).to_have_text("Owner")
    async with http(stack, "ruth") as api:
        inbox = (await api.get("/v1/conversations")).raise_for_status().json()
        assert [one["role"] for one in inbox["conversations"]] == ["owner"]
    await expect(role).to_have_text("Owner")


async def test_s28_a_link_that_is_late_leaves_what_is_typed_meanwhile(
    stack: Stack, open_as: Open
) -> None:
    questions: list[Route] = []

    async def hold(route: Route) -> None:
        questions.append(route)

    await been_here(stack, "ruben")
    page = await open_as("rosa", "/chat/ruben/")
    await send(page, "hello")
    await has_status(own(page, "hello"), "sent")
    await page.route(ONE_CONVERSATION, hold)
    await page.goto(f"{stack.url}/conversation/{direct_conversation_id('rosa', 'ruben')}/")
    field = page.get_by_label("Find or start a conversation")
    await field.fill("zeppelin")
    await eventually(lambda: bool(questions))
    await questions[0].continue_()
    await expect(page).to_have_url(f"{stack.url}/chat/ruben/")
    await expect(page.locator(".who h1")).to_have_text("ruben")
    await expect(field).to_have_value("zeppelin")
    await expect(field).to_be_focused()
