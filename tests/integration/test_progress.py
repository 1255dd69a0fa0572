"""The progress of a message, through real sockets, processes and files."""

import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.peer import Frame, Http, http, peer, synced
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADDRESS = "bob@example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Unread messages are e-mailed at once, into a folder. Only bob has an address."""
    async with run_stack(
        tmp_path_factory.mktemp("stack"), notify_email_after=0.0, **UNLIMITED
    ) as running:
        await make_known(running, ["alice", "bob", "carol", "eve"])
        async with peer(running, "bob", token=running.token("bob", email=ADDRESS)):
            yield running


async def found(api: Http, what: str, message_id: int) -> Frame:
    answer = await api.get(f"/v1/messages/{message_id}/{what}")
    body: Frame = answer.raise_for_status().json()
    return body


def steps(timeline: Frame) -> list[str]:
    return [step["step"] for step in timeline["steps"] if step["step"] != "notification"]


def at(timeline: Frame, name: str) -> Any:
    [step] = [step for step in timeline["steps"] if step["step"] == name]
    return step["at"]


async def notification(api: Http, message_id: int, *outcomes: str) -> Frame:
    """The step of it, once it has one of these outcomes."""
    got: list[Frame] = []

    async def reached() -> bool:
        timeline = await found(api, "timeline", message_id)
        if timeline["notifications"] != "complete":
            return False  # notify took longer than it is waited for
        got[:] = [one for one in timeline["steps"] if one["step"] == "notification"]
        return [one["outcome"] for one in got] in [[outcome] for outcome in outcomes]

    await eventually(reached)
    return got[0]


async def test_s55_each_step_of_a_message_has_the_time_that_was_told(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "carol") as carol,
        http(stack, "alice") as api,
    ):
        ack = await alice.message("carol", "where are you?")
        place, seq, said = ack["conversation_id"], ack["seq"], ack["message_id"]
        assert steps(await found(api, "timeline", said)) == ["accepted", "committed"]
        await carol.send("delivered", conversation_id=place, seq=seq)
        delivered = await alice.next("receipt", user_id="carol", delivered_seq=seq)
        await carol.send("mark_chat_read", conversation_id=place, up_to=seq)
        read = await alice.next("receipt", user_id="carol", read_seq=seq)
        timeline = await found(api, "timeline", said)
        receipts = await found(api, "receipts", said)
    assert steps(timeline) == ["accepted", "committed", "delivered", "read"]
    assert at(timeline, "committed") == ack["created_at"]
    assert (at(timeline, "delivered"), at(timeline, "read")) == (delivered["at"], read["at"])
    [receipt] = receipts["receipts"]
    assert (receipt["user_id"], receipt["delivered"], receipt["read"]) == ("carol", True, True)
    assert (receipt["delivered_at"], receipt["read_at"]) == (delivered["at"], read["at"])
    assert (timeline["client_id"], timeline["seq"]) == (ack["client_id"], seq)
    for body in (timeline, receipts):
        assert body["cursor"] == read["cursor"]
        assert (body["member_count"], body["delivered_count"], body["read_count"]) == (1, 1, 1)


async def test_s51_an_email_is_a_step_and_the_address_is_not_told(stack: Stack) -> None:
    async with synced(stack, "alice") as alice, http(stack, "alice") as api:
        to_bob = await alice.message("bob", "by mail")
        step = await notification(api, to_bob["message_id"], "sent")
        assert (step["user_id"], step["channel"]) == ("bob", "email")
        assert step["at"] > to_bob["created_at"]
        answer = await api.get(f"/v1/messages/{to_bob['message_id']}/timeline")
        assert ADDRESS not in answer.text
        to_carol = await alice.message("carol", "no mail")
        step = await notification(api, to_carol["message_id"], "no_address")
        assert "due_at" not in step


async def test_s51_a_notify_that_hangs_costs_its_steps_and_a_second(stack: Stack) -> None:
    async with synced(stack, "alice") as alice, http(stack, "alice") as api:
        ack = await alice.message("bob", "while notify hangs")
        await notification(api, ack["message_id"], "sent", "waiting")
        pid = stack.pids()["notify"]
        os.kill(pid, signal.SIGSTOP)
        try:
            timeline = await found(api, "timeline", ack["message_id"])
        finally:
            os.kill(pid, signal.SIGCONT)
        assert timeline["notifications"] == "unavailable"
        assert [step["step"] for step in timeline["steps"]] == ["accepted", "committed"]
        await eventually(lambda: answers(api, ack["message_id"]))


async def answers(api: Http, message_id: int) -> bool:
    return bool((await found(api, "timeline", message_id))["notifications"] == "complete")


@pytest.mark.parametrize("what", ["receipts", "timeline"])
async def test_c9_who_did_not_send_it_is_refused_and_others_learn_nothing(
    stack: Stack, what: str
) -> None:
    async with (
        synced(stack, "alice") as alice,
        http(stack, "alice") as own,
        http(stack, "bob") as bob,
        http(stack, "eve") as eve,
    ):
        ack = await alice.message("bob", "mine")
        path = f"/v1/messages/{ack['message_id']}/{what}"
        refused = await bob.get(path)
        foreign, absent = await eve.get(path), await eve.get(f"/v1/messages/{2**53 - 1}/{what}")
        malformed = await own.get(f"/v1/messages/x/{what}")
        unknown = await own.get(path, page=2)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert refused.json()["detail"] == "Only the sender of the message may do this"
    assert (foreign.status_code, foreign.json()) == (404, absent.json())
    assert malformed.json() == absent.json()
    assert (unknown.status_code, unknown.json()["code"]) == (400, "invalid_request")


async def test_s65_receipts_of_a_group_come_by_pages(stack: Stack) -> None:
    async with (
        http(stack, "alice") as api,
        synced(stack, "alice") as alice,
        synced(stack, "eve") as eve,
    ):
        body = {"title": "Pages", "members": ["bob", "carol", "eve"]}
        made = (await api.post("/v1/conversations", body)).json()["conversation"]
        place = made["conversation_id"]
        await alice.send("message", conversation_id=place, content="all", client_id="to-all")
        said = (await alice.outcome("to-all"))["message_id"]
        await eve.send("read_receipt", message_id=said, client_id="read")
        await eve.outcome("read")
        path = f"/v1/messages/{said}/receipts"
        first = (await api.get(path, limit=2)).json()
        rest = (await api.get(path, limit=2, after=first["next"])).json()
        none = await api.get(path, limit=0)
    shown = [(one["user_id"], one["read"]) for one in first["receipts"] + rest["receipts"]]
    assert shown == [("bob", False), ("carol", False), ("eve", True)]
    assert (rest["next"], first["member_count"], rest["read_count"]) == (None, 3, 1)
    assert none.status_code == 400
