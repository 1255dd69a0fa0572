"""Requests for several messages, conversations or files at once, as the page sends them."""

import pytest

from tests.support.peer import Http, http, synced
from tests.support.stack import Stack
from tests.support.traffic import newcomers

pytestmark = pytest.mark.asyncio(loop_scope="session")


def listed(ids: list[int] | list[str]) -> str:
    return ",".join(map(str, ids))


async def groups(api: Http, count: int) -> list[str]:
    made = [
        await api.post("/v1/conversations", {"title": "g", "members": []}) for _ in range(count)
    ]
    return [answer.json()["conversation"]["conversation_id"] for answer in made]


async def test_f_p4_several_messages_are_one_question(stack: Stack) -> None:
    ann, ben = await newcomers(stack, "ann", "ben")
    large = "\U0001f30a" * 5_000
    async with synced(stack, ben), synced(stack, ann) as peer, http(stack, ann) as api:
        acks = [await peer.message(ben, content) for content in ("a", "b", "c")]
        acks += [await peer.message(ben, large) for _ in range(30)]
        path = f"/v1/conversations/{acks[0]['conversation_id']}/messages"
        ids = [ack["message_id"] for ack in acks]
        page = (await api.get(path, ids=listed([ids[2], 2**53 - 1, ids[0], ids[0]]))).json()
        assert [one["content"] for one in page["messages"]] == ["a", "c"]
        assert page["has_more"] is False
        page = (await api.get(path, ids=listed(ids))).json()
        told = [one["message_id"] for one in page["messages"]]
        assert told == ids[: len(told)]  # as much as one answer carries
        assert page["has_more"] is True
        page = (await api.get(path, ids=listed(ids[len(told) :]))).json()
        assert page["messages"][0]["message_id"] == ids[len(told)]
        assert (await api.get(path, ids=listed([1] * 101))).status_code == 400
        assert (await api.get(path, ids="1", before_id=1)).status_code == 400


async def test_f_p4_several_conversations_are_one_question(stack: Stack) -> None:
    user, other = await newcomers(stack, "ann", "ann")
    async with http(stack, other) as stranger, http(stack, user) as api:
        [theirs] = await groups(stranger, 1)
        first, second, _ = await groups(api, 3)
        page = (await api.get("/v1/conversations", ids=listed([second, theirs, first]))).json()
        told = {one["conversation_id"] for one in page["conversations"]}
        assert (told, page["next"]) == ({first, second}, None)
        assert (await api.get("/v1/conversations", ids=first, limit=1)).status_code == 400
        assert (await api.get("/v1/conversations", ids=first, peer=other)).status_code == 400


async def test_f_p4_several_files_are_one_question(stack: Stack) -> None:
    user, other = await newcomers(stack, "ann", "ann")
    async with http(stack, other) as stranger, http(stack, user) as api:
        theirs = await stranger.upload("hers.txt", b"hers")
        one, two = [await api.upload(name, b"text") for name in ("one.txt", "two.txt")]
        answer = await api.get("/v1/attachments", ids=listed([two, theirs, one, "0" * 32]))
        told = answer.raise_for_status().json()["attachments"]
        assert [file["attachment_id"] for file in told] == [two, one]
        assert told[1] == (await api.get(f"/v1/attachments/{one}")).json()
        assert (await api.get("/v1/attachments")).status_code == 400
