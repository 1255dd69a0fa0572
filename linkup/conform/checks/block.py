"""Checks of blocks and reports: what is refused, what is not told, and who hears of it."""

from linkup.conform.caller import Caller
from linkup.conform.check import checks
from linkup.conform.deployment import Answer
from linkup.conform.player import Frame, Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import expect

UNRELATED = ("pong", "badge_update")


async def who_is_blocked_is_refused(scene: Scene) -> None:
    """A blocked user who sends a message gets the answer for an unknown user."""
    alice, bob = await _talking(scene)
    await _block(await scene.api("alice"), bob.user_id)
    refused = await bob.message(alice.user_id, "let me in", "let-me-in")
    absent = await bob.message(scene.user("nobody"), "let me in", "let-me-in")
    expect("the answer", refused, absent)
    expect("the code", refused.get("code"), "not_found")


async def who_blocks_is_told_to_take_it_back(scene: Scene) -> None:
    """A message to a user whom one blocks is `forbidden` until they are unblocked."""
    alice, bob = await _talking(scene)
    api = await scene.api("alice")
    await _block(api, bob.user_id)
    error = await alice.message(bob.user_id, "by the way")
    expect("the code", error.get("code"), "forbidden")
    expect("the status", (await _unblock(api, bob.user_id)).status, 204)
    await alice.acked(bob.user_id, "by the way")
    await bob.next("message", content="by the way")


async def nothing_of_a_blocked_one_arrives(scene: Scene) -> None:
    """Messages, edits and typing of a blocked user do not reach the user who blocks."""
    alice, bob = await _talking(scene)
    ack = await bob.acked(alice.user_id, "before")
    await _block(await scene.api("alice"), bob.user_id)
    await alice.next("conversation")
    mark = len(alice.frames)
    await bob.message(alice.user_id, "after")
    edit = {"message_id": ack["message_id"], "content": "changed", "client_id": "edit"}
    await bob.send("edit_message", **edit)
    expect("the edit", (await bob.outcome("edit")).get("code"), "not_found")
    await bob.send("typing", to=alice.user_id, is_typing=True)
    await bob.settled()
    await alice.settled()
    came = [frame["type"] for frame in alice.frames[mark:] if frame["type"] not in UNRELATED]
    expect("what came", came, [])


async def a_block_is_told_to_ones_own_devices(scene: Scene) -> None:
    """`conversation {blocked: true}` reaches only the devices of the user who blocks."""
    alice, bob = await _talking(scene)
    tablet, api = await scene.enter("alice"), await scene.api("alice")
    await _block(api, bob.user_id)
    for device in (alice, tablet):
        expect("the frame", (await device.next("conversation")).get("blocked"), True)
    [chat] = (await api.inbox())["conversations"]
    expect("the inbox", chat.get("blocked"), True)
    await bob.settled()
    expect("what the other hears", bob.received("conversation"), [])


async def the_list_of_blocks_is_ones_own(scene: Scene) -> None:
    """GET /v1/blocks lists the users whom one blocks, and not those who block one."""
    _, bob = await _talking(scene)
    alice, theirs = await scene.api("alice"), await scene.api("bob")
    await _block(alice, bob.user_id)
    await _block(alice, bob.user_id)
    expect("the list", await _blocked(alice), [bob.user_id])
    expect("the other's", await _blocked(theirs), [])
    await _unblock(alice, bob.user_id)
    await _unblock(alice, bob.user_id)
    expect("afterwards", await _blocked(alice), [])


async def presence_ends_at_a_block(scene: Scene) -> None:
    """After a block, both users are shown to each other as never seen, over HTTP as 404."""
    alice, bob = await _talking(scene)
    await bob.send("presence_subscribe", user_ids=[alice.user_id])
    expect("before", (await bob.next("presence"))["is_online"], True)
    await _block(await scene.api("alice"), bob.user_id)
    told = await bob.next("presence")
    expect("after", [told["is_online"], told["last_seen"]], [False, None])
    answer = await (await scene.api("bob")).get(f"/v1/users/{alice.user_id}/status")
    expect("the status", answer.status, 404)


