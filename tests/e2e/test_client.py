"""Tests the promises of the JavaScript client where they are kept: in a real browser."""

import json
from collections.abc import Callable
from functools import partial

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.e2e.browser import (
    Open,
    been_here,
    begin_chat,
    connected,
    frozen,
    has_status,
    messages,
    own,
    post,
    reconnected,
    send,
    sign_in,
)
from tests.support.stack import Stack
from tests.support.waiting import TIMEOUT_FACTOR, eventually

LONGEST = 20_000 * TIMEOUT_FACTOR  # ms: a tab waits seven seconds for what another one sends

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_c2_an_unsent_message_survives_a_reload_and_is_stored_once(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "otto")
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
        await reconnected(page)
        await expect(messages(page)).to_have_text([str(number) for number in range(8)])
    await has_status(own(writer, "7"), "read")


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


async def test_s65_the_client_tells_who_has_a_message_and_by_which_steps(
    stack: Stack, open_as: Open
) -> None:
    await been_here(stack, "xena")
    page = await open_as("walt")
    told = await page.evaluate(
        """async () => {
            const { LinkupClient } = await import("/static/linkup-client.js");
            const { user_id, token } = JSON.parse(sessionStorage.getItem("linkup.session"));
            const client = new LinkupClient({ userId: user_id, getToken: async () => token });
            client.start();
            const { message_id } = await client.send({ to: "xena", content: "where?" });
            const { receipts } = await client.api.receipts(message_id, { limit: 1 });
            const { steps } = await client.api.timeline(message_id);
            const absent = await client.api.timeline(2 ** 53 - 1).catch(({ code }) => code);
            client.stop();
            return [receipts.map((one) => [one.user_id, one.read]), steps.slice(0, 2), absent];
        }"""
    )
    receipts, steps, absent = told
    assert receipts == [["xena", False]]
    assert [step["step"] for step in steps] == ["accepted", "committed"]
    assert absent == "not_found"


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

    await been_here(stack, "iris")
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


async def test_two_tabs_of_one_user_agree(open_as: Open) -> None:
    first = await open_as("wendla", "/chat/wendla/")
    second = await first.context.new_page()
    await second.goto(first.url)
    await sign_in(second, "wendla")
    for number, page in enumerate([first, second, first, second]):
        await send(page, f"note {number}")
        for tab in (first, second):
            await expect(messages(tab)).to_have_text([f"note {n}" for n in range(number + 1)])
            await has_status(own(tab, f"note {number}"), "sent")
    await first.close()  # the other one takes over the outbox
    await send(second, "note 4")
    await has_status(own(second, "note 4"), "sent")


STRANGERS = """async ([url, tokens]) => {
    const { LinkupClient } = await import("/static/linkup-client.js");
    const sent = [];
    const said = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
        sent.push(JSON.parse(text).type);
        said.call(this, text);
    };
    const asked = window.fetch;
    window.fetch = (...request) => (sent.push("fetch"), asked(...request));
    const client = new LinkupClient({
        userId: "nina",
        getToken: async ({ renew }) => tokens[renew ? 1 : 0],
    });
    const failed = new Promise((done) =>
        client.addEventListener("state", () => client.state === "failed" && done()));
    client.send({ to: "nina", content: "not as another" });
    client.start();
    await failed;
    const refusal = await client.api.unread().catch(({ code, message }) => [code, message]);
    const { reason } = client.connection;
    WebSocket.prototype.send = said;
    window.fetch = asked;
    client.stop();
    return { reason, refusal, sent };
}"""


async def on_an_empty_page(stack: Stack, open_as: Open, user_id: str) -> Page:
    """Where no other client sends anything: the page's own one has a heartbeat."""
    page = await open_as(user_id)
    await page.goto(f"{stack.url}/livez")
    return page


async def test_f_p21_a_token_of_another_user_is_an_error_before_anything_is_sent(
    stack: Stack, open_as: Open
) -> None:
    page = await on_an_empty_page(stack, open_as, "oleg")
    others, words = stack.token("oleg é"), 'The token is of user "oleg é", not of "nina"'
    told = await page.evaluate(STRANGERS, [stack.url, [others, others]])
    assert told == {"reason": words, "refusal": ["unauthorized", words], "sent": []}


