"""Changes of a member's own view of a conversation, on all devices of the member."""

from typing import Any

import pytest

from tests.support.peer import Http, Peer, http, peer, synced
from tests.support.stack import Stack
from tests.support.traffic import newcomers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def talk(stack: Stack, *texts: str, writer: str = "alice", reader: str = "bob") -> str:
    """The conversation's id."""
    async with peer(stack, writer) as one:
        acks = [await one.message(reader, text) for text in texts]
    return str(acks[-1]["conversation_id"])


async def view(api: Http, place: str) -> dict[str, Any]:
    answer = await api.get(f"/v1/conversations/{place}")
    found: dict[str, Any] = answer.raise_for_status().json()["conversation"]
    return found


def contents(one: Peer) -> list[str]:
    return [frame["content"] for frame in one.frames if frame["type"] == "message"]


async def test_s36_a_cleared_chat_is_gone_for_me_everywhere_and_for_nobody_else(
    stack: Stack,
) -> None:
    one, other = await newcomers(stack, "alice", "bob")
    async with http(stack, one) as alice, http(stack, other) as bob:
        start = (await bob.get("/v1/sync")).json()
        place = await talk(stack, "first", "second", "third", writer=one, reader=other)
        whole = await alice.history(place)
        cleared = await bob.post(f"/v1/conversations/{place}/clear", {})
        assert cleared.json() == {"conversation_id": place, "count": len(whole)}
        assert await bob.history(place) == []
        row = await view(bob, place)
        assert (row["last_message"], row["unread_count"]) == (None, 0)
        assert (row["last_seq"], row["read_seq"]) == (whole[-1]["seq"], 0)
        unread = (await bob.get("/v1/unread")).json()
        assert place not in [item["conversation_id"] for item in unread["items"]]
        old = {"before_id": whole[-1]["message_id"]}
        page = (await bob.get(f"/v1/conversations/{place}/messages", **old)).json()
        assert (page["messages"], page["has_more"]) == ([], False)
        replay = {"epoch": start["epoch"], "cursor": start["cursor"]}
        sync = (await bob.get("/v1/sync", **replay)).json()
        assert [frame["type"] for frame in sync["frames"]] == ["conversation"]
        assert sync["cursor"] == start["cursor"] + 4  # placeholders were stepped over (R7)
        async with synced(stack, other, **replay) as socket:
            assert contents(socket) == []
        assert await alice.history(place) == whole
        assert (await view(alice, place))["last_message"]["content"] == "third"
        await talk(stack, "fourth", writer=one, reader=other)
        assert [row["content"] for row in await bob.history(place)] == ["fourth"]
        assert (await view(bob, place))["unread_count"] == 1
        again = await bob.post(f"/v1/conversations/{place}/clear", {})
        nothing = await bob.post(f"/v1/conversations/{place}/clear", {})
        assert (again.json()["count"], nothing.json()["count"]) == (1, 0)


async def test_a_cleared_message_can_no_longer_be_edited_answered_or_marked(stack: Stack) -> None:
    async with synced(stack, "alice") as alice, http(stack, "alice") as api:
        ack = await alice.message("bob", "mine")
        await api.post(f"/v1/conversations/{ack['conversation_id']}/clear", {})
        for number, (kind, fields) in enumerate(
            [
                ("edit_message", {"message_id": ack["message_id"], "content": "other"}),
                ("react", {"message_id": ack["message_id"], "emoji": "+"}),
                ("bulk_read_receipt", {"message_ids": [ack["message_id"]]}),
            ]
        ):
            await alice.send(kind, client_id=f"gone-{number}", **fields)
            assert (await alice.outcome(f"gone-{number}"))["code"] == "not_found"


async def test_archive_and_mute_are_mine_and_my_devices_hear_of_them(stack: Stack) -> None:
    place = await talk(stack, "hello")
    path = f"/v1/conversations/{place}"
    async with synced(stack, "bob") as phone, synced(stack, "alice") as alice:
        async with http(stack, "bob") as bob, http(stack, "alice") as other:
            answer = await bob.patch(path, {"archived": True, "muted": True})
            told = await phone.next("conversation")
            await bob.patch(path, {"muted": True})  # as it is already: nothing to tell
            await bob.patch(path, {"muted": False})
            unmuted = await phone.next("conversation")
            row, theirs = await view(bob, place), await view(other, place)
        await alice.settled()
    changed = answer.json()["conversation"]
    assert (changed["archived"], changed["muted"]) == (True, True)
    assert (told["archived"], told["muted"], told["change"]) == (True, True, "settings")
    assert (told["conversation_id"], told["members"]) == (place, ["alice", "bob"])
    assert (unmuted["archived"], unmuted["muted"]) == (True, False)
    assert unmuted["version"] == told["version"] + 1
    assert unmuted["cursor"] == told["cursor"] + 1
    assert (row["archived"], row["muted"]) == (True, False)
    assert (theirs["archived"], theirs["muted"]) == (False, False)
    assert "conversation" not in [frame["type"] for frame in alice.frames]


async def test_a_new_message_takes_a_conversation_out_of_the_archive(stack: Stack) -> None:
    place = await talk(stack, "hello")
    async with http(stack, "bob") as bob:
        await bob.patch(f"/v1/conversations/{place}", {"archived": True, "muted": True})
        await talk(stack, "are you there?")
        row = await view(bob, place)
    assert (row["archived"], row["muted"]) == (False, True)


@pytest.mark.parametrize("body", [{}, {"archived": None}, {"muted": 1}, {"title": "x"}])
async def test_a_change_that_is_none_is_refused(stack: Stack, body: dict[str, Any]) -> None:
    place = await talk(stack, "hello")
    async with http(stack, "bob") as bob:
        answer = await bob.patch(f"/v1/conversations/{place}", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_nobody_changes_a_view_of_what_is_not_theirs(stack: Stack) -> None:
    place = await talk(stack, "hello")
    async with http(stack, "eve") as eve:
        answers = [
            await eve.patch(f"/v1/conversations/{place}", {"archived": True}),
            await eve.patch("/v1/conversations/nowhere", {"archived": True}),
            await eve.post(f"/v1/conversations/{place}/clear", {}),
            await eve.post("/v1/conversations/nowhere/clear", {}),
        ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


async def test_both_sides_hear_of_a_conversation_that_begins_without_a_message(
    stack: Stack,
) -> None:
    one, other = await newcomers(stack, "eve", "carol")
    async with synced(stack, one) as eve, synced(stack, other) as carol:
        async with http(stack, one) as api:
            await api.post("/v1/conversations", {"to": other})
            await api.post("/v1/conversations", {"to": other})
        frames = [await one.next("conversation") for one in (eve, carol)]
        await carol.settled()
    assert [frame["change"] for frame in frames] == ["begun", "begun"]
    assert frames[0]["members"] == sorted([one, other])
    assert [frame["type"] for frame in carol.frames].count("conversation") == 1
