"""Groups, through real sockets, processes and files."""

from typing import Any

import pytest

from tests.support.peer import Frame, Http, Peer, http, synced
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def made(api: Http, *members: str, title: str = "Team", **more: Any) -> str:
    """A group of these and of who makes it; its id."""
    body = {"title": title, "members": list(members), **more}
    answer = await api.post("/v1/conversations", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation"]["conversation_id"])


async def say(one: Peer, place: str, content: str, client_id: str) -> Frame:
    await one.send("message", conversation_id=place, content=content, client_id=client_id)
    return await one.outcome(client_id)


async def view(api: Http, place: str) -> Frame:
    answer = await api.get(f"/v1/conversations/{place}")
    found: Frame = answer.raise_for_status().json()["conversation"]
    return found


async def test_s46_a_message_to_a_group_reaches_each_member_once(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        synced(stack, "carol") as carol,
        synced(stack, "eve") as eve,
        http(stack, "alice") as api,
    ):
        place = await made(api, "bob", "carol")
        for one, role in ((alice, "owner"), (bob, "member"), (carol, "member")):
            frame = await one.next("conversation", conversation_id=place)
            assert (frame["change"], frame["kind"], frame["title"]) == ("created", "group", "Team")
            assert frame["members"] == ["alice", "bob", "carol"]
            assert (frame["role"], frame["member_count"]) == (role, 3)
        ack = await say(alice, place, "hello all", "group-1")
        for one in (bob, carol):
            message = await one.next("message", conversation_id=place)
            assert (message["content"], message["seq"]) == ("hello all", ack["seq"])
        answer = await say(carol, place, "hello back", "group-2")
        assert answer["seq"] == ack["seq"] + 1
        await alice.next("message", content="hello back")
        await bob.next("message", content="hello back")
        for one in (alice, bob, carol, eve):
            await one.settled()
            assert [f["content"] for f in one.frames if f["type"] == "message"] == {
                "alice": ["hello back"],
                "bob": ["hello all", "hello back"],
                "carol": ["hello all"],
                "eve": [],
            }[one.user_id]
        refused = await say(eve, place, "let me in", "group-3")
        assert refused["code"] == "not_found"


async def test_c3_a_group_with_a_client_id_is_made_once(stack: Stack) -> None:
    async with http(stack, "alice") as alice, http(stack, "bob") as bob:
        body = {"title": "Once", "members": ["bob"], "client_id": "once"}
        first = await alice.post("/v1/conversations", body)
        again = await alice.post("/v1/conversations", body)
        other = await alice.post("/v1/conversations", body | {"title": "Twice"})
        bobs = await bob.post("/v1/conversations", body | {"members": ["alice"]})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    places = [a.json()["conversation"]["conversation_id"] for a in (first, again, bobs)]
    assert places[0] == places[1] != places[2]
    assert other.json()["code"] == "client_id_conflict"


async def test_s46_receipts_unread_and_the_inbox_work_in_groups(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        http(stack, "alice") as api,
        http(stack, "bob") as bobs,
    ):
        place = await made(api, "bob", "carol", title="Marks")
        ack = await say(alice, place, "read me", "marks-1")
        row = await view(bobs, place)
        assert (row["unread_count"], row["title"], row["member_count"]) == (1, "Marks", 3)
        assert row["last_message"]["content"] == "read me"
        await bob.send("mark_chat_read", conversation_id=place, up_to=ack["seq"], client_id="r-1")
        await bob.outcome("r-1")
        receipt = await alice.next("receipt", conversation_id=place)
        assert (receipt["user_id"], receipt["read_seq"]) == ("bob", ack["seq"])
        async with http(stack, "carol") as carols:
            await carols.post(f"/v1/conversations/{place}/read", {"up_to": ack["seq"]})
            assert (await view(carols, place))["unread_count"] == 0
        assert (await alice.next("receipt", conversation_id=place))["user_id"] == "carol"
        await bob.settled()
        assert "carol" not in [f["user_id"] for f in bob.frames if f["type"] == "receipt"]
        assert (await view(api, place))["peer_read_seq"] == ack["seq"]
        await bobs.patch(f"/v1/conversations/{place}", {"archived": True, "muted": True})
        assert (await bob.next("conversation", change="settings"))["muted"] is True
        await say(alice, place, "wake up", "marks-2")
        row = await view(bobs, place)
        assert (row["archived"], row["muted"], row["unread_count"]) == (False, True, 1)
        cleared = await bobs.post(f"/v1/conversations/{place}/clear", {})
        assert cleared.json()["count"] == 2
        assert await bobs.history(place) == []
        assert len(await api.history(place)) == 2
