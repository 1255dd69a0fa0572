"""Edits, deletions, reactions and replies, through real sockets, processes and files."""

from typing import Any

import pytest

from tests.support.peer import Frame, Http, Peer, gather, http, peer, synced
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

THUMB = "\U0001f44d"
OF_THE_SOCKET = ("welcome", "sync_completed", "badge_update")
HEART = "\u2764\ufe0f"


async def last(api: Http, conversation_id: str) -> Frame:
    return (await api.history(conversation_id))[-1]


async def chat_of(api: Http, conversation_id: str) -> Frame:
    page = (await api.get("/v1/conversations")).json()
    [chat] = [c for c in page["conversations"] if c["conversation_id"] == conversation_id]
    return dict(chat)


async def told(one: Peer, kind: str, message_id: int) -> Frame:
    return await one.next(kind, message_id=message_id)


# ------------------------------------------------------------------ edit


async def test_s47_an_edit_reaches_every_device_and_history(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "alice") as phone,
        synced(stack, "bob") as bob,
        http(stack, "bob") as api,
    ):
        ack = await alice.message("bob", "helo")
        await alice.send(
            "edit_message", message_id=ack["message_id"], content="hello", client_id="edit-1"
        )
        assert await alice.outcome("edit-1") == {
            "type": "ack",
            "client_id": "edit-1",
            "duplicate": False,
        }
        frames = await gather(
            *[told(one, "message_updated", ack["message_id"]) for one in (phone, bob)]
        )
        row = await last(api, ack["conversation_id"])
    for frame in frames:
        assert (frame["content"], frame["version"], frame["seq"]) == ("hello", 2, ack["seq"])
    assert (row["content"], row["version"], row["seq"]) == ("hello", 2, ack["seq"])
    assert row["edited_at"] == row["updated_at"] == frames[0]["edited_at"] > row["created_at"]
    assert (row["client_id"], row["created_at"]) == (ack["client_id"], ack["created_at"])


async def test_the_editors_own_socket_is_told_and_without_client_id_gets_no_ack(
    stack: Stack,
) -> None:
    async with synced(stack, "alice") as alice:
        ack = await alice.message("bob", "one")
        await alice.send("edit_message", message_id=ack["message_id"], content="two")
        await told(alice, "message_updated", ack["message_id"])
        await alice.settled()
    assert sum(frame["type"] == "ack" for frame in alice.frames) == 1


async def test_c3_a_resend_of_an_edited_or_erased_message_gives_its_first_ack(stack: Stack) -> None:
    async with synced(stack, "alice") as alice:
        ack = await alice.message("bob", "first words", "c3-edited")
        await alice.send("edit_message", message_id=ack["message_id"], content="others")
        await told(alice, "message_updated", ack["message_id"])
        assert await alice.message("bob", "first words", "c3-edited") == {**ack, "duplicate": True}
        await alice.send("delete_message", message_id=ack["message_id"], mode="everyone")
        await told(alice, "message_deleted", ack["message_id"])
        assert await alice.message("bob", "first words", "c3-edited") == {**ack, "duplicate": True}
        conflict = await alice.message("bob", "others", "c3-edited")
    assert conflict["code"] == "client_id_conflict"


# ------------------------------------------------------------------ delete


async def test_s66_d17_only_the_sender_wipes_for_everyone_and_a_tombstone_stays(
    stack: Stack,
) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        http(stack, "bob") as api,
    ):
        ack = await alice.message("bob", "regrets")
        message_id = ack["message_id"]
        await bob.send("react", message_id=message_id, emoji=THUMB)
        await told(bob, "reaction", message_id)
        await bob.send("delete_message", message_id=message_id, mode="everyone", client_id="no")
        refused = await bob.outcome("no")
        await alice.send("delete_message", message_id=message_id, mode="everyone")
        frame = await told(bob, "message_deleted", message_id)
        row = await last(api, ack["conversation_id"])
        chat = await chat_of(api, ack["conversation_id"])
    assert (refused["code"], refused["temporary"]) == ("forbidden", False)
    assert (frame["mode"], frame["version"]) == ("everyone", 3)
    assert (row["content"], row["deleted_at"], row["version"]) == ("", frame["deleted_at"], 3)
    assert "reactions" not in row
    assert chat["last_message"] == row


