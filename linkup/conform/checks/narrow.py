"""Checks of the narrower sockets: one conversation, or none."""

from linkup.conform.check import checks
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect


async def the_chat_view_shows_one_conversation(scene: Scene) -> None:
    """`/ws/chat/{user_id}/` is limited to that conversation; a message needs no `to`."""
    alice, carol = await scene.enter("alice"), await scene.enter("carol")
    bob = await scene.enter("bob", path=f"/ws/chat/{alice.user_id}/")
    await bob.send("message", client_id="open", content="without to")
    conversation_id = (await bob.outcome("open")).get("conversation_id")
    said = await alice.next("message", content="without to")
    expect("where it went", said["conversation_id"], conversation_id)
    await carol.acked(bob.user_id, "elsewhere")
    await alice.acked(bob.user_id, "here")
    await bob.next("message", content="here")
    expect("what was shown", [one["content"] for one in bob.received("message")], ["here"])
    pong = await bob.settled()
    demand(pong["cursor"] >= bob.received("message")[0]["cursor"], "no cursor behind it", pong)


async def a_chat_with_nobody_is_closed(scene: Scene) -> None:
    """`/ws/chat/…` of an unknown user sends `not_found` and closes with 4404."""
    bob = await scene.socket("bob", path=f"/ws/chat/{scene.user('nobody-at-all')}/")
    await bob.send("hello", token=await scene.token("bob"))
    expect("the code", (await bob.next("error"))["code"], "not_found")
    expect("the close code", await bob.closed(), 4404)


async def the_notifications_view_shows_no_conversation(scene: Scene) -> None:
    """`/ws/notifications/` sends no frame of a conversation, and its cursor advances."""
    alice, wide = await scene.enter("alice"), await scene.enter("bob")
    bob = await scene.enter("bob", path="/ws/notifications/")
    before = bob.frames[0]["cursor"]
    await alice.acked(wide.user_id, "not for this view")
    shown = await wide.next("message")
    await wide.send("mark_chat_read", conversation_id=shown["conversation_id"], client_id="r")
    await wide.outcome("r")
    while (pong := await bob.settled())["cursor"] == before:
        await wide.settled()  # what is not shown is stepped over as soon as it comes
    demand(pong["cursor"] > before, "a cursor that moves on", pong)
    for kind in ("message", "receipt"):
        expect(f"any {kind}", bob.received(kind), [])


CHECKS = checks(
    "narrow",
    "connecting",
    ("", the_chat_view_shows_one_conversation),
    ("", a_chat_with_nobody_is_closed),
    ("", the_notifications_view_shows_no_conversation),
)
