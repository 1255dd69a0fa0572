"""Blocks over real sockets: what is refused, what is kept secret, and what still works."""

import asyncio
import itertools

import pytest

from shared.subjects import direct_conversation_id
from tests.support.peer import Frame, Http, Peer, http, synced
from tests.support.stack import Stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

names = itertools.count()


async def two(stack: Stack) -> tuple[str, str]:
    """Users of this test alone, who have talked."""
    one, other = (f"{name}{next(names)}" for name in ("ann", "ben"))
    async with synced(stack, other), synced(stack, one) as first, synced(stack, other) as second:
        await first.message(other, "hello")
        await second.message(one, "hi")
    return one, other


async def block(api: Http, user_id: str) -> None:
    assert (await api.post("/v1/blocks", {"user_id": user_id})).status_code == 204


async def unblock(api: Http, user_id: str) -> None:
    assert (await api.request("DELETE", f"/v1/blocks/{user_id}")).status_code == 204


async def row(api: Http, peer: str) -> Frame:
    page = (await api.get("/v1/conversations", peer=peer)).raise_for_status().json()
    [found] = page["conversations"]
    return dict(found)


async def test_s54_d16_who_is_blocked_is_refused_as_if_the_other_were_not_there(
    stack: Stack,
) -> None:
    one, other = await two(stack)
    async with http(stack, one) as api, synced(stack, one) as ann, synced(stack, other) as ben:
        await block(api, other)
        refused = await ben.message(one, "let me in")
        absent = await ben.message("nobody-at-all", "let me in")
        assert {**refused, "client_id": ""} == {**absent, "client_id": ""}
        assert (refused["code"], refused["temporary"]) == ("not_found", False)
        own = await ann.message(other, "by the way")
        assert own["code"] == "forbidden"
        await unblock(api, other)
        assert (await ben.message(one, "thank you"))["type"] == "ack"
        assert (await ann.next("message", content="thank you"))["sender_id"] == other
        await ann.settled()
        assert "let me in" not in [frame.get("content") for frame in ann.frames]


async def test_s54_all_devices_of_who_blocks_are_told_and_nobody_else(stack: Stack) -> None:
    one, other = await two(stack)
    async with http(stack, one) as api, synced(stack, one) as ann, synced(stack, one) as tablet:  # noqa: SIM117
        async with http(stack, other) as theirs, synced(stack, other) as ben:
            await block(api, other)
            for device in (ann, tablet):
                told = await device.next("conversation")
                assert (told["change"], told["blocked"]) == ("settings", True)
            assert (await row(api, other))["blocked"] is True
            assert (await row(theirs, one))["blocked"] is False
            page = (await api.get("/v1/blocks")).json()
            assert [b["user_id"] for b in page["blocks"]] == [other]
            assert (page["next"], page["cursor"]) == (None, told["cursor"])
            assert (await theirs.get("/v1/blocks")).json()["blocks"] == []
            await block(api, other)
            await unblock(api, other)
            assert (await ann.next("conversation"))["blocked"] is False
            await ben.settled()
            assert [f["type"] for f in ben.frames if "cursor" in f][-1] == "pong"
            assert not [f for f in ben.frames if f["type"] == "conversation"]


async def test_s54_the_list_of_blocks_has_pages(stack: Stack) -> None:
    one, _ = await two(stack)
    others = sorted([(await two(stack))[1] for _ in range(3)])
    async with http(stack, one) as api:
        for other in others:
            await block(api, other)
        first = (await api.get("/v1/blocks", limit=2)).json()
        rest = (await api.get("/v1/blocks", limit=2, after=first["next"])).json()
        assert [b["user_id"] for b in first["blocks"] + rest["blocks"]] == others
        assert rest["next"] is None


async def test_s54_across_a_block_nobody_is_online(stack: Stack) -> None:
    """Also where it was known before: what is remembered of it goes with the block."""
    one, other = await two(stack)
    async with http(stack, one) as api, synced(stack, one) as ann, synced(stack, other) as ben:
        for device, peer in ((ben, one), (ann, other)):
            await device.send("presence_subscribe", user_ids=[peer])
            assert (await device.next("presence", user_id=peer))["is_online"] is True
        await block(api, other)
        for device, peer in ((ben, one), (ann, other)):
            told = await device.next("presence", user_id=peer)
            assert (told["is_online"], told["last_seen"]) == (False, None)
            async with http(stack, device.user_id) as asking:
                assert (await asking.get(f"/v1/users/{peer}/status")).status_code == 404
        await unblock(api, other)
        await ben.send("presence_subscribe", user_ids=[one])
        assert (await ben.next("presence", user_id=one))["is_online"] is True


async def test_s54_across_a_block_nobody_types(stack: Stack) -> None:
    """Also who has typed a moment before, so that the members are still remembered."""
    one, other = await two(stack)
    async with http(stack, one) as api, synced(stack, one) as ann, synced(stack, other) as ben:  # noqa: SIM117
        async with synced(stack, "carol") as carol:
            for typist in (ann, ben):
                await typist.message("carol", "hello")
                await hears(typist, carol)
            await hears(ben, ann)
            await hears(ann, ben)
            await block(api, other)
            for typist, reader in ((ben, ann), (ann, ben)):
                await reader.settled()
                mark = len(reader.frames)
                await typist.send("typing", to=reader.user_id, is_typing=False)
                await hears(typist, carol)  # a user's chores are done in order
                await reader.settled()
                assert not [f for f in reader.frames[mark:] if f["type"] == "typing"]
            await unblock(api, other)
            await hears(ben, ann)


