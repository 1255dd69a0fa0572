"""Resuming at its edges: all that was missed, or `resync_required`, and never a part of it (C6)."""

import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from websockets.asyncio.client import connect

from services.gateway.socket.feed import MAX_MISSED
from tests.support.peer import Frame, Peer, gather, http, peer, synced
from tests.support.stack import Stack
from tests.support.traffic import make_known

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILL = """
WITH RECURSIVE more (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM more WHERE i < :count)
INSERT INTO feed (user_id, cursor, n, kind, message_id, created_at)
SELECT :user_id, (SELECT head FROM heads WHERE user_id = :user_id) + i,
       (SELECT max(n) FROM feed) + i, 'message',
       (SELECT max(message_id) FROM feed WHERE user_id = :user_id), :now
FROM more
"""


def change(stack: Stack, *statements: tuple[str, dict[str, Any]]) -> None:
    """In the store itself, behind the back of the running persistence, in one transaction."""
    path = stack.data_dir / "linkup.db"
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        for sql, values in statements:
            store.execute(sql, values)
        store.execute("COMMIT")


def fill(stack: Stack, user_id: str, count: int) -> None:
    """So many more events in that feed, all of its latest message."""
    values = {"user_id": user_id, "count": count, "now": time.time_ns() // 1000}
    grow = "UPDATE heads SET head = head + :count WHERE user_id = :user_id"
    change(stack, (FILL, values), (grow, values))


async def begun(stack: Stack, user_id: str) -> str:
    """A user with exactly one event in their feed; the store's epoch."""
    epoch = await make_known(stack, [user_id])
    async with peer(stack, "alice") as alice:
        assert (await alice.message(user_id, "the first"))["type"] == "ack"
    return epoch


async def replayed(one: Peer) -> list[int]:
    """The cursors that come until `sync_completed`, which says the last of them."""
    done = await one.next("sync_completed")
    found = cursors(one.frames)
    assert done["cursor"] == found[-1]
    return found


def cursors(frames: list[Frame]) -> list[int]:
    return [frame["cursor"] for frame in frames if frame["type"] == "message"]


async def refusal(stack: Stack, user_id: str, **hello: Any) -> str:
    """The reason for the resync, on a socket and over HTTP alike; both tell nothing else."""
    async with peer(stack, user_id, **hello) as one:
        resync = await one.next("resync_required")
        done = await one.next("sync_completed")
        assert (one.frames[0]["recovered"], cursors(one.frames)) == (False, [])
        assert resync["cursor"] == done["cursor"] == one.frames[0]["cursor"]
        async with http(stack, user_id) as api:
            snapshot = (await api.get("/v1/conversations")).json()
            assert (snapshot["epoch"], snapshot["cursor"]) == (resync["epoch"], resync["cursor"])
            answer = await api.get("/v1/sync", **hello)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "resync_required")
    assert problem["detail"].endswith(resync["reason"])
    return str(resync["reason"])


async def test_c6_a_cursor_from_the_future_or_another_epoch_begins_anew(stack: Stack) -> None:
    epoch = await begun(stack, "tom")
    assert "ahead" in await refusal(stack, "tom", epoch=epoch, cursor=2)
    assert "replaced" in await refusal(stack, "tom", epoch="another", cursor=1)
    assert "replaced" in await refusal(stack, "tom", epoch="another", cursor=0)


@pytest.mark.parametrize("cursor", [-1, 2**53, 1.5, "1"], ids=["-1", "2^53", "1.5", "text"])
async def test_c6_what_is_no_cursor_is_refused_and_may_be_said_again(
    stack: Stack, cursor: object
) -> None:
    async with http(stack, "bob") as api:
        epoch = (await api.get("/v1/conversations")).json()["epoch"]
        if cursor != "1":  # in an address everything is text
            answer = await api.get("/v1/sync", epoch=epoch, cursor=cursor)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    async with connect(stack.ws_url) as socket:
        bob = Peer(socket, "bob")
        await bob.send("hello", token=stack.token("bob"), epoch=epoch, cursor=cursor)
        error = await bob.next("error")
        assert (error["code"], "cursor" in error["message"]) == ("invalid_frame", True)
        await bob.send("hello", token=stack.token("bob"), epoch=epoch)
        await bob.next("welcome")
        await bob.send("sync_request", cursor=cursor)
        assert (await bob.next("error"))["code"] == "invalid_frame"
        await bob.settled()


