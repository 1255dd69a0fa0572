"""Frames that are never stored, and questions of a client about its own connection."""

import asyncio
import time
from functools import partial

import pytest

from tests.support.peer import peer, synced
from tests.support.stack import Stack
from tests.support.stores import reading
from tests.support.traffic import newcomers
from tests.support.waiting import TIMEOUT_FACTOR, eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_s20_typing_reaches_every_device_of_the_others_only(stack: Stack) -> None:
    typist, other = await newcomers(stack, "alice", "bob")
    async with synced(stack, typist) as alice, synced(stack, typist) as tablet:  # noqa: SIM117
        async with synced(stack, other) as bob, synced(stack, other) as phone:
            ack = await alice.message(other, "hello")
            typing = {
                "type": "typing",
                "conversation_id": ack["conversation_id"],
                "user_id": typist,
                "is_typing": True,
            }
            async with within(10):
                await alice.send("typing", to=other, is_typing=True)
                for device in (bob, phone):
                    assert await device.next("typing") == typing
            await alice.send("typing", conversation_id=ack["conversation_id"], is_typing=False)
            assert (await bob.next("typing"))["is_typing"] is False
            await bob.message(typist, "behind it")
            for device in (alice, tablet):
                await device.next("message", content="behind it")
                assert not [f for f in device.frames if f["type"] == "typing"]


async def test_d25_typing_writes_nothing(stack: Stack) -> None:
    """Tried until nothing else is written meanwhile: when users of before were last seen is."""
    typist, other = await newcomers(stack, "carol", "bob")
    async with synced(stack, typist) as carol, synced(stack, other) as bob:
        await carol.message(other, "hello")

        async def heard(mark: int) -> bool:
            for is_typing in (True, False):  # dropped for a second after the last
                await carol.send("typing", to=other, is_typing=is_typing)
            await bob.settled()
            told = [f["is_typing"] for f in bob.frames[mark:] if f["type"] == "typing"]
            return told[:2] == [True, False]

        async def writes_nothing() -> bool:
            before = changes(stack)
            await eventually(partial(heard, len(bob.frames)))
            return changes(stack) == before

        await eventually(writes_nothing)


def changes(stack: Stack) -> int:
    """Return how often the store was written, by its own count."""
    with reading(stack.data_dir / "linkup.db") as store:
        [(number,)] = store.execute("SELECT coalesce(sum(number), 0) FROM lanes")
    return int(number)


async def test_idor_typing_into_a_conversation_of_others_reaches_nobody(stack: Stack) -> None:
    async with synced(stack, "alice") as alice, synced(stack, "bob") as bob:
        ack = await alice.message("bob", "ours")
        async with synced(stack, "eve") as eve:
            await eve.send("typing", conversation_id=ack["conversation_id"], is_typing=True)
            await eve.send("typing", to="stranger-to-eve", is_typing=True)
            await eve.message("bob", "now we talk")
            await eve.send("typing", to="bob", is_typing=True)
            assert (await bob.next("typing"))["user_id"] == "eve"
            await eve.settled()
            assert [f["type"] for f in eve.frames if f["type"] == "error"] == []
        await alice.settled()
        assert not [f for f in alice.frames if f["type"] == "typing"]
        assert len([f for f in bob.frames if f["type"] == "typing"]) == 1


async def test_s14_the_connection_status_says_where_this_socket_stands(stack: Stack) -> None:
    async with peer(stack, "carol") as carol:
        [welcome] = [f for f in carol.frames if f["type"] == "welcome"]
        await carol.send("get_connection_status")
        status = await carol.next("connection_status")
    assert status["state"] == "connected"
    assert status["connection_id"] == welcome["connection_id"]
    assert (status["cursor"], status["pending"] >= 0) == (welcome["cursor"], True)
    assert status["connected_at"].endswith("Z")


async def test_s12_force_reconnect_says_when_and_ends_the_socket(stack: Stack) -> None:
    async with synced(stack, "carol") as carol:
        await carol.send("force_reconnect")
        assert (await carol.next("reconnect"))["after_ms"] == 0
        assert await carol.closed() == 4000


async def test_refresh_lets_a_socket_outlive_its_token(stack: Stack) -> None:
    soon = int(time.time()) + round(3 * TIMEOUT_FACTOR)
    hello = {"token": stack.token("alice", exp=soon)}
    async with (
        synced(stack, "alice", **hello) as alice,
        synced(stack, "alice", **hello) as other,
    ):
        await alice.send("refresh", token=stack.token("alice"), client_id="r1")
        assert await alice.next(client_id="r1") == {
            "type": "ack",
            "client_id": "r1",
            "duplicate": False,
        }
        for token in (stack.token("bob"), "nonsense"):
            await other.send("refresh", token=token, client_id="r2")
            error = await other.next("error")
            assert (error["code"], error["client_id"]) == ("unauthorized", "r2")
        assert await other.closed() == 4401
        await asyncio.sleep(max(0.0, soon + 1 - time.time()))
        await alice.settled()
        late = stack.token("alice", exp=int(time.time()) + round(2 * TIMEOUT_FACTOR))
        await alice.send("refresh", token=late)
        assert await alice.closed() == 4401