async def hears(typist: Peer, reader: Peer) -> None:
    """Type until the other hears it: what comes too fast is dropped."""

    async def heard() -> bool:
        await typist.send("typing", to=reader.user_id, is_typing=True)
        await typist.settled()
        await reader.settled()
        return any(
            f["type"] == "typing" and f["user_id"] == typist.user_id for f in reader.frames[mark:]
        )

    mark = len(reader.frames)
    await eventually(heard)


async def test_s54_who_blocks_leaves_no_more_ticks_and_has_nothing_unread(stack: Stack) -> None:
    one, other = await two(stack)
    async with http(stack, one) as api, http(stack, other) as theirs, synced(stack, one) as ann:
        place = direct_conversation_id(one, other)
        assert (await row(api, other))["unread_count"] == 1
        await block(api, other)
        assert (await row(api, other))["unread_count"] == 0
        assert (await api.get("/v1/unread")).json()["unread_count"] == 0
        before = (await row(theirs, one))["peer_read_seq"]
        await ann.send("mark_chat_read", conversation_id=place, up_to=2, client_id="mark")
        assert (await ann.outcome("mark"))["type"] == "ack"
        assert (await row(theirs, one))["peer_read_seq"] == before
        await unblock(api, other)
        assert (await row(api, other))["unread_count"] == 1


async def test_s54_neither_brings_the_other_into_a_group(stack: Stack) -> None:
    one, other = await two(stack)
    async with http(stack, one) as api, http(stack, other) as theirs:
        await block(api, other)
        asked = {"title": "Come in", "members": [one]}
        refused = await theirs.post("/v1/conversations", asked)
        absent = await theirs.post("/v1/conversations", {**asked, "members": ["nobody-at-all"]})
        assert (refused.status_code, refused.json()) == (404, absent.json())
        asked["members"] = [other]
        assert (await api.post("/v1/conversations", asked)).status_code == 403


async def test_s54_a_group_that_both_are_in_goes_on(stack: Stack) -> None:
    one, other = await two(stack)
    async with http(stack, one) as api, synced(stack, one) as ann, synced(stack, other) as ben:
        asked = {"title": "Both", "members": [other]}
        made = (await api.post("/v1/conversations", asked)).raise_for_status().json()
        place = made["conversation"]["conversation_id"]
        await block(api, other)
        await ben.send("message", conversation_id=place, content="all of you", client_id="to-all")
        assert (await ben.outcome("to-all"))["type"] == "ack"
        await ann.next("message", content="all of you")


async def test_idor_a_block_of_nobody_and_of_oneself(stack: Stack) -> None:
    async with http(stack, "alice") as api:
        for user_id, status in (("nobody-at-all", 404), ("alice", 400), ("a/b", 400), ("", 400)):
            assert (await api.post("/v1/blocks", {"user_id": user_id})).status_code == status
        assert (await api.request("DELETE", "/v1/blocks/nobody-at-all")).status_code == 404


@pytest.mark.slow
async def test_c9_r12_a_message_that_meets_a_block_is_before_it_or_refused(stack: Stack) -> None:
    """Ben never stops writing while Ann blocks him and takes it back: in her feed no message of
    his stands behind a block, and what he sends once it is answered is refused."""
    one, other = await two(stack)
    async with http(stack, one) as api, synced(stack, one) as ann, synced(stack, other) as ben:
        assert (await ben.message(one, "first", "first"))["type"] == "ack"
        over = asyncio.Event()
        sending = asyncio.create_task(never_stops(ben, one, over))
        for round_ in range(20):
            await block(api, other)
            refused = await send_http(stack, other, one, f"late-{round_}")
            assert refused == 404
            await unblock(api, other)
        over.set()
        acked = await sending
        await ann.settled()
    blocked = False
    heard = []
    for frame in ann.frames:
        if frame["type"] == "conversation":
            blocked = frame["blocked"]
        elif frame["type"] == "message":
            assert not blocked
            heard.append(frame["client_id"])
    assert heard == ["first", *acked]


async def send_http(stack: Stack, user_id: str, to: str, client_id: str) -> int:
    body = {"to": to, "content": "late", "client_id": client_id}
    async with http(stack, user_id) as api:
        return (await api.post("/v1/messages", body)).status_code


async def never_stops(ben: Peer, to: str, over: asyncio.Event) -> list[str]:
    """Eight in flight; the ids of what was stored, in order."""
    outcomes: list[Frame] = []
    number = 0
    while not over.is_set():
        batch = [f"n{number + step}" for step in range(8)]
        number += 8
        for client_id in batch:
            await ben.send("message", to=to, content=client_id, client_id=client_id)
        outcomes += [await ben.outcome(client_id) for client_id in batch]
    assert {o["code"] for o in outcomes if o["type"] == "error"} <= {"not_found"}
    return [o["client_id"] for o in outcomes if o["type"] == "ack"]


async def test_f_p2_whether_somebody_is_blocked_is_one_question(stack: Stack) -> None:
    one, other = await two(stack)
    async with http(stack, one) as api:
        await block(api, other)
        page = (await api.get("/v1/blocks", user_id=other)).raise_for_status().json()
        assert ([shown["user_id"] for shown in page["blocks"]], page["next"]) == ([other], None)
        await unblock(api, other)
        assert (await api.get("/v1/blocks", user_id=other)).json()["blocks"] == []
