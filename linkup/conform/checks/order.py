"""Checks of order: numbers without gaps, the sender's order kept, predecessors waited for."""

import asyncio

from linkup.conform.check import checks
from linkup.conform.player import Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

EACH = 12


async def seq_counts_from_one(scene: Scene) -> None:
    """The `seq` of a conversation begins at 1 and has no gaps."""
    alice = await scene.enter("alice")
    seqs = [(await alice.acked(alice.user_id, f"{n}"))["seq"] for n in range(5)]
    expect("the numbers", seqs, [1, 2, 3, 4, 5])


async def two_senders_at_once_leave_no_gap(scene: Scene) -> None:
    """Messages of two users who write at the same time get distinct `seq`s without gaps."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    first, _ = await asyncio.gather(_burst(alice, bob.user_id), _burst(bob, alice.user_id))
    pages = [
        (await (await scene.api(role)).page(first, limit=100))["messages"]
        for role in ("alice", "bob")
    ]
    expect("the numbers", [row["seq"] for row in pages[0]], list(range(1, 2 * EACH + 1)))
    expect("both views", pages[0], pages[1])


async def a_senders_order_is_kept(scene: Scene) -> None:
    """Messages sent at once on one WebSocket are stored and delivered in their order."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await _burst(alice, bob.user_id)
    for number in range(EACH):
        got = await bob.next("message")
        expect(f"message {number}", got["content"], f"{number}")


async def live_frames_come_in_seq_order(scene: Scene) -> None:
    """The `message` frames of a conversation arrive in the order of `seq`."""
    alice, bob, carol = [await scene.enter(role) for role in ("alice", "bob", "carol")]
    await asyncio.gather(_burst(alice, bob.user_id), _burst(carol, bob.user_id))
    for _ in range(2 * EACH):
        await bob.next("message")
    for sender in (alice, carol):
        seqs = [m["seq"] for m in bob.received("message") if m["sender_id"] == sender.user_id]
        expect("the numbers", seqs, list(range(1, EACH + 1)))


async def after_waits_for_its_predecessor(scene: Scene) -> None:
    """A message whose `after` is not stored is refused as `out_of_order`, which is temporary."""
    alice = await scene.enter("alice")
    error = await alice.message(alice.user_id, "second", "second", after="first")
    expect("the code", error.get("code"), "out_of_order")
    expect("temporary", error.get("temporary"), True)


async def after_follows_its_predecessor(scene: Scene) -> None:
    """A message whose `after` is stored is accepted."""
    alice = await scene.enter("alice")
    first = await alice.acked(alice.user_id, "first", "first")
    second = await alice.acked(alice.user_id, "second", "second", after="first")
    expect("the seq", second["seq"], first["seq"] + 1)


async def later_messages_wait_for_the_failed_one(scene: Scene) -> None:
    """After a temporary error, later messages are `out_of_order` until it is resent."""
    alice = await scene.enter("alice")
    await alice.message(alice.user_id, "second", "second", after="first")
    third = await alice.message(alice.user_id, "third", "third")
    expect("the code", third.get("code"), "out_of_order")
    seqs = [(await alice.acked(alice.user_id, key, key))["seq"] for key in ("first", "second")]
    fourth = await alice.message(alice.user_id, "fourth", "fourth")
    expect("the code, while the third has not come again", fourth.get("code"), "out_of_order")
    seqs += [(await alice.acked(alice.user_id, key, key))["seq"] for key in ("third", "fourth")]
    expect("the numbers", seqs, [1, 2, 3, 4])


async def other_conversations_do_not_wait(scene: Scene) -> None:
    """A failed message does not delay other conversations."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    held = await alice.message(alice.user_id, "second", "second", after="first")
    demand(held["type"] == "error", "an error first", held)
    await alice.acked(bob.user_id, "not held")


async def after_over_http(scene: Scene) -> None:
    """Over HTTP, a missing `after` is answered with 409 `out_of_order` and Retry-After."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    body = {"to": alice.user_id, "content": "second", "client_id": "second", "after": "first"}
    answer = await api.post("/v1/messages", body)
    problem = answer.json()
    found = [answer.status, problem["code"], problem["temporary"]]
    expect("the answer", found, [409, "out_of_order", True])


async def _burst(one: Player, to: str) -> str:
    """All at once, then all the acks; the conversation."""
    ids = [one.new_id() for _ in range(EACH)]
    for number, client_id in enumerate(ids):
        await one.send("message", to=to, client_id=client_id, content=f"{number}")
    acks = [await one.outcome(client_id) for client_id in ids]
    demand(all(ack["type"] == "ack" for ack in acks), "an ack for each", acks)
    return str(acks[0]["conversation_id"])


CHECKS = checks(
    "order",
    "frames",
    ("C4", seq_counts_from_one),
    ("C4", two_senders_at_once_leave_no_gap),
    ("C4", a_senders_order_is_kept),
    ("C4", live_frames_come_in_seq_order),
    ("C4", after_waits_for_its_predecessor),
    ("C4", after_follows_its_predecessor),
    ("C4", later_messages_wait_for_the_failed_one),
    ("C4", other_conversations_do_not_wait),
    ("C4", after_over_http),
)
