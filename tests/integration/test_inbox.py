"""Conversations, the read mark and the feed over HTTP, through real processes."""

from typing import Any

import pytest

from shared.subjects import direct_conversation_id
from tests.support.peer import Http, http, peer, synced
from tests.support.stack import Stack
from tests.support.traffic import newcomers

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = ("message", "receipt")


async def view(api: Http, conversation_id: str) -> dict[str, Any]:
    answer = await api.get(f"/v1/conversations/{conversation_id}")
    found: dict[str, Any] = answer.raise_for_status().json()["conversation"]
    return found


# ------------------------------------------------------------------ one conversation


async def test_a_conversation_begins_once_and_is_found_by_id_and_by_person(stack: Stack) -> None:
    one, other = await newcomers(stack, "carol", "bob")
    async with http(stack, one) as carol, http(stack, other) as bob:
        assert (await carol.get("/v1/conversations", peer=other)).json()["conversations"] == []
        made = await carol.post("/v1/conversations", {"to": other})
        again = await bob.post("/v1/conversations", {"to": one})
        found = (await carol.get("/v1/conversations", peer=other)).json()["conversations"]
        listed = (await carol.get("/v1/conversations")).json()["conversations"]
    assert (made.status_code, again.status_code) == (201, 200)
    conversation = made.json()["conversation"]
    assert conversation["conversation_id"] == direct_conversation_id(one, other)
    assert (conversation["last_seq"], conversation["last_message"]) == (0, None)
    assert found == [conversation]
    assert listed == []  # until somebody says something


async def test_nobody_begins_a_conversation_with_whom_does_not_exist(stack: Stack) -> None:
    async with http(stack, "carol") as carol:
        nobody = await carol.post("/v1/conversations", {"to": "nobody at all"})
        malformed = await carol.post("/v1/conversations", {"to": "a/b"})
        both = await carol.get("/v1/conversations", peer="bob", limit=3)
        empty = await carol.get("/v1/conversations", peer="")
    assert empty.status_code == 400  # and not the whole inbox
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")
    assert (malformed.status_code, both.status_code) == (400, 400)


async def test_a_conversation_of_others_is_as_one_that_does_not_exist(stack: Stack) -> None:
    async with peer(stack, "alice") as alice, http(stack, "eve") as eve:
        ack = await alice.message("bob", "not for eve")
        place = f"/v1/conversations/{ack['conversation_id']}"
        answers = [
            await eve.get(place),
            await eve.get("/v1/conversations/nowhere"),
            await eve.post(f"{place}/read", {"up_to": 1}),
            await eve.post("/v1/conversations/nowhere/read", {"up_to": 1}),
        ]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json() == answers[1].json()
    assert answers[2].json() == answers[3].json()


# ------------------------------------------------------------------ the read mark, what is unread


async def test_s37_the_read_mark_over_http_is_the_frames_and_shows_what_is_stored(
    stack: Stack,
) -> None:
    async with synced(stack, "alice") as alice, http(stack, "bob") as bob:
        acks = [await alice.message("bob", f"s37 {number}") for number in range(3)]
        place, last = acks[-1]["conversation_id"], acks[-1]["seq"]
        read = await bob.post(f"/v1/conversations/{place}/read", {"up_to": last})
        receipt = await alice.next("receipt", user_id="bob", read_seq=last)
        back = await bob.post(f"/v1/conversations/{place}/read", {"up_to": 1})
        beyond = await bob.post(f"/v1/conversations/{place}/read", {"up_to": last + 50})
        nonsense = await bob.post(f"/v1/conversations/{place}/read", {"up_to": 0})
    assert receipt["conversation_id"] == place
    for answer in (read, back, beyond):
        conversation = answer.json()["conversation"]
        assert (conversation["read_seq"], conversation["unread_count"]) == (last, 0)
    assert nonsense.status_code == 400


async def test_s19_the_delivered_mark_over_http_is_the_frames(stack: Stack) -> None:
    one, to = await newcomers(stack, "alice", "bob")
    async with synced(stack, one) as alice, http(stack, to) as bob, http(stack, "eve") as eve:
        acks = [await alice.message(to, f"s19 {number}") for number in range(2)]
        path, last = f"/v1/conversations/{acks[-1]['conversation_id']}/delivered", acks[-1]["seq"]
        answers = [await bob.post(path, {"up_to": seq}) for seq in (last, 1, 0)]
        receipt = await alice.next("receipt", user_id=to, delivered_seq=last)
        hidden = await eve.post(path, {"up_to": 1})
    assert [answer.status_code for answer in answers] == [204, 204, 400]
    assert receipt["read_seq"] == 0
    assert hidden.status_code == 404


async def test_s38_unread_has_totals_and_a_line_of_the_latest(stack: Stack) -> None:
    one, two, to = await newcomers(stack, "alice", "eve", "bob")
    async with peer(stack, one) as alice, peer(stack, two) as eve, http(stack, to) as bob:
        for sender in (alice, eve):
            await sender.message(to, "old")
            conversations = (await bob.get("/v1/conversations")).json()["conversations"]
            for row in conversations:
                path = f"/v1/conversations/{row['conversation_id']}/read"
                await bob.post(path, {"up_to": row["last_seq"]})
        assert (await bob.get("/v1/unread")).json()["unread_count"] == 0
        await eve.message(to, "first")
        await alice.message(to, "short")
        await alice.message(to, "\U0001f600" * 200)
        body = (await bob.get("/v1/unread")).json()
    assert (body["unread_count"], body["conversations"]) == (3, 2)
    latest, other = body["items"]
    assert (latest["sender_name"], latest["unread_count"]) == (one.title(), 2)
    assert latest["preview"] == "\U0001f600" * 120
    assert (other["sender_id"], other["preview"]) == (two, "first")


