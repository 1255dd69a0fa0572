"""Checks of the live feed: every device, each thing once, cursors without gap or repeat."""

from typing import Any

from linkup.conform.check import checks
from linkup.conform.player import Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect


async def every_device_receives_each_message_once(scene: Scene) -> None:
    """All devices of the recipient, and other devices of the sender, get each message once."""
    laptop, phone = await scene.enter("alice"), await scene.enter("alice")
    desk, pocket = await scene.enter("bob"), await scene.enter("bob")
    ids = [(await laptop.acked(desk.user_id, f"{n}"))["message_id"] for n in range(5)]
    for device in (phone, desk, pocket):
        await device.next("message", message_id=ids[-1])
        expect("the messages", [m["message_id"] for m in device.received("message")], ids)


async def cursors_have_no_gap_and_no_repeat(scene: Scene) -> None:
    """The cursors of a recipient's feed frames are consecutive."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    start = bob.frames[-1]["cursor"]
    for n in range(6):
        await alice.acked(bob.user_id, f"{n}")
    await bob.next("message", content="5")
    expect("the cursors", bob.cursors(), list(range(start + 1, start + 7)))


async def the_sender_gets_the_ack_alone(scene: Scene) -> None:
    """The WebSocket that sent a message gets the ack, and no `message` frame for it."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    for n in range(3):
        await alice.acked(bob.user_id, f"{n}")
    await bob.acked(alice.user_id, "an answer")
    await alice.next("message", content="an answer")
    own = [one for one in _after_acks(alice) if one["sender_id"] == alice.user_id]
    expect("own messages after their acks", own, [])


async def own_acks_fill_the_senders_feed(scene: Scene) -> None:
    """An ack takes a cursor of the sender's feed: the next frame has the one after it."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    start = alice.frames[-1]["cursor"]
    for n in range(3):
        await alice.acked(bob.user_id, f"{n}")
    await bob.acked(alice.user_id, "an answer")
    answer = await alice.next("message", content="an answer")
    expect("the cursor", answer["cursor"], start + 4)


async def an_ack_carries_no_cursor(scene: Scene) -> None:
    """An ack has no cursor."""
    alice = await scene.enter("alice")
    ack = await alice.acked(alice.user_id, "no cursor here")
    demand("cursor" not in ack, "an ack without cursor", ack)


async def the_frame_equals_the_history(scene: Scene) -> None:
    """The history returns a message with the fields of its `message` frame."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "one and the same")
    got = await bob.next("message")
    row = (await (await scene.api("bob")).page(ack["conversation_id"]))["messages"][-1]
    same = ("message_id", "conversation_id", "seq", "version", "sender_id", "content", "updated_at")
    expect("the frame", {k: got[k] for k in same}, {k: row[k] for k in same})


async def messages_over_http_arrive_live(scene: Scene) -> None:
    """A message sent over HTTP reaches all WebSockets of both users."""
    alice, bob, api = await scene.enter("alice"), await scene.enter("bob"), await scene.api("alice")
    body = {"to": bob.user_id, "content": "by post", "client_id": "by-post"}
    answer = await api.post("/v1/messages", body)
    expect("the status", answer.status, 201)
    for one in (alice, bob):
        await one.next("message", message_id=answer.json()["message_id"], content="by post")


async def strangers_hear_nothing(scene: Scene) -> None:
    """The messages of two users reach no other user."""
    alice, bob, eve = [await scene.enter(role) for role in ("alice", "bob", "eve")]
    ack = await alice.acked(bob.user_id, "between us")
    await bob.send("mark_chat_read", conversation_id=ack["conversation_id"], up_to=1)
    await alice.next("receipt")
    await alice.acked(eve.user_id, "for eve")
    await eve.next("message", content="for eve")
    heard = [m for kind in ("message", "receipt") for m in eve.received(kind)]
    expect("what eve heard", [m.get("content") for m in heard], ["for eve"])


async def pong_echoes_its_timestamp(scene: Scene) -> None:
    """`pong` returns the timestamp of `ping`: an integer, a fraction or a text."""
    alice = await scene.enter("alice")
    for stamp in (1, 12.5, "a text"):
        await alice.send("ping", timestamp=stamp)
        expect("the timestamp", (await alice.next("pong")).get("timestamp"), stamp)


async def pongs_come_in_order(scene: Scene) -> None:
    """Each `ping` is answered with a `pong`, in order."""
    alice = await scene.enter("alice")
    for number in range(10):
        await alice.send("ping", timestamp=number)
    stamps = [(await alice.next("pong"))["timestamp"] for _ in range(10)]
    expect("the timestamps", stamps, list(range(10)))


async def pong_tells_the_sockets_own_cursor(scene: Scene) -> None:
    """The cursor of `pong` is that of the last feed frame sent before it."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    for n in range(4):
        await alice.acked(bob.user_id, f"{n}")
    await bob.next("message", content="3")
    pong = await bob.settled()
    expect("the pong's cursor", pong["cursor"], bob.cursors()[-1])


async def pong_never_runs_ahead(scene: Scene) -> None:
    """Every feed frame after a `pong` has a higher cursor than the `pong`."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    for n in range(8):
        await alice.send("message", to=bob.user_id, content=f"{n}", client_id=f"mix-{n}")
        await bob.send("ping", timestamp=n)
    await bob.next("message", content="7")
    await bob.settled()
    told = bob.frames[1]["cursor"]
    for frame in bob.frames[2:]:
        if frame["type"] == "badge_update":
            continue  # no frame of the feed
        step = frame["cursor"] - told
        ordered = step == 0 if frame["type"] == "pong" else step == 1
        demand(ordered, f"a {frame['type']} that fits cursor {told}", frame)
        told = frame["cursor"]


def _after_acks(player: Player) -> list[dict[str, Any]]:
    """Messages whose client_id was acknowledged to this socket before they came."""
    acked: set[str] = set()
    found = []
    for frame in player.frames:
        if frame["type"] == "ack":
            acked.add(frame["client_id"])
        if frame["type"] == "message" and frame["client_id"] in acked:
            found.append(frame)
    return found


CHECKS = checks(
    "feed",
    "frames",
    ("C5", every_device_receives_each_message_once),
    ("C5", cursors_have_no_gap_and_no_repeat),
    ("C5", the_sender_gets_the_ack_alone),
    ("C5", own_acks_fill_the_senders_feed),
    ("C5", an_ack_carries_no_cursor),
    ("C5", the_frame_equals_the_history),
    ("C5", messages_over_http_arrive_live),
    ("C9", strangers_hear_nothing),
    ("", pong_echoes_its_timestamp),
    ("", pongs_come_in_order),
    ("C5", pong_tells_the_sockets_own_cursor),
    ("C5", pong_never_runs_ahead),
)