async def test_s66_d18_delete_for_me_hides_it_everywhere(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        peer(stack, "dave") as dave,
        http(stack, "dave") as api,
        http(stack, "alice") as others,
    ):
        started = await dave.next("sync_completed")
        acks = [await alice.message("dave", text) for text in ("kept", "unwanted")]
        conversation_id = acks[0]["conversation_id"]
        await told(dave, "message", acks[1]["message_id"])
        assert (await chat_of(api, conversation_id))["unread_count"] == 2
        await dave.send(
            "delete_message", message_id=acks[1]["message_id"], mode="me", client_id="hide"
        )
        assert (await dave.outcome("hide"))["type"] == "ack"
        chat = await chat_of(api, conversation_id)
        rows = await api.history(conversation_id)
        after = (
            await api.get(
                f"/v1/conversations/{conversation_id}/messages", after_id=acks[0]["message_id"]
            )
        ).json()
        theirs = await others.history(conversation_id)
        epoch = (await api.get("/v1/conversations")).json()["epoch"]
    async with synced(stack, "dave", epoch=epoch, cursor=started["cursor"]) as again:
        replayed = [f for f in again.frames if "cursor" in f and f["type"] != "welcome"]
    assert [row["content"] for row in rows] == ["kept"]
    assert after["messages"] == []
    assert (chat["unread_count"], chat["last_message"]["content"]) == (1, "kept")
    assert [row["content"] for row in theirs] == ["kept", "unwanted"]
    assert "unwanted" not in str(replayed)
    assert [f["type"] for f in replayed] == ["message", "message_deleted", "sync_completed"]
    assert (replayed[1]["mode"], replayed[1]["message_id"]) == ("me", acks[1]["message_id"])


async def test_r7_a_replay_steps_over_what_was_erased(stack: Stack) -> None:
    async with synced(stack, "alice") as alice, peer(stack, "eve") as eve:
        welcome = eve.frames[0]
        acks = [await alice.message("eve", text) for text in ("a", "b", "c")]
        for content in ("b2", "b3"):
            await alice.send("edit_message", message_id=acks[1]["message_id"], content=content)
        await alice.send("react", message_id=acks[1]["message_id"], emoji=HEART)
        await alice.send("delete_message", message_id=acks[1]["message_id"], mode="everyone")
        await told(alice, "message_deleted", acks[1]["message_id"])
    start = {"epoch": welcome["epoch"], "cursor": welcome["cursor"]}
    async with synced(stack, "eve", **start) as again:
        replayed = [f for f in again.frames if f["type"] not in OF_THE_SOCKET]
    assert [f["type"] for f in replayed] == ["message"] * 3 + ["message_deleted"]
    assert [f["content"] for f in replayed[:3]] == ["a", "", "c"]
    assert replayed[1]["deleted_at"] == replayed[3]["deleted_at"]
    assert replayed[3]["cursor"] - replayed[2]["cursor"] == 4


# ------------------------------------------------------------------ reactions and replies


async def test_a_reaction_is_one_of_each_emoji_and_can_be_taken_back(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        http(stack, "alice") as api,
    ):
        ack = await alice.message("bob", "nice?")
        about = {"message_id": ack["message_id"]}
        for emoji in (THUMB, HEART, THUMB):  # the third is a repeat
            await bob.send("react", emoji=emoji, **about)
        await alice.next("reaction", user_id="bob", emoji=HEART, **about)
        await alice.send("react", emoji=HEART, **about)
        await alice.next("reaction", user_id="alice", **about)
        both = (await last(api, ack["conversation_id"]))["reactions"]
        await bob.send("react", emoji=HEART, remove=True, client_id="r1", **about)
        await bob.outcome("r1")
        left = (await last(api, ack["conversation_id"]))["reactions"]
        await alice.settled()
    shown = [
        f for f in alice.frames if f["type"] == "reaction" and f["message_id"] == ack["message_id"]
    ]
    assert [(f["user_id"], f["emoji"], f["removed"]) for f in shown] == [
        ("bob", THUMB, False),
        ("bob", HEART, False),
        ("alice", HEART, False),
        ("bob", HEART, True),
    ]
    assert [f["version"] for f in shown] == [2, 3, 4, 5]
    assert both == [
        {"emoji": THUMB, "user_ids": ["bob"]},
        {"emoji": HEART, "user_ids": ["bob", "alice"]},
    ]
    assert left == [{"emoji": THUMB, "user_ids": ["bob"]}, {"emoji": HEART, "user_ids": ["alice"]}]


