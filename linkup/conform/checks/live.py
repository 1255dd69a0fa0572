"""Checks of what is told and never stored: typing, presence, the socket's status, its refresh."""

import asyncio
import time

from linkup.conform.check import checks
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect


async def typing_reaches_the_other_side(scene: Scene) -> None:
    """`typing` reaches all devices of the other user, with the user and the conversation."""
    alice, bob, phone = [await scene.enter(role) for role in ("alice", "bob", "bob")]
    ack = await alice.acked(bob.user_id, "hello")
    await alice.send("typing", to=bob.user_id, is_typing=True)
    for device in (bob, phone):
        told = await device.next("typing")
        found = [told["user_id"], told["conversation_id"], told["is_typing"]]
        expect("who, where, what", found, [alice.user_id, ack["conversation_id"], True])


async def typing_ends_at_once(scene: Scene) -> None:
    """A `typing` that stops directly after a start is sent to the other user."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "hello")
    await alice.send("typing", to=bob.user_id, is_typing=True)
    await bob.next("typing", is_typing=True)
    await alice.send("typing", conversation_id=ack["conversation_id"], is_typing=False)
    await bob.next("typing", is_typing=False)


async def typing_never_reaches_the_typist(scene: Scene) -> None:
    """No device of the user who types receives `typing`."""
    alice, tablet, bob = [await scene.enter(role) for role in ("alice", "alice", "bob")]
    await alice.acked(bob.user_id, "hello")
    await alice.send("typing", to=bob.user_id, is_typing=True)
    await bob.next("typing")
    await bob.acked(alice.user_id, "behind it")
    for device in (alice, tablet):
        await device.next("message", content="behind it")
        expect("what the typist was told", device.received("typing"), [])


async def typing_moves_no_cursor(scene: Scene) -> None:
    """`typing` has no cursor and is not replayed."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "hello")
    await alice.send("typing", to=bob.user_id, is_typing=True)
    told = await bob.next("typing")
    demand("cursor" not in told, "no cursor", told)
    back = await scene.enter("bob", epoch=bob.frames[0]["epoch"], cursor=0)
    expect("what was replayed", back.received("typing"), [])


async def typing_of_an_outsider_reaches_nobody(scene: Scene) -> None:
    """`typing` in a conversation of other users reaches nobody."""
    alice, bob, eve = [await scene.enter(role) for role in ("alice", "bob", "eve")]
    ack = await alice.acked(bob.user_id, "ours")
    await eve.send("typing", conversation_id=ack["conversation_id"], is_typing=True)
    await eve.acked(bob.user_id, "now we talk")
    await eve.send("typing", to=bob.user_id, is_typing=True)
    told = await bob.next("typing")
    demand(told["conversation_id"] != ack["conversation_id"], "only their own chat", told)
    await alice.settled()
    expect("what alice was told", alice.received("typing"), [])


async def presence_says_who_is_online(scene: Scene) -> None:
    """`presence_subscribe` returns the same `presence` as HTTP."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "hello")
    await alice.send("presence_subscribe", user_ids=[bob.user_id])
    told = await alice.next("presence")
    status = (await (await scene.api("alice")).get(f"/v1/users/{bob.user_id}/status")).json()
    wanted = {"user_id": bob.user_id, "is_online": True, "last_seen": None}
    expect("the frame", told, {"type": "presence", **wanted})
    expect("the status over HTTP", status, wanted)


async def who_is_soon_back_was_never_away(scene: Scene) -> None:
    """No `presence` is sent for a user who reconnects within five seconds."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "hello")
    await alice.send("presence_subscribe", user_ids=[bob.user_id])
    await alice.next("presence")
    for _ in range(3):
        await scene.leave(bob)
        bob = await scene.enter("bob")
    await bob.acked(alice.user_id, "back")
    await alice.next("message", content="back")
    expect("how often it was told", len(alice.received("presence")), 1)


async def presence_of_strangers(scene: Scene) -> None:
    """A user without a common conversation looks like one who does not exist."""
    alice, eve = await scene.enter("alice"), await scene.enter("eve")
    nobody = scene.user("nobody-at-all")
    await eve.send("presence_subscribe", user_ids=[alice.user_id, nobody])
    told = [await eve.next("presence") for _ in range(2)]
    expect("of whom", {one["user_id"] for one in told}, {alice.user_id, nobody})
    for one in told:
        expect("what is told", [one["is_online"], one["last_seen"]], [False, None])
    api = await scene.api("eve")
    pages = [await api.get(f"/v1/users/{one}/status") for one in (alice.user_id, nobody)]
    expect("the statuses", [page.status for page in pages], [404, 404])
    expect("the bodies", pages[0].body, pages[1].body)


async def the_status_says_where_the_socket_stands(scene: Scene) -> None:
    """`connection_status` has state, connection_id, connected_at, cursor and pending."""
    alice = await scene.enter("alice")
    await alice.send("get_connection_status")
    status = await alice.next("connection_status")
    welcome = alice.frames[0]
    for name in ("connection_id", "cursor"):
        expect(name, status[name], welcome[name])
    expect("the state", status["state"], "connected")
    demand(status["pending"] >= 0 and status["connected_at"].endswith("Z"), "the rest", status)


async def force_reconnect_ends_with_4000(scene: Scene) -> None:
    """`force_reconnect` is answered with `reconnect {after_ms, reason}` and close code 4000."""
    alice = await scene.enter("alice")
    await alice.send("force_reconnect")
    told = await alice.next("reconnect")
    demand(told["after_ms"] >= 0 and bool(told["reason"]), "after_ms and a reason", told)
    expect("the close code", await alice.closed(), 4000)


async def refresh_with_another_user(scene: Scene) -> None:
    """`refresh` with a token of another user, or an invalid one, is `unauthorized`."""
    alice = await scene.enter("alice")
    for token in (await scene.token("mallory"), "nonsense"):
        await alice.send("refresh", token=token, client_id="swap")
        error = await alice.outcome("swap")
        expect("the code", error.get("code"), "unauthorized")
    await alice.settled()


async def refresh_outlives_the_token(scene: Scene) -> None:
    """A refreshed WebSocket stays open when its first token expires."""
    alice = await scene.socket("alice")
    soon = int(time.time()) + 2
    await alice.send("hello", token=scene.deployment.sign(alice.user_id, exp=soon))
    await alice.next("welcome")
    token = scene.deployment.sign(alice.user_id)
    await alice.send("refresh", token=token, client_id="longer")
    expect("the outcome", (await alice.outcome("longer"))["type"], "ack")
    await asyncio.sleep(soon + 1 - time.time())
    await alice.settled()


CHECKS = checks(
    "live",
    "frames",
    ("", typing_reaches_the_other_side),
    ("", typing_ends_at_once),
    ("", typing_never_reaches_the_typist),
    ("C5", typing_moves_no_cursor),
    ("C9", typing_of_an_outsider_reaches_nobody),
    ("", presence_says_who_is_online),
    ("", who_is_soon_back_was_never_away),
    ("C9", presence_of_strangers),
    ("", the_status_says_where_the_socket_stands),
    ("", force_reconnect_ends_with_4000),
    ("C9", refresh_with_another_user),
    ("C9", refresh_outlives_the_token),
)
