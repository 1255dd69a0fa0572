"""Checks of sending: what an ack says, and that a repeat is never a second message."""

import asyncio
from typing import Any

from linkup.conform.check import checks
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

SAME = ("message_id", "conversation_id", "seq", "created_at", "client_id")
EXACT = "  exactly\r\nas sent \U0001f600 <b>&amp;</b> '; drop table messages; -- \u202e  "


async def an_ack_names_what_history_holds(scene: Scene) -> None:
    """The history has an acknowledged message at once, with the values of the ack."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "stored")
    expect("duplicate", ack["duplicate"], False)
    row = (await (await scene.api("bob")).page(ack["conversation_id"]))["messages"][-1]
    expect("the row", {name: row[name] for name in SAME}, {name: ack[name] for name in SAME})


async def content_comes_exactly_as_sent(scene: Scene) -> None:
    """Content is stored and delivered exactly as sent: white space, markup, emoji."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, EXACT)
    expect("the frame's content", (await bob.next("message"))["content"], EXACT)
    row = (await (await scene.api("alice")).page(ack["conversation_id"]))["messages"][-1]
    expect("the stored content", row["content"], EXACT)


async def a_frame_has_its_fields(scene: Scene) -> None:
    """A `message` frame has cursor, ids, seq, version, sender, content and times."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "all there")
    got = await bob.next("message")
    expect("the frame", {name: got[name] for name in SAME}, {name: ack[name] for name in SAME})
    expect("the sender", got["sender_id"], alice.user_id)
    demand(got["version"] >= 1 and got["cursor"] >= 1, "a version and a cursor", got)
    demand(got["created_at"].endswith("Z"), "a time in UTC", got["created_at"])
    demand(next(iter(got)) in ("type", "cursor"), "the cursor in front", list(got))


async def resend_returns_the_first_ack(scene: Scene) -> None:
    """Resending a client_id returns the first ack with `duplicate: true`."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    first = await alice.acked(bob.user_id, "once", "again")
    again = await alice.acked(bob.user_id, "once", "again")
    expect("the second ack", again, {**first, "duplicate": True})


async def resend_from_another_device(scene: Scene) -> None:
    """Resending from another device of the sender returns the first ack."""
    alice, phone = await scene.enter("alice"), await scene.enter("alice")
    first = await alice.acked(alice.user_id, "once", "again")
    again = await phone.acked(alice.user_id, "once", "again")
    expect("the second ack", again, {**first, "duplicate": True})


async def resend_after_reconnecting(scene: Scene) -> None:
    """Resending after a reconnect returns the first ack."""
    alice = await scene.enter("alice")
    first = await alice.acked(alice.user_id, "once", "again")
    await scene.leave(alice)
    back = await scene.enter("alice")
    again = await back.acked(alice.user_id, "once", "again")
    expect("the second ack", again, {**first, "duplicate": True})


async def resend_by_conversation(scene: Scene) -> None:
    """Resending to the conversation instead of the user returns the first ack."""
    alice = await scene.enter("alice")
    first = await alice.acked(alice.user_id, "once", "again")
    conversation_id = first["conversation_id"]
    await alice.send("message", conversation_id=conversation_id, content="once", client_id="again")
    expect("the second ack", await alice.outcome("again"), {**first, "duplicate": True})


async def resend_over_http(scene: Scene) -> None:
    """Resending a message of a WebSocket over HTTP returns 200 with `duplicate`."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    first = await alice.acked(alice.user_id, "once", "again")
    body = {"to": alice.user_id, "content": "once", "client_id": "again"}
    answer = await api.post("/v1/messages", body)
    expect("the status", answer.status, 200)
    expect("the answer", answer.json(), _without_type({**first, "duplicate": True}))


async def resend_of_a_post_over_the_socket(scene: Scene) -> None:
    """Resending a message of HTTP over a WebSocket returns the first ack."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    body = {"to": alice.user_id, "content": "once", "client_id": "again"}
    first = await api.post("/v1/messages", body)
    expect("the status", first.status, 201)
    again = await alice.acked(alice.user_id, "once", "again")
    expect("the ack", _without_type(again), {**first.json(), "duplicate": True})


async def posts_answer_201_then_200(scene: Scene) -> None:
    """POST /v1/messages returns 201; repeating it returns 200 with the same values."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    body = {"to": alice.user_id, "content": "once", "client_id": "again"}
    first, again = [await api.post("/v1/messages", body) for _ in range(2)]
    expect("the statuses", [first.status, again.status], [201, 200])
    expect("the repeat", again.json(), {**first.json(), "duplicate": True})


async def repeats_at_once_store_one(scene: Scene) -> None:
    """Eight copies sent at once over WebSocket and HTTP are stored as one message."""
    alice, phone, api = (
        await scene.enter("alice"), await scene.enter("alice"), await scene.api("alice"),
    )  # fmt: skip
    body = {"to": alice.user_id, "content": "once", "client_id": "storm"}
    acks, answers = await asyncio.gather(
        asyncio.gather(*(one.acked(alice.user_id, "once", "storm") for one in (alice, phone))),
        asyncio.gather(*(api.post("/v1/messages", body) for _ in range(6))),
    )
    bodies = [*acks, *(answer.json() for answer in answers)]
    ids = {one["message_id"] for one in bodies}
    demand(len(ids) == 1, "one message_id", bodies)
    stored = (await api.page(bodies[0]["conversation_id"]))["messages"]
    expect("the stored messages", len(stored), 1)
    expect("answers that are no duplicate", sum(not one["duplicate"] for one in bodies), 1)


async def a_repeat_is_not_delivered_again(scene: Scene) -> None:
    """The recipient receives a resent message once."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    for _ in range(3):
        await alice.acked(bob.user_id, "once", "again")
    await alice.acked(bob.user_id, "last")
    await bob.next("message", content="last")
    expect("what bob received", [one["content"] for one in bob.received("message")],
           ["once", "last"])  # fmt: skip