async def a_block_leaves_no_tick(scene: Scene) -> None:
    """The marks of the user who blocks do not move, and no message counts as unread."""
    _, bob = await _talking(scene)
    alice, theirs = await scene.api("alice"), await scene.api("bob")
    [chat] = (await alice.inbox())["conversations"]
    conversation_id = chat["conversation_id"]
    await _block(alice, bob.user_id)
    expect("unread", (await alice.chat(conversation_id))["unread_count"], 0)
    before = (await theirs.chat(conversation_id))["peer_read_seq"]
    await alice.post(f"/v1/conversations/{conversation_id}/read", {"up_to": chat["last_seq"]})
    expect("what the other sees", (await theirs.chat(conversation_id))["peer_read_seq"], before)


async def nobody_blocked_gathers_a_group(scene: Scene) -> None:
    """Adding a user who blocks one to a group is answered as for an unknown user."""
    alice, bob = await _talking(scene)
    await _block(await scene.api("alice"), bob.user_id)
    api = await scene.api("bob")
    answers = []
    for member in (alice.user_id, scene.user("nobody")):
        answer = await api.post("/v1/conversations", {"title": "Come", "members": [member]})
        answers.append([answer.status, answer.json()])
    expect("the answer", answers[0], answers[1])
    expect("the status", answers[0][0], 404)


async def a_block_of_nobody(scene: Scene) -> None:
    """Blocking an unknown user returns 404, and blocking oneself 400."""
    await scene.enter("alice")
    api = await scene.api("alice")
    found = [
        (await api.post("/v1/blocks", {"user_id": scene.user(role)})).status
        for role in ("nobody", "alice")
    ]
    expect("the statuses", found, [404, 400])


async def a_report_is_filed_once(scene: Scene) -> None:
    """POST /v1/reports returns 201, repeated 200 with `duplicate`, and 409 if changed."""
    alice, bob = await _talking(scene)
    ack = await bob.acked(alice.user_id, "buy this")
    api = await scene.api("alice")
    asked = {"client_id": "one-report", "message_id": ack["message_id"], "reason": "spam"}
    first, again = [await api.post("/v1/reports", asked) for _ in range(2)]
    expect("the statuses", [first.status, again.status], [201, 200])
    expect("the second answer", again.json(), {**first.json(), "duplicate": True})
    other = await api.post("/v1/reports", {**asked, "reason": "fraud"})
    expect("other words", [other.status, other.json()["code"]], [409, "client_id_conflict"])


async def an_outsider_reports_nothing(scene: Scene) -> None:
    """Reporting a message that one cannot see returns the 404 of an unknown one."""
    alice, bob = await _talking(scene)
    ack = await bob.acked(alice.user_id, "between us")
    await scene.enter("eve")
    api = await scene.api("eve")
    answers: list[Frame] = []
    for message_id in (ack["message_id"], 2**53 - 1):
        asked = {"client_id": "not-mine", "message_id": message_id, "reason": "spam"}
        answer = await api.post("/v1/reports", asked)
        expect("the status", answer.status, 404)
        answers.append(answer.json())
    expect("the answer", answers[0], answers[1])


async def _talking(scene: Scene) -> tuple[Player, Player]:
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await bob.acked(alice.user_id, "hello")
    await alice.next("message", content="hello")
    return alice, bob


async def _block(api: Caller, user_id: str) -> None:
    expect("POST /v1/blocks", (await api.post("/v1/blocks", {"user_id": user_id})).status, 204)


async def _unblock(api: Caller, user_id: str) -> Answer:
    return await api.call("DELETE", f"/v1/blocks/{user_id}")


async def _blocked(api: Caller) -> list[str]:
    page = (await api.get("/v1/blocks")).json()
    return [one["user_id"] for one in page["blocks"]]


CHECKS = checks(
    "block",
    "blocks",
    ("C9", who_is_blocked_is_refused),
    ("C9", who_blocks_is_told_to_take_it_back),
    ("C9", nothing_of_a_blocked_one_arrives),
    ("C5", a_block_is_told_to_ones_own_devices),
    ("C9", the_list_of_blocks_is_ones_own),
    ("C9", presence_ends_at_a_block),
    ("C9", a_block_leaves_no_tick),
    ("C9", nobody_blocked_gathers_a_group),
    ("C9", a_block_of_nobody),
    ("C3", a_report_is_filed_once),
    ("C9", an_outsider_reports_nothing),
)
