"""One-time tickets: a token is shown over HTTP, and only the ticket goes to the socket."""

import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect

from tests.integration.test_erasure import content
from tests.support import web
from tests.support.peer import Peer, gather, http, peer
from tests.support.stack import Stack
from tests.support.waiting import within

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def buy(stack: Stack, user_id: str, **claims: object) -> str:
    headers = {"authorization": f"Bearer {stack.token(user_id, **claims)}"}
    async with web.client(base_url=stack.url, timeout=30) as client:
        answer = await client.post("/v1/tickets", headers=headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    return str(answer.json()["ticket"])


@asynccontextmanager
async def shown(stack: Stack, ticket: str, user_id: str = "?") -> AsyncIterator[Peer]:
    async with connect(stack.ws_url, open_timeout=30) as socket:
        one = Peer(socket, user_id)
        await one.send("hello", token=ticket)
        yield one


async def test_c9_a_ticket_opens_its_buyers_socket(stack: Stack) -> None:
    async with shown(stack, await buy(stack, "alice")) as alice, peer(stack, "bob") as bob:
        assert (await alice.next("welcome"))["user_id"] == "alice"
        ack = await alice.message("bob", "by ticket")
        got = await bob.next("message", message_id=ack["message_id"])
    assert got["sender_id"] == "alice"


async def test_c9_of_many_who_show_a_ticket_one_gets_in(stack: Stack) -> None:
    ticket = await buy(stack, "alice")

    async def first_frame() -> str:
        async with shown(stack, ticket) as one:
            return str((await one.next())["type"])

    seen = await gather(*[first_frame() for _ in range(5)])
    assert sorted(seen) == ["error", "error", "error", "error", "welcome"]


async def test_c9_a_ticket_that_was_used_or_never_sold_is_4401(stack: Stack) -> None:
    used = await buy(stack, "alice")
    async with shown(stack, used) as one:
        await one.next("welcome")
    sold = await buy(stack, "alice")
    turned = sold[:-1] + ("A" if sold[-1] != "A" else "B")
    for ticket in (used, turned, "ticket_", "ticket_x"):
        async with shown(stack, ticket) as one:
            assert (await one.next("error"))["code"] == "unauthorized"
            assert await one.closed() == 4401
    async with shown(stack, sold) as one:
        await one.next("welcome")


async def test_c9_a_ticket_is_no_token(stack: Stack) -> None:
    ticket = await buy(stack, "eve")
    async with web.client(base_url=stack.url, timeout=30) as client:
        headers = {"authorization": f"Bearer {ticket}"}
        assert (await client.get("/v1/conversations", headers=headers)).status_code == 401
        assert (await client.post("/v1/tickets", headers=headers)).status_code == 401
        assert (await client.post("/v1/tickets")).status_code == 401
    async with connect(stack.ws_url, additional_headers=headers) as socket, within(10):
        await socket.wait_closed()
        assert socket.close_code == 4401
    async with peer(stack, "alice") as alice:
        await alice.send("refresh", token=ticket, client_id="r1")
        assert (await alice.next("error", client_id="r1"))["code"] == "unauthorized"
    async with shown(stack, ticket) as eve:  # nothing of that used it up
        assert (await eve.next("welcome"))["user_id"] == "eve"


async def test_c9_the_socket_of_a_ticket_is_refreshed_by_its_own_user_only(stack: Stack) -> None:
    async with shown(stack, await buy(stack, "alice")) as alice:
        await alice.next("welcome")
        await alice.send("refresh", token=stack.token("bob"), client_id="r1")
        assert (await alice.next("error", client_id="r1"))["code"] == "unauthorized"
        await alice.send("refresh", token=stack.token("alice"), client_id="r2")
        await alice.next("ack", client_id="r2")


async def test_what_the_token_says_of_its_user_is_known_by_the_ticket(stack: Stack) -> None:
    async with shown(stack, await buy(stack, "tina", name="Tina T.")) as tina:
        await tina.next("welcome")
        ack = await tina.message("alice", "hello")
    async with http(stack, "alice") as api:
        view = (await api.get(f"/v1/conversations/{ack['conversation_id']}")).json()
    assert view["conversation"]["peer"] == {"user_id": "tina", "name": "Tina T.", "avatar": None}


async def test_no_log_and_no_file_holds_a_ticket(stack: Stack) -> None:
    tickets = [await buy(stack, "alice") for _ in range(3)]
    for ticket in tickets[:2] * 2:  # used, and shown again
        async with shown(stack, ticket) as one:
            await one.next()
    async with connect(stack.ws_url) as socket:  # where it does not belong
        await socket.send(json.dumps({"type": "hello", "ticket": tickets[2]}))
        await socket.recv()
    kept = [content(path) for path in stack.data_dir.rglob("*") if path.is_file()]
    for ticket in tickets:
        assert not any(ticket.encode() in text for text in [*kept, stack.log.read_bytes()])


# ------------------------------------------------------------------ what tokens say of a user


def known(stack: Stack, user_id: str) -> dict[str, str | None]:
    """Return the stored row of a user."""
    with sqlite3.connect(f"file:{stack.data_dir / 'linkup.db'}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        [row] = db.execute("SELECT * FROM users WHERE user_id = ?", (user_id,))
    db.close()
    return {name: row[name] for name in AS_STORED}


WHOLE = {
    "name": "E",
    "email": "e@x.example",
    "tz": "Asia/Tokyo",
    "locale": "de",
    "avatar": "https://x.example/e",
}
AS_STORED = {
    "name": "E",
    "email": "e@x.example",
    "time_zone": "Asia/Tokyo",
    "locale": "de",
    "avatar": "https://x.example/e",
}
NULLS = dict.fromkeys(WHOLE)


@pytest.mark.parametrize("road", ["socket", "ticket", "http", "refresh"])
async def test_f_s6_a_later_token_takes_away_what_it_says_is_not_there(
    stack: Stack, road: str
) -> None:
    user_id = f"erin-{road}"
    await come(stack, road, user_id, **WHOLE)
    assert known(stack, user_id) == AS_STORED
    odd = {"avatar": "/e.png", "email": "Erin", "tz": "Mars/Base", "locale": ["de"]}
    await come(stack, road, user_id, name="E", **odd)
    assert known(stack, user_id) == AS_STORED
    await come(stack, road, user_id, **NULLS)
    assert set(known(stack, user_id).values()) == {None}


async def come(stack: Stack, road: str, user_id: str, **claims: object) -> None:
    """In one of the ways that show a token."""
    token = stack.token(user_id, **claims)
    match road:
        case "socket":
            async with shown(stack, token) as one:
                await one.next("welcome")
        case "ticket":
            await buy(stack, user_id, **claims)
        case "http":
            headers = {"authorization": f"Bearer {token}"}
            body = {"to": user_id, "content": "x", "client_id": secrets.token_hex(4)}
            async with web.client(base_url=stack.url, timeout=30) as client:
                answer = await client.post("/v1/messages", json=body, headers=headers)
            assert answer.status_code == 201
        case "refresh":
            async with shown(stack, stack.token(user_id, name="E")) as one:
                await one.next("welcome")
                await one.send("refresh", token=token, client_id="r")
                assert (await one.next())["type"] == "sync_completed"
                assert (await one.next("ack"))["client_id"] == "r"


async def test_f_s5_a_token_of_a_clock_a_little_ahead_opens_every_door(stack: Stack) -> None:
    ahead = {"nbf": time.time() + 2, "iat": time.time() + 2.5}
    async with peer(stack, "alice") as alice:
        await alice.send("refresh", token=stack.token("alice", **ahead), client_id="r")
        assert (await alice.next("ack"))["client_id"] == "r"
    async with shown(stack, stack.token("alice", **ahead)) as one:
        await one.next("welcome")
    async with shown(stack, await buy(stack, "alice", **ahead)) as one:
        await one.next("welcome")