async def another_content_is_a_conflict(scene: Scene) -> None:
    """The same client_id with other content is `client_id_conflict`, which is not temporary."""
    alice = await scene.enter("alice")
    await alice.acked(alice.user_id, "one thing", "taken")
    error = await alice.message(alice.user_id, "another", "taken")
    _conflict(error)


async def another_recipient_is_a_conflict(scene: Scene) -> None:
    """The same client_id to another user is `client_id_conflict`; that user receives nothing."""
    alice, bob, carol = [await scene.enter(role) for role in ("alice", "bob", "carol")]
    await alice.acked(bob.user_id, "for bob", "taken")
    _conflict(await alice.message(carol.user_id, "for bob", "taken"))
    await alice.acked(carol.user_id, "for carol")
    await carol.next("message", content="for carol")
    expect("what carol received", len(carol.received("message")), 1)


async def a_conflict_over_http_is_409(scene: Scene) -> None:
    """A conflict over HTTP is answered with 409, the code and the client_id."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    await alice.acked(alice.user_id, "one thing", "taken")
    body = {"to": alice.user_id, "content": "another", "client_id": "taken"}
    answer = await api.post("/v1/messages", body)
    expect("the status", answer.status, 409)
    expect("the code", answer.json()["code"], "client_id_conflict")
    expect("the client_id", answer.json()["client_id"], "taken")


async def client_ids_belong_to_their_sender(scene: Scene) -> None:
    """Two senders may use the same client_id."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    one = await alice.acked(bob.user_id, "mine", "shared")
    two = await bob.acked(alice.user_id, "mine too", "shared")
    expect("duplicates", [one["duplicate"], two["duplicate"]], [False, False])


async def ids_that_look_alike_are_two(scene: Scene) -> None:
    """Two client_ids that differ in case are different."""
    alice = await scene.enter("alice")
    one, two = [await alice.acked(alice.user_id, "same", key) for key in ("Key", "kEY")]
    demand(one["message_id"] != two["message_id"], "two messages", [one, two])


async def writing_to_oneself(scene: Scene) -> None:
    """A message to oneself reaches the user's other devices and does not count as unread."""
    alice, phone, api = (
        await scene.enter("alice"), await scene.enter("alice"), await scene.api("alice"),
    )  # fmt: skip
    ack = await alice.acked(alice.user_id, "note")
    await phone.next("message", message_id=ack["message_id"])
    chat = await api.chat(ack["conversation_id"])
    expect("the other side", chat["peer"]["user_id"], alice.user_id)
    expect("what is unread", chat["unread_count"], 0)


async def both_sides_share_a_conversation(scene: Scene) -> None:
    """Both users of a direct conversation see the same conversation_id."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    there = await alice.acked(bob.user_id, "there")
    back = await bob.acked(alice.user_id, "and back")
    expect("the conversation", back["conversation_id"], there["conversation_id"])


async def by_conversation_id(scene: Scene) -> None:
    """A message may have `conversation_id` in place of `to`."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    first = await alice.acked(bob.user_id, "first")
    conversation_id = first["conversation_id"]
    await bob.send("message", conversation_id=conversation_id, content="second", client_id="second")
    expect("the seq", (await bob.outcome("second"))["seq"], first["seq"] + 1)


def _conflict(error: dict[str, Any]) -> None:
    expect("the frame", error["type"], "error")
    expect("the code", error["code"], "client_id_conflict")
    expect("temporary", error.get("temporary"), False)


def _without_type(ack: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in ack.items() if name != "type"}


CHECKS = checks(
    "message",
    "frames",
    ("C1", an_ack_names_what_history_holds),
    ("C1", content_comes_exactly_as_sent),
    ("", a_frame_has_its_fields),
    ("C3", resend_returns_the_first_ack),
    ("C3", resend_from_another_device),
    ("C3", resend_after_reconnecting),
    ("C3", resend_by_conversation),
    ("C3", resend_over_http),
    ("C3", resend_of_a_post_over_the_socket),
    ("C3", posts_answer_201_then_200),
    ("C3", repeats_at_once_store_one),
    ("C3", a_repeat_is_not_delivered_again),
    ("C3", another_content_is_a_conflict),
    ("C3", another_recipient_is_a_conflict),
    ("C3", a_conflict_over_http_is_409),
    ("C3", client_ids_belong_to_their_sender),
    ("C3", ids_that_look_alike_are_two),
    ("", writing_to_oneself),
    ("", both_sides_share_a_conversation),
    ("", by_conversation_id),
)