async def test_s50_a_cursor_from_before_what_is_kept_begins_anew(stack: Stack) -> None:
    epoch = await begun(stack, "una")
    fill(stack, "una", 9)
    change(stack, ("DELETE FROM feed WHERE user_id = 'una' AND cursor <= 4", {}))
    for cursor in (0, 3):
        assert "reaches back" in await refusal(stack, "una", epoch=epoch, cursor=cursor)
    async with peer(stack, "una", epoch=epoch, cursor=4) as una:
        assert await replayed(una) == list(range(5, 11))
        await una.send("sync_request", cursor=3)
        assert "reaches back" in (await una.next("resync_required"))["reason"]
        assert (await una.next("sync_completed"))["cursor"] == 10
    async with http(stack, "una") as api:
        page = (await api.get("/v1/sync", epoch=epoch, cursor=4)).json()
    assert [frame["cursor"] for frame in page["frames"]] == list(range(5, 11))


async def test_c6_ten_thousand_missed_events_come_and_one_more_is_a_resync(stack: Stack) -> None:
    epoch = await begun(stack, "vera")
    fill(stack, "vera", MAX_MISSED)
    assert "missed" in await refusal(stack, "vera", epoch=epoch, cursor=0)
    async with peer(stack, "vera", epoch=epoch, cursor=1) as vera:
        assert await replayed(vera) == list(range(2, MAX_MISSED + 2))
        await vera.send("sync_request", cursor=0)
        assert "missed" in (await vera.next("resync_required"))["reason"]
        await vera.next("sync_completed")
    async with http(stack, "vera") as api:
        page = (await api.get("/v1/sync", epoch=epoch, cursor=1, limit=100)).json()
    assert [frame["cursor"] for frame in page["frames"]] == list(range(2, 102))
    assert (page["cursor"], page["has_more"]) == (101, True)


async def test_r6_what_arrives_while_catching_up_comes_behind_it(stack: Stack) -> None:
    epoch = await begun(stack, "will")
    fill(stack, "will", 2_000)
    async with peer(stack, "alice") as alice, peer(stack, "will", epoch=epoch, cursor=0) as will:
        for number in range(20):
            await alice.send(
                "message", to="will", content=f"live {number}", client_id=f"r6-{number}"
            )
        await will.next("message", content="live 19")
        await will.settled()
    assert cursors(will.frames) == list(range(1, 2_022))
    kinds = [frame["type"] for frame in will.frames]
    assert (kinds.count("sync_completed"), kinds.count("resync_required")) == (1, 0)


async def test_c5_two_devices_and_a_token_shown_twice_have_a_feed_each(stack: Stack) -> None:
    epoch = await begun(stack, "xena")
    fill(stack, "xena", 30)
    token = stack.token("xena")
    async with (
        peer(stack, "alice") as alice,
        peer(stack, "xena", epoch=epoch, cursor=0, token=token) as desk,
        peer(stack, "xena", epoch=epoch, cursor=25, token=token) as phone,
    ):
        assert await gather(replayed(desk), replayed(phone)) == [
            list(range(1, 32)),
            list(range(26, 32)),
        ]
        await alice.message("xena", "to both")
        await gather(*[one.next("message", content="to both") for one in (desk, phone)])
        ack = await desk.message("alice", "from one")
        told = await phone.next("message", message_id=ack["message_id"])
        await desk.settled()
    assert (cursors(desk.frames)[-1], told["cursor"]) == (32, 33)
    assert desk.frames[0]["connection_id"] != phone.frames[0]["connection_id"]


async def test_c6_a_socket_that_dies_in_mid_replay_comes_back_where_it_stood(stack: Stack) -> None:
    epoch = await begun(stack, "yuri")
    fill(stack, "yuri", 3_000)
    seen: list[int] = []
    for count in (1, 700, 1_501):  # on both sides of a page's end
        at = seen[-1] if seen else 0
        async with peer(stack, "yuri", epoch=epoch, cursor=at) as yuri:
            for _ in range(count):
                seen.append((await yuri.next("message"))["cursor"])
            yuri.socket.transport.abort()
    async with synced(stack, "yuri", epoch=epoch, cursor=seen[-1]) as yuri:
        seen += cursors(yuri.frames)
    assert seen == list(range(1, 3_002))


async def test_c6_persistence_killed_in_mid_replay_ends_nothing(stack: Stack) -> None:
    epoch = await begun(stack, "zoe")
    fill(stack, "zoe", 9_000)
    async with peer(stack, "zoe", epoch=epoch, cursor=0) as zoe:
        await zoe.next("message")
        await stack.kill("persistence")
        await stack.ready()
        assert await replayed(zoe) == list(range(1, 9_002))
        async with peer(stack, "alice") as alice:
            await alice.message("zoe", "and on")
        assert (await zoe.next("message", content="and on"))["cursor"] == 9_002