async def test_f_p19_what_is_muted_or_archived_is_in_no_total(stack: Stack) -> None:
    async with peer(stack, "eve") as eve, http(stack, "bob") as bob:

        async def totals() -> tuple[int, bool]:
            body = (await bob.get("/v1/unread")).json()
            return body["unread_count"], place in [i["conversation_id"] for i in body["items"]]

        async def keep(**how: bool) -> None:
            await bob.request("PATCH", f"/v1/conversations/{place}", how)

        place = (await eve.message("bob", "first"))["conversation_id"]
        before, _ = await totals()
        [count] = [
            row["unread_count"]
            for row in (await bob.get("/v1/conversations")).json()["conversations"]
            if row["conversation_id"] == place
        ]
        await keep(muted=True)
        assert await totals() == (before - count, False)
        await eve.message("bob", "second")
        assert await totals() == (before - count, False)
        await keep(muted=False)
        assert await totals() == (before + 1, True)
        await keep(archived=True)
        assert await totals() == (before - count, False)
        await eve.message("bob", "third")  # takes it out of the archive
        assert await totals() == (before + 2, True)


async def test_bulk_read_receipt_moves_one_mark_in_each_conversation_and_once(
    stack: Stack,
) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "carol") as carol,
        synced(stack, "eve") as eve,
    ):
        ours = [await alice.message("carol", f"bulk {number}") for number in range(4)]
        theirs = [await eve.message("carol", f"bulk {number}") for number in range(2)]
        foreign = await alice.message("bob", "carol never sees it")
        ids = [ours[2]["message_id"], ours[0]["message_id"], theirs[1]["message_id"]]
        ids += [foreign["message_id"], 2**53 - 1]
        await carol.send("bulk_read_receipt", message_ids=ids, client_id="bulk")
        assert (await carol.outcome("bulk"))["type"] == "ack"
        receipt = await alice.next("receipt", user_id="carol")
        assert receipt["read_seq"] == ours[2]["seq"]
        assert (await eve.next("receipt", user_id="carol"))["read_seq"] == theirs[1]["seq"]
        await carol.send("bulk_read_receipt", message_ids=[foreign["message_id"]], client_id="no")
        refused = await carol.outcome("no")
        assert (refused["type"], refused["code"]) == ("error", "not_found")
        await alice.settled()
    moved = [frame for frame in alice.frames if frame["type"] == "receipt"]
    assert len([frame for frame in moved if frame["user_id"] == "carol"]) == 1


# ------------------------------------------------------------------ the feed over HTTP


async def test_c6_s31_sync_gives_what_a_socket_would_have_got(stack: Stack) -> None:
    async with http(stack, "bob") as bob, synced(stack, "bob") as socket:
        start = (await bob.get("/v1/sync")).json()
        assert (start["frames"], start["has_more"]) == ([], False)
        async with peer(stack, "alice") as alice:
            for number in range(7):
                await alice.message("bob", f"sync {number}")
        frames: list[dict[str, Any]] = []
        page = start
        while not frames or page["has_more"]:
            page = (
                await bob.get("/v1/sync", epoch=page["epoch"], cursor=page["cursor"], limit=3)
            ).json()
            assert len(page["frames"]) <= 3
            frames += page["frames"]
        await socket.next("message", content="sync 6")
        await socket.settled()
    assert frames == [frame for frame in socket.frames if frame["type"] in ALL]
    assert [frame["cursor"] for frame in frames] == list(
        range(start["cursor"] + 1, start["cursor"] + 8)
    )
    assert page["cursor"] == frames[-1]["cursor"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"cursor": 0}, 400),
        ({"epoch": "another"}, 400),
        ({"epoch": "another", "cursor": 0}, 409),
        ({"epoch": None, "cursor": 10**9}, 409),
        ({"epoch": None, "cursor": -1}, 400),
        ({"epoch": None, "cursor": "yesterday"}, 400),
        ({"epoch": None, "cursor": 0, "limit": 101}, 400),
        ({"epoch": "not\nprintable", "cursor": 0}, 400),
        ({"last_sync_time": "2024-01-01"}, 400),
    ],
)
async def test_d11_s31_a_position_that_cannot_go_on_is_told_so_and_garbage_is_400(
    stack: Stack, asked: dict[str, Any], status: int
) -> None:
    async with http(stack, "bob") as bob:
        epoch = (await bob.get("/v1/sync")).json()["epoch"]
        asked = {name: epoch if value is None else value for name, value in asked.items()}
        answer = await bob.get("/v1/sync", **asked)
    assert answer.status_code == status
    assert answer.json()["code"] == {400: "invalid_request", 409: "resync_required"}[status]
    assert answer.json()["temporary"] is False
