"""Checks of the marks: delivered and read only grow, stay within bounds, and reach everybody."""

from linkup.conform.check import checks
from linkup.conform.player import Frame, Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

FAR = 2**53 - 1


async def delivered_reaches_the_sender(scene: Scene) -> None:
    """`delivered` moves the mark to `seq`, and the sender gets a `receipt`."""
    alice, bob, last = await _two_messages(scene)
    await bob.send("delivered", conversation_id=last["conversation_id"], seq=last["seq"])
    told = await alice.next("receipt", user_id=bob.user_id)
    expect("the marks", [told["delivered_seq"], told["read_seq"]], [2, 0])


async def a_receipt_has_its_fields(scene: Scene) -> None:
    """A `receipt` has a cursor, the conversation, the user, two valid marks and a time."""
    alice, bob, last = await _two_messages(scene)
    await bob.send("read_receipt", message_id=last["message_id"])
    told = await alice.next("receipt")
    expect("whose", told["user_id"], bob.user_id)
    expect("where", told["conversation_id"], last["conversation_id"])
    demand(0 <= told["read_seq"] <= told["delivered_seq"] <= last["seq"], "marks in bounds", told)
    demand(told["cursor"] >= 1 and told["at"].endswith("Z"), "a cursor and a time", told)


async def reading_counts_as_delivered(scene: Scene) -> None:
    """`read_receipt` moves both marks up to that message."""
    alice, bob, last = await _two_messages(scene)
    await bob.send("read_receipt", message_id=last["message_id"])
    told = await alice.next("receipt", user_id=bob.user_id)
    expect("the marks", [told["delivered_seq"], told["read_seq"]], [2, 2])


async def the_readers_other_devices_are_told(scene: Scene) -> None:
    """Reading on one device sends a `receipt` to the reader's other devices."""
    _, bob, last = await _two_messages(scene)
    tablet = await scene.enter("bob")
    await bob.send("mark_chat_read", conversation_id=last["conversation_id"], up_to=2)
    await tablet.next("receipt", user_id=bob.user_id, read_seq=2)


async def marks_never_move_back(scene: Scene) -> None:
    """A lower mark is acknowledged and changes nothing."""
    _, bob, last = await _two_messages(scene)
    conversation_id = last["conversation_id"]
    await bob.send("mark_chat_read", conversation_id=conversation_id, up_to=2, client_id="forth")
    expect("the outcome", (await bob.outcome("forth"))["type"], "ack")
    await bob.send("mark_chat_read", conversation_id=conversation_id, up_to=1, client_id="back")
    expect("the outcome", (await bob.outcome("back"))["type"], "ack")
    await bob.send("delivered", conversation_id=conversation_id, seq=1, client_id="back-2")
    await bob.outcome("back-2")
    expect("the marks", await _marks(scene, conversation_id), [2, 2])


async def marks_stop_at_the_last_message(scene: Scene) -> None:
    """A mark beyond the last message is set to the last message."""
    _, bob, last = await _two_messages(scene)
    conversation_id = last["conversation_id"]
    await bob.send("delivered", conversation_id=conversation_id, seq=FAR, client_id="far")
    await bob.outcome("far")
    expect("the marks", await _marks(scene, conversation_id), [2, 0])
    await bob.send(
        "mark_chat_read", conversation_id=conversation_id, up_to=FAR, client_id="further"
    )
    await bob.outcome("further")
    expect("the marks", await _marks(scene, conversation_id), [2, 2])


async def without_up_to_what_the_socket_was_sent(scene: Scene) -> None:
    """`mark_chat_read` without `up_to` marks messages sent to this WebSocket as read."""
    alice, bob, last = await _two_messages(scene)
    await bob.next("message", seq=last["seq"])
    await bob.send("mark_chat_read", conversation_id=last["conversation_id"])
    expect("the mark", (await alice.next("receipt"))["read_seq"], last["seq"])


async def without_up_to_never_past_what_was_sent(scene: Scene) -> None:
    """`mark_chat_read` without `up_to` has no effect if no message was sent to the WebSocket."""
    _, _, last = await _two_messages(scene)
    fresh = await scene.enter("bob")
    await fresh.send("mark_chat_read", conversation_id=last["conversation_id"], client_id="blind")
    await fresh.outcome("blind")
    expect("the marks", (await _marks(scene, last["conversation_id"]))[1], 0)


async def nobody_read_it_unless_the_client_says_so(scene: Scene) -> None:
    """Sending a message to a WebSocket moves no mark."""
    alice, bob, last = await _two_messages(scene)
    await bob.next("message", seq=last["seq"])
    await bob.settled()
    await alice.settled()
    expect("the receipts", alice.received("receipt"), [])
    expect("the marks", await _marks(scene, last["conversation_id"]), [0, 0])