async def test_f_p21_a_renewed_token_and_a_ticket_of_another_user_send_nothing_either(
    stack: Stack, open_as: Open
) -> None:
    page = await on_an_empty_page(stack, open_as, "olga2")
    stale, others = stack.token("nina", exp=1), stack.token("olga2")
    told = await page.evaluate(STRANGERS, [stack.url, [stale, others]])
    assert told["reason"] == 'The token is of user "olga2", not of "nina"'
    assert told["sent"] == ["hello", "fetch"]  # with the stale one
    headers = {"Authorization": f"Bearer {others}"}
    answer = await page.request.post(f"{stack.url}/v1/tickets", headers=headers)
    ticket = (await answer.json())["ticket"]
    told = await page.evaluate(STRANGERS, [stack.url, [ticket, ticket]])
    assert told["reason"] == 'The token is of user "olga2", not of "nina"'
    assert told["sent"][0] == "hello"  # which names nobody
    assert "message" not in told["sent"]


async def second_tab(first: Page, user_id: str) -> Page:
    tab = await first.context.new_page()
    await tab.goto(first.url)
    await sign_in(tab, user_id)
    return tab


async def test_f_p1_a_tab_that_cannot_connect_leaves_the_outbox_to_one_that_can(
    open_as: Open,
) -> None:
    cut_off = False
    wires: list[WebSocketRoute] = []

    async def until_cut(wire: WebSocketRoute) -> None:
        wires.append(wire)
        if cut_off:
            await wire.close(code=4000)
        else:
            wire.connect_to_server()

    first = await open_as("wera", "/chat/wera/", wire=until_cut)
    await first.route("**/v1/sync*", lambda route: route.abort())  # over HTTP neither
    await send(first, "zero")  # it leads
    await has_status(own(first, "zero"), "sent")
    second = await second_tab(first, "wera")
    cut_off = True
    await wires[-1].close(code=4000)
    await expect(first.locator(".connection")).not_to_have_attribute("data-state", "connected")
    said = ["zero"]
    for tab, content in ((first, "one"), (second, "two"), (first, "three"), (second, "four")):
        await send(tab, content)
        said.append(content)
        await has_status(own(second, content), "sent")
    await has_status(own(first, "three"), "sent")
    await expect(messages(second)).to_have_text(said)
    cut_off = False
    await reconnected(first)
    await second.close()  # and back
    await send(first, "five")
    await has_status(own(first, "five"), "sent")
    await expect(messages(first)).to_have_text([*said, "five"])


async def test_f_p1_a_frozen_tab_does_not_keep_what_is_written_in_another(
    stack: Stack, open_as: Open
) -> None:
    first = await open_as("willa", "/chat/willa/")
    await send(first, "zero")
    await has_status(own(first, "zero"), "sent")
    second = await second_tab(first, "willa")
    devtools = await first.context.new_cdp_session(first)
    await devtools.send("Debugger.enable")
    await devtools.send("Debugger.pause")  # at its next step: from then on nothing runs in it
    await send(second, "one")
    await send(second, "two")
    await has_status(own(second, "two"), "sent")
    await devtools.send("Debugger.resume")
    await devtools.send("Debugger.disable")
    await send(first, "three")
    await has_status(own(first, "three"), "sent")
    for tab in (first, second):
        await expect(messages(tab)).to_have_text(["zero", "one", "two", "three"])
    await second.reload()
    await expect(messages(second)).to_have_text(["zero", "one", "two", "three"])


async def test_f_p1_a_tab_that_hears_nothing_from_the_server_does_not_keep_it_either(
    open_as: Open,
) -> None:
    """Its socket seems open: it answers the other tabs, but gets no ack."""
    deaf: set[WebSocketRoute] = set()
    wires: list[WebSocketRoute] = []

    async def swallow_acks(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()

        def unless_swallowed(pass_on: Callable[[str | bytes], None], frame: str | bytes) -> None:
            if wire not in deaf or json.loads(frame)["type"] not in ("ack", "message"):
                pass_on(frame)

        server.on_message(partial(unless_swallowed, wire.send))
        wire.on_message(partial(unless_swallowed, server.send))
        wires.append(wire)

    first = await open_as("willow", "/chat/willow/", wire=swallow_acks)
    await send(first, "zero")
    await has_status(own(first, "zero"), "sent")
    second = await second_tab(first, "willow")
    deaf.update(wires)
    await send(second, "one")
    await expect(own(second, "one")).to_have_attribute("data-status", "sent", timeout=LONGEST)
