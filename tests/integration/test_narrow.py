"""The narrower views of a socket: one conversation, or notifications alone."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect

from shared.subjects import direct_conversation_id
from tests.support.peer import Peer, synced
from tests.support.stack import Stack
from tests.support.traffic import newcomers
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def narrow(stack: Stack, user_id: str, path: str) -> AsyncIterator[Peer]:
    async with connect(stack.ws_url + path, max_queue=None) as socket:
        one = Peer(socket, user_id)
        await one.send("hello", token=stack.token(user_id))
        await one.next("sync_completed")
        yield one


async def test_s1_the_chat_view_is_one_conversation_and_its_cursor_goes_on(stack: Stack) -> None:
    one, other = await newcomers(stack, "bob", "alice")
    async with narrow(stack, one, f"/chat/{other}/") as bob, synced(stack, other) as alice:
        await bob.send("message", client_id="v1", content="without to")
        ack = await bob.outcome("v1")
        assert ack["conversation_id"] == direct_conversation_id(one, other)
        assert (await alice.next("message"))["content"] == "without to"
        async with synced(stack, "carol") as carol:
            hidden = await carol.message(one, "not for this view")
            await carol.send("typing", to=one, is_typing=True)
            await carol.settled()
        shown = await alice.message(one, "for this view")
        assert (await bob.next("message"))["message_id"] == shown["message_id"]
        await bob.send("typing", is_typing=True)
        assert (await alice.next("typing"))["user_id"] == one
        await bob.send("mark_chat_read", conversation_id=hidden["conversation_id"], client_id="m")
        assert (await bob.next(client_id="m"))["type"] == "ack"
        await bob.send("ping")
        pong = await bob.next("pong")
        last = max(f["cursor"] for f in bob.frames if f["type"] == "message")
        assert pong["cursor"] >= last
        for frame in bob.frames:
            if frame["type"] == "notification":  # what this view does not get as a message
                continue
            assert frame.get("conversation_id") in (None, ack["conversation_id"])


async def test_s1_a_malformed_frame_of_the_chat_view_is_an_error(stack: Stack) -> None:
    async with narrow(stack, "bob", "/chat/alice/") as bob:
        for text in ("nonsense", '{"type":["message"]}', '{"type":"message"}', "[]"):
            await bob.send_text(text)
            assert (await bob.next("error"))["code"] == "invalid_frame"
        await bob.send_text(json.dumps({"type": "message", "content": "x" * 70_000}))
        assert (await bob.next("error"))["code"] == "too_large"


@pytest.mark.parametrize("user_id", ["nobody-at-all", "%00", "x" * 200])
async def test_s1_an_unknown_user_is_not_found_and_closes_4404(stack: Stack, user_id: str) -> None:
    async with connect(f"{stack.ws_url}/chat/{user_id}/") as socket, within(10):
        await socket.send(json.dumps({"type": "hello", "token": stack.token("bob")}))
        assert json.loads(await socket.recv())["code"] == "not_found"
        await socket.wait_closed()
        assert socket.close_code == 4404


async def test_s1_one_can_write_to_oneself(stack: Stack) -> None:
    async with narrow(stack, "bob", "/chat/bob/") as bob:
        await bob.send("message", client_id="self", content="a note")
        assert (await bob.outcome("self"))["type"] == "ack"


async def test_s2_the_notifications_view_shows_nothing_of_conversations(stack: Stack) -> None:
    async with narrow(stack, "bob", "/notifications/") as bob, synced(stack, "alice") as alice:
        ack = await alice.message("bob", "elsewhere")
        await alice.send("typing", to="bob", is_typing=True)
        async with synced(stack, "bob") as wide:
            await wide.send("mark_chat_read", conversation_id=ack["conversation_id"], up_to=1)
            await wide.settled()
        before = bob.frames[0]["cursor"]

        async def moved() -> bool:
            await bob.send("ping")
            return bool((await bob.next("pong"))["cursor"] > before)

        await eventually(moved)
        own = {"welcome", "sync_completed", "pong"}
        shown = own | {"badge_update", "notification", "notification_read"}
        assert {f["type"] for f in bob.frames} <= shown