async def test_a_reply_names_a_message_of_the_same_conversation(stack: Stack) -> None:
    async with synced(stack, "alice") as alice, synced(stack, "bob") as bob:
        first = await alice.message("bob", "question?")
        elsewhere = await alice.message("carol", "secret")
        answer = await bob.message("alice", "answer!", reply_to=first["message_id"])
        frame = await told(alice, "message", answer["message_id"])
        wrong = [
            await bob.message("alice", "?", f"wrong-{message_id}", reply_to=message_id)
            for message_id in (elsewhere["message_id"], 2**53 - 1)
        ]
        conflict = await bob.message("alice", "answer!", answer["client_id"])
    assert frame["reply_to"] == first["message_id"]
    assert {(error["code"], error["message"]) for error in wrong} == {
        ("not_found", "There is no such message to reply to")
    }
    assert conflict["code"] == "client_id_conflict"


# ------------------------------------------------------------------ over HTTP


async def test_s35_many_are_deleted_with_an_answer_for_each(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        http(stack, "bob") as bobs,
        http(stack, "carol") as carols,
    ):
        acks = [await alice.message("bob", text) for text in ("x", "y")]
        ids = [ack["message_id"] for ack in acks]
        everyone = await bobs.post("/v1/messages/delete", {"message_ids": ids, "mode": "everyone"})
        mine = await bobs.post(
            "/v1/messages/delete", {"message_ids": [ids[0], 2**53 - 1, ids[0]], "mode": "me"}
        )
        outsider = await carols.request("DELETE", f"/v1/messages/{ids[1]}", mode="me")
        absent = await carols.request("DELETE", f"/v1/messages/{2**53 - 1}", mode="me")
        rows = await bobs.history(acks[0]["conversation_id"])
    assert [r["error"]["code"] for r in everyone.json()["results"]] == ["forbidden"] * 2
    results = mine.json()["results"]
    assert [(r["message_id"], r["deleted"]) for r in results] == [
        (ids[0], True),
        (2**53 - 1, False),
        (ids[0], True),
    ]
    assert results[1]["error"]["code"] == "not_found"
    assert (outsider.status_code, outsider.json()) == (absent.status_code, absent.json())
    assert outsider.status_code == 404
    assert [row["message_id"] for row in rows[-1:]] == [ids[1]]


async def test_edit_react_and_delete_over_http(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        http(stack, "alice") as api,
    ):
        ack = await alice.message("bob", "by socket")
        path = f"/v1/messages/{ack['message_id']}"
        answers = [
            await api.request("PATCH", path, {"content": "by HTTP"}),
            await api.post(f"{path}/reactions", {"emoji": THUMB}),
            await api.post(f"{path}/reactions", {"emoji": THUMB, "remove": True}),
            await api.request("DELETE", path, mode="everyone"),
            await api.request("DELETE", path, {"mode": "me"}),
        ]
        frames = [
            await told(bob, kind, ack["message_id"])
            for kind in ("message_updated", "reaction", "reaction", "message_deleted")
        ]
        late = await api.request("PATCH", path, {"content": "too late"})
    assert [answer.status_code for answer in answers] == [204] * 5
    assert frames[0]["content"] == "by HTTP"
    assert [frame["removed"] for frame in frames[1:3]] == [False, True]
    assert late.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/v1/messages/x", {"content": "a"}, 404),
        ("PATCH", "/v1/messages/0", {"content": "a"}, 404),
        ("PATCH", "/v1/messages/1", {"content": ""}, 400),
        ("PATCH", "/v1/messages/1", {}, 400),
        ("DELETE", "/v1/messages/1?mode=all", None, 400),
        ("DELETE", "/v1/messages/1?Mode=me", None, 400),
        ("DELETE", "/v1/messages/1", None, 400),
        ("POST", "/v1/messages/1/reactions", {"emoji": "x" * 33}, 400),
        ("POST", "/v1/messages/delete", {"message_ids": [], "mode": "me"}, 400),
        ("POST", "/v1/messages/delete", {"message_ids": [1] * 101, "mode": "me"}, 400),
        ("POST", "/v1/messages/delete", {"message_ids": [1], "mode": "all"}, 400),
    ],
)
async def test_a_faulty_request_is_named(
    stack: Stack, method: str, path: str, body: Any, status: int
) -> None:
    async with http(stack, "alice") as api:
        answer = await api.request(method, path, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