async def a_mark_is_acknowledged(scene: Scene) -> None:
    """Each mark frame with a client_id is answered with an `ack` that has it."""
    _, bob, last = await _two_messages(scene)
    conversation_id = {"conversation_id": last["conversation_id"]}
    await bob.send("delivered", **conversation_id, seq=1, client_id="one")
    await bob.send("read_receipt", message_id=last["message_id"], client_id="two")
    await bob.send("mark_chat_read", **conversation_id, up_to=2, client_id="three")
    for client_id in ("one", "two", "three"):
        expect("the outcome", (await bob.outcome(client_id))["type"], "ack")


async def unread_counts_follow_the_mark(scene: Scene) -> None:
    """The inbox counts the messages after the read mark as unread."""
    _, bob, last = await _two_messages(scene)
    api = await scene.api("bob")
    counts = [(await api.chat(last["conversation_id"]))["unread_count"]]
    for seq in (1, 2):
        conversation_id = last["conversation_id"]
        await bob.send(
            "mark_chat_read", conversation_id=conversation_id, up_to=seq, client_id=f"to-{seq}"
        )
        await bob.outcome(f"to-{seq}")
        counts.append((await api.chat(conversation_id))["unread_count"])
    expect("the counts", counts, [2, 1, 0])


async def the_sender_sees_the_others_marks(scene: Scene) -> None:
    """The inbox of the sender has the marks of the other user."""
    _, bob, last = await _two_messages(scene)
    conversation_id = last["conversation_id"]
    await bob.send("mark_chat_read", conversation_id=conversation_id, up_to=2, client_id="read")
    await bob.outcome("read")
    chat = await (await scene.api("alice")).chat(conversation_id)
    expect("their marks", [chat["peer_delivered_seq"], chat["peer_read_seq"]], [2, 2])


async def a_receipt_is_missed_and_replayed(scene: Scene) -> None:
    """A `receipt` that the recipient missed is replayed."""
    alice, bob, last = await _two_messages(scene)
    settled = await alice.settled()
    await scene.leave(alice)
    await bob.send("mark_chat_read", conversation_id=last["conversation_id"], up_to=2)
    await bob.next("receipt", read_seq=2)
    epoch = alice.frames[0]["epoch"]
    back = await scene.enter("alice", epoch=epoch, cursor=settled["cursor"])
    reads = [one["read_seq"] for one in back.received("receipt")]
    expect("the last replayed read mark", reads[-1:], [2])


async def bulk_reading_moves_each_mark(scene: Scene) -> None:
    """`bulk_read_receipt` moves the mark of each conversation to its latest listed message."""
    alice, bob, last = await _two_messages(scene)
    carol = await scene.enter("carol")
    other = await carol.acked(bob.user_id, "three")
    ids = [last["message_id"], other["message_id"], last["message_id"] - 1]
    await bob.send("bulk_read_receipt", message_ids=ids, client_id="bulk")
    expect("the outcome", (await bob.outcome("bulk"))["type"], "ack")
    expect("the marks", await _marks(scene, last["conversation_id"]), [2, 2])
    expect("the other's", await _marks(scene, other["conversation_id"]), [1, 1])
    await alice.next("receipt", user_id=bob.user_id, read_seq=2)


async def bulk_reading_of_an_outsider(scene: Scene) -> None:
    """`bulk_read_receipt` of other users' messages is answered as for unknown messages."""
    _, _, last = await _two_messages(scene)
    eve = await scene.enter("eve")
    answers = []
    for message_id in (last["message_id"], FAR):
        await eve.send("bulk_read_receipt", message_ids=[message_id], client_id="try")
        answers.append(await eve.outcome("try"))
    expect("the code", answers[0].get("code"), "not_found")
    expect("the answer to what may not be seen", answers[0], answers[1])


async def _two_messages(scene: Scene) -> tuple[Player, Player, Frame]:
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    acks = [await alice.acked(bob.user_id, text) for text in ("one", "two")]
    return alice, bob, acks[-1]


async def _marks(scene: Scene, conversation_id: str) -> list[int]:
    chat = await (await scene.api("bob")).chat(conversation_id)
    return [chat["delivered_seq"], chat["read_seq"]]


CHECKS = checks(
    "mark",
    "marks",
    ("", delivered_reaches_the_sender),
    ("", a_receipt_has_its_fields),
    ("", reading_counts_as_delivered),
    ("C5", the_readers_other_devices_are_told),
    ("C4", marks_never_move_back),
    ("C4", marks_stop_at_the_last_message),
    ("", without_up_to_what_the_socket_was_sent),
    ("C9", without_up_to_never_past_what_was_sent),
    ("", nobody_read_it_unless_the_client_says_so),
    ("C2", a_mark_is_acknowledged),
    ("", unread_counts_follow_the_mark),
    ("", the_sender_sees_the_others_marks),
    ("C6", a_receipt_is_missed_and_replayed),
    ("C4", bulk_reading_moves_each_mark),
    ("C9", bulk_reading_of_an_outsider),
)
