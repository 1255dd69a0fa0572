"""Checks of reactions and replies."""

from linkup.conform.check import checks
from linkup.conform.player import Frame, Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

ABSENT = 2**53 - 1
THUMB = "\U0001f44d"
HEART = "\u2764\ufe0f"


async def a_reaction_reaches_every_device(scene: Scene) -> None:
    """A `reaction` reaches all devices of both users, with a higher version."""
    alice, bob, ack = await _one_message(scene)
    tablet = await scene.enter("bob")
    await bob.send("react", message_id=ack["message_id"], emoji=THUMB)
    for device in (alice, bob, tablet):
        told = await device.next("reaction", message_id=ack["message_id"])
        found = [told["user_id"], told["emoji"], told["removed"]]
        expect("who, what, removed", found, [bob.user_id, THUMB, False])
        demand(told["version"] > 1 and told["cursor"] >= 1, "version and cursor", told)


async def one_of_each_emoji_per_user(scene: Scene) -> None:
    """Repeating a reaction is acknowledged and changes nothing."""
    alice, bob, ack = await _one_message(scene)
    for emoji in (THUMB, THUMB, HEART):
        expect("the outcome", (await _react(bob, ack, emoji))["type"], "ack")
    await alice.next("reaction", emoji=HEART)
    expect("the reactions told", [f["emoji"] for f in alice.received("reaction")], [THUMB, HEART])
    shown = await _shown(scene, ack)
    expect("those shown", shown, [[THUMB, [bob.user_id]], [HEART, [bob.user_id]]])


async def a_reaction_is_taken_back(scene: Scene) -> None:
    """`remove` removes one's own reaction, sends `reaction`, and keeps those of others."""
    alice, bob, ack = await _one_message(scene)
    await _react(bob, ack, THUMB)
    await _react(alice, ack, THUMB)
    await _react(bob, ack, THUMB, remove=True)
    told = await alice.next("reaction", removed=True)
    expect("whose", told["user_id"], bob.user_id)
    expect("what is left", await _shown(scene, ack), [[THUMB, [alice.user_id]]])


async def a_missed_reaction_is_replayed(scene: Scene) -> None:
    """A reaction that a user missed is replayed."""
    alice, bob, ack = await _one_message(scene)
    welcome = alice.frames[0]
    await scene.leave(alice)
    await _react(bob, ack, THUMB)
    back = await scene.enter("alice", epoch=welcome["epoch"], cursor=welcome["cursor"])
    expect("the replayed emoji", [f["emoji"] for f in back.received("reaction")], [THUMB])


async def a_reaction_of_an_outsider(scene: Scene) -> None:
    """A reaction to a message that one cannot see is answered as for an unknown one."""
    _, _, ack = await _one_message(scene)
    eve = await scene.enter("eve")
    answers = [await _react(eve, {"message_id": one}, THUMB) for one in (ack["message_id"], ABSENT)]
    expect("the code", answers[0].get("code"), "not_found")
    expect("the message", answers[0]["message"], answers[1]["message"])
    expect("what is shown", await _shown(scene, ack), [])


async def a_reaction_over_http(scene: Scene) -> None:
    """POST …/reactions adds and removes a reaction, with 204 and a `reaction` frame."""
    alice, _, ack = await _one_message(scene)
    api, path = await scene.api("bob"), f"/v1/messages/{ack['message_id']}/reactions"
    for removed in (False, True):
        answer = await api.post(path, {"emoji": HEART, "remove": removed})
        expect("the status", answer.status, 204)
        await alice.next("reaction", emoji=HEART, removed=removed)


async def a_reply_names_its_message(scene: Scene) -> None:
    """A message has its `reply_to` in the `message` frame and in the history."""
    alice, bob, ack = await _one_message(scene)
    answer = await bob.acked(alice.user_id, "answer", reply_to=ack["message_id"])
    told = await alice.next("message", message_id=answer["message_id"])
    expect("reply_to", told["reply_to"], ack["message_id"])
    rows = (await (await scene.api("alice")).page(ack["conversation_id"]))["messages"]
    found = {row["message_id"]: row.get("reply_to") for row in rows}
    expect("in history", found[answer["message_id"]], ack["message_id"])


async def a_reply_to_another_conversation(scene: Scene) -> None:
    """A reply to an unknown message, or one of another conversation, is `not_found`."""
    alice, bob, ack = await _one_message(scene)
    await scene.enter("carol")
    elsewhere = await alice.acked(scene.user("carol"), "secret")
    errors = [
        await alice.message(bob.user_id, "?", reply_to=message_id)
        for message_id in (elsewhere["message_id"], ABSENT)
    ]
    expect("the codes", [error.get("code") for error in errors], ["not_found"] * 2)
    expect("the texts", errors[0]["message"], errors[1]["message"])
    chat = await (await scene.api("bob")).chat(ack["conversation_id"])
    expect("the last seq", chat["last_seq"], 1)


async def _one_message(scene: Scene) -> tuple[Player, Player, Frame]:
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    return alice, bob, await alice.acked(bob.user_id, "nice?")


async def _react(player: Player, ack: Frame, emoji: str, *, remove: bool = False) -> Frame:
    client_id = player.new_id()
    about = {"message_id": ack["message_id"], "client_id": client_id}
    await player.send("react", emoji=emoji, remove=remove, **about)
    return await player.outcome(client_id)


async def _shown(scene: Scene, ack: Frame) -> list[list[object]]:
    """Emoji and users of that message, as history has them."""
    page = await (await scene.api("alice")).page(ack["conversation_id"])
    rows = {one["message_id"]: one.get("reactions", []) for one in page["messages"]}
    return [[one["emoji"], one["user_ids"]] for one in rows[ack["message_id"]]]


CHECKS = checks(
    "reaction",
    "revisions",
    ("C5", a_reaction_reaches_every_device),
    ("C2", one_of_each_emoji_per_user),
    ("", a_reaction_is_taken_back),
    ("C6", a_missed_reaction_is_replayed),
    ("C9", a_reaction_of_an_outsider),
    ("", a_reaction_over_http),
    ("", a_reply_names_its_message),
    ("C9", a_reply_to_another_conversation),
)
