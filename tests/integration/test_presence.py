"""Two gateways, and who is online. What takes its time is played in tests/property."""

import os
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from tests.support.peer import Frame, Peer, gather, http, peer, synced
from tests.support.processes import open_files
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known, newcomers
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Two gateways that are quick to call somebody offline."""
    folder = tmp_path_factory.mktemp("presence")
    async with run_stack(folder, gateways=2, presence_debounce=0.5, **UNLIMITED) as running:
        await make_known(running, ["alice", "bob", "carol", "dave", "eve"])
        async with synced(running, "alice") as alice:
            for other in ("bob", "carol"):
                assert (await alice.message(other, "hello"))["type"] == "ack"
        yield running


def told(watcher: Peer, user_id: str) -> list[bool]:
    return [
        frame["is_online"]
        for frame in watcher.frames
        if frame["type"] == "presence" and frame["user_id"] == user_id
    ]


async def heard(watcher: Peer, user_id: str, is_online: bool, seconds: float = 30) -> Frame:
    """Wait until the watcher is told that the user is online, or offline."""
    async with within(seconds):
        while True:
            try:
                return await watcher.next("presence", user_id=user_id, is_online=is_online)
            except TimeoutError:
                continue  # a peer waits less long


async def test_s63_s110_d22_online_at_once_and_offline_with_the_last_socket(stack: Stack) -> None:
    async with synced(stack, "alice") as alice:
        await alice.send("presence_subscribe", user_ids=["bob"])
        await heard(alice, "bob", False)
        before = len(told(alice, "bob"))
        async with synced(stack, "bob"):
            await heard(alice, "bob", True)
            async with synced(stack, "bob"), synced(stack, "bob"):
                pass
            await alice.settled()
        gone = await heard(alice, "bob", False)
        assert told(alice, "bob")[before:] == [True, False]
        assert gone["last_seen"].endswith("Z")


async def test_s39_s48_status_over_http_says_when_somebody_was_last_seen(stack: Stack) -> None:
    async with http(stack, "alice") as api:
        async with synced(stack, "carol"):
            answer = (await api.get("/v1/users/carol/status")).json()
            assert answer == {"user_id": "carol", "is_online": True, "last_seen": None}

        async def gone() -> bool:
            answer.update((await api.get("/v1/users/carol/status")).json())
            return answer["last_seen"] is not None

        await eventually(gone, 30)
    assert answer["is_online"] is False
    assert answer["last_seen"].endswith("Z")


async def test_idor_a_stranger_and_nobody_have_the_same_status(stack: Stack) -> None:
    async with synced(stack, "alice"), http(stack, "eve") as api, synced(stack, "eve") as eve:
        pages = [await api.get(f"/v1/users/{x}/status") for x in ("alice", "nobody-at-all")]
        assert [page.status_code for page in pages] == [404, 404]
        assert pages[0].json() == pages[1].json()
        assert (await api.get("/v1/users/%00/status")).status_code == 400
        assert (await api.get("/v1/users/eve/status")).json()["is_online"] is True
        await eve.send("presence_subscribe", user_ids=["alice", "nobody-at-all"])
        frames = [await eve.next("presence") for _ in range(2)]
        assert {frame["user_id"] for frame in frames} == {"alice", "nobody-at-all"}
        assert {**frames[0], "user_id": ""} == {**frames[1], "user_id": ""}


async def group_of(stack: Stack, *members: str) -> str:
    """Made by Alice."""
    async with http(stack, "alice") as api:
        body = {"title": "Team", "members": members, "client_id": secrets.token_hex(8)}
        made = (await api.post("/v1/conversations", body)).raise_for_status().json()
    return str(made["conversation"]["conversation_id"])


@pytest.mark.parametrize("leaver", ["dave", "alice"], ids=["leaves", "is removed"])
async def test_f_s18_presence_ends_with_the_parting_on_both_sides(
    stack: Stack, leaver: str
) -> None:
    """Dave goes, or Alice removes him; Bob and Carol share direct conversations with Alice alone.
    Several sockets each, so that both gateways have some."""
    place = await group_of(stack, "bob", "dave")
    async with AsyncExitStack() as opened, http(stack, leaver) as api:
        bobs = [await opened.enter_async_context(synced(stack, "bob")) for _ in range(4)]
        daves = [await opened.enter_async_context(synced(stack, "dave")) for _ in range(4)]
        for bob, dave in zip(bobs, daves, strict=True):
            await bob.send("presence_subscribe", user_ids=["dave", "alice"])
            await dave.send("presence_subscribe", user_ids=["bob"])
            await heard(bob, "dave", True)
            await heard(dave, "bob", True)
        gone = await api.request("DELETE", f"/v1/conversations/{place}/members/dave")
        assert gone.status_code == 204
        for bob, dave in zip(bobs, daves, strict=True):
            for watcher, other in ((bob, "dave"), (dave, "bob")):
                told_last = await heard(watcher, other, False, seconds=10)
                assert "last_seen" not in told_last or told_last["last_seen"] is None
        for asker, other in (("bob", "dave"), ("dave", "bob")):
            async with http(stack, asker) as asks:
                assert (await asks.get(f"/v1/users/{other}/status")).status_code == 404


async def test_f_s18_who_still_shares_a_conversation_is_watched_on(stack: Stack) -> None:
    """A group of two ends with one, and their direct conversation is still there."""
    place = await group_of(stack, "carol")
    async with synced(stack, "alice") as alice, http(stack, "carol") as api:
        await alice.send("presence_subscribe", user_ids=["carol"])
        await heard(alice, "carol", False)
        await api.request("DELETE", f"/v1/conversations/{place}/members/carol")
        async with synced(stack, "carol"):
            await heard(alice, "carol", True)


async def test_two_gateways_carry_one_conversation(stack: Stack) -> None:
    other, sender = await newcomers(stack, "bob", "alice")
    async with synced(stack, other) as first, synced(stack, other) as second:
        async with synced(stack, sender) as one, synced(stack, sender) as two:
            acks = await gather(one.message(other, "from one"), two.message(other, "from two"))
        ids = sorted(ack["message_id"] for ack in acks)
        for device in (first, second):
            got = [(await device.next("message"))["message_id"] for _ in ids]
            assert sorted(got) == ids


@pytest.mark.prove
async def test_s63_a_restarted_gateway_is_no_flap_and_a_killed_one_offline_within_30_s(
    tmp_path: Path,
) -> None:
    async with run_stack(tmp_path, gateways=2, **{**UNLIMITED, "sockets_per_user": 0}) as stack:
        await make_known(stack, ["bob", "carol"])
        async with synced(stack, "alice") as alice:
            for other in ("bob", "carol"):
                await alice.message(other, "hello")
        async with AsyncExitStack() as opened:
            alice, bob, restarted = await apart(stack, "alice", "bob", opened)
            await alice.send("presence_subscribe", user_ids=["bob"])
            await heard(alice, "bob", True)
            os.kill(restarted, signal.SIGTERM)
            assert await bob.closed() == 1012
            await come_back(stack, "bob", opened)
            await stack.until(lambda: any(d["pid"] == restarted for d in stack.told("died")))
            await stack.ready()
            assert told(alice, "bob") == [True]
            alice, carol, killed = await apart(stack, "alice", "carol", opened)
            await elsewhere(stack, "bob", killed, opened)
            await alice.send("presence_subscribe", user_ids=["bob", "carol"])
            await heard(alice, "carol", True)
            os.kill(killed, signal.SIGKILL)
            assert await carol.closed() == 1006
            await heard(alice, "carol", False, 30)
            assert (told(alice, "bob"), told(alice, "carol")) == ([True], [True, False])


async def come_back(stack: Stack, user_id: str, opened: AsyncExitStack) -> None:
    """As a client does: the gateway that ends takes sockets to its last moment, and sends away."""
    async with within(20):
        while True:
            with suppress(ConnectionClosed):
                await opened.enter_async_context(synced(stack, user_id))
                return


async def apart(
    stack: Stack, one: str, other: str, opened: AsyncExitStack
) -> tuple[Peer, Peer, int]:
    """A socket of each, on two gateways; the process that holds the second."""
    there = await opened.enter_async_context(peer(stack, other))
    pid = gateway_of(stack, there)
    return await elsewhere(stack, one, pid, opened), there, pid


async def elsewhere(stack: Stack, user_id: str, pid: int, opened: AsyncExitStack) -> Peer:
    """A socket that another process holds."""
    async with within(60):
        while True:  # many at once: which process takes a socket, the system decides
            opening = [opened.enter_async_context(peer(stack, user_id)) for _ in range(8)]
            found: list[Peer] = await gather(*opening)
            for one in found:
                if gateway_of(stack, one) != pid:
                    return one


def gateway_of(stack: Stack, one: Peer) -> int:
    """The process at the other end of that socket."""
    port = one.socket.local_address[1]
    for name, pid in stack.pids().items():
        if name.startswith("gateway") and _holds(pid, port):
            return pid
    raise AssertionError("no gateway holds that socket")


def _holds(pid: int, port: int) -> bool:
    """Return whether the process has an open socket with that local port."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if int(row[2].rpartition(":")[2], 16) == port}
    return not {f"socket:[{inode}]" for inode in inodes}.isdisjoint(open_files(pid))
