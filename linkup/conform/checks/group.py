"""Checks of groups: made once, told to each, who may do what, and nothing after leaving."""

import json

from linkup.conform.caller import Caller
from linkup.conform.check import checks
from linkup.conform.deployment import Answer
from linkup.conform.player import Frame
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

ABSENT = "conform-no-such-conversation"


async def a_group_is_made_once(scene: Scene) -> None:
    """POST with a client_id returns 201, repeated 200, and 409 with another title."""
    await scene.enter("bob")
    alice = await scene.api("alice")
    body = {"title": "Team", "members": [scene.user("bob")], "client_id": "one-group"}
    answers = [await alice.post("/v1/conversations", body) for _ in range(2)]
    expect("the statuses", [answer.status for answer in answers], [201, 200])
    ids = [answer.json()["conversation"]["conversation_id"] for answer in answers]
    expect("the group", ids[1], ids[0])
    other = await alice.post("/v1/conversations", body | {"title": "Another"})
    expect("other words", [other.status, other.json()["code"]], [409, "client_id_conflict"])


async def each_member_is_told(scene: Scene) -> None:
    """`conversation {change: created}` reaches each member with title, members and role."""
    players = [await scene.enter(role) for role in ("alice", "bob", "carol")]
    conversation_id = await _group(scene)
    for player, role in zip(players, ("owner", "member", "member"), strict=True):
        told = await player.next("conversation", conversation_id=conversation_id)
        seen = [told["change"], told["kind"], told["title"], told["role"], told["member_count"]]
        expect("what is told", seen, ["created", "group", "Team", role, 3])
        expect("the members", told["members"], sorted(p.user_id for p in players))


async def a_message_is_in_every_members_history(scene: Scene) -> None:
    """A message to a group is in the history, inbox and unread count of each member."""
    conversation_id = await _group(scene)
    await _say(await scene.api("alice"), conversation_id, "to all")
    for role in ("bob", "carol"):
        api = await scene.api(role)
        rows = [row["content"] for row in (await api.page(conversation_id))["messages"]]
        chat = await api.chat(conversation_id)
        expect("the history", rows, ["to all"])
        expect("the inbox", [chat["title"], chat["unread_count"]], ["Team", 1])


async def the_inbox_lists_a_group_without_messages(scene: Scene) -> None:
    """The inbox of each member lists a new group without messages."""
    conversation_id = await _group(scene)
    chat = await (await scene.api("bob")).chat(conversation_id)
    expect("the group", [chat["kind"], chat["last_message"]], ["group", None])


async def members_may_not_manage(scene: Scene) -> None:
    """Only admins and owners may change a group; other members get 403 `forbidden`."""
    conversation_id, bob = await _group(scene), await scene.api("bob")
    dave, carol = (await scene.enter("dave")).user_id, scene.user("carol")
    tries = (
        ("POST", "/members", {"members": [dave]}),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", f"/members/{carol}", None),
    )
    for method, end, body in tries:
        answer = await _call(bob, method, conversation_id, end, body)
        expect(f"{method} …{end} by a member", answer.status, 403)
    own = f"/members/{scene.user('bob')}"
    expect(
        "a role of one's own", (await _call(bob, "PATCH", conversation_id, own, _ADMIN)).status, 403
    )
    given = await _call(await scene.api("alice"), "PATCH", conversation_id, own, _ADMIN)
    expect("the role by the owner", given.status, 204)
    statuses = [
        (await _call(bob, method, conversation_id, end, body)).status for method, end, body in tries
    ]
    expect("the same by an admin", statuses, [200, 200, 204])


async def an_outsider_learns_nothing(scene: Scene) -> None:
    """Each route of a group returns the 404 of an unknown group to other users."""
    conversation_id, eve = await _group(scene), await scene.api("eve")
    for method, end, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("GET", "/members", None),
        ("GET", "/messages", None),
        ("POST", "/members", {"members": [scene.user("bob")]}),
        ("PATCH", f"/members/{scene.user('bob')}", _ADMIN),
        ("DELETE", f"/members/{scene.user('bob')}", None),
    ):
        answers = [await _call(eve, method, one, end, body) for one in (conversation_id, ABSENT)]
        expect(f"the status of {method} …{end}", answers[0].status, 404)
        expect(f"the answer to {method} …{end}", answers[0].json(), answers[1].json())


async def who_is_removed_is_told_last(scene: Scene) -> None:
    """A removed member gets `member_removed` as the last frame, without other members."""
    await scene.enter("alice")
    bob = await scene.enter("bob")
    conversation_id, alice = await _group(scene), await scene.api("alice")
    await _remove(alice, conversation_id, bob.user_id)
    await _say(alice, conversation_id, "without bob")
    told = await bob.next("conversation", change="member_removed")
    expect("whom it names", [told["user_ids"], told["members"]], [[bob.user_id], []])
    await bob.settled()
    about = [frame for frame in bob.frames if frame.get("conversation_id") == conversation_id]
    expect("the last frame", about[-1], told)


async def who_is_removed_sees_nothing(scene: Scene) -> None:
    """A removed member gets 404 for the group, and the inbox no longer lists it."""
    conversation_id, bob = await _group(scene), await scene.api("bob")
    await _say(await scene.api("alice"), conversation_id, "before")
    await _remove(await scene.api("alice"), conversation_id, scene.user("bob"))
    for end in ("", "/messages", "/members"):
        expect(f"GET …{end}", (await _call(bob, "GET", conversation_id, end)).status, 404)
    sent = await bob.post(
        "/v1/messages",
        {"conversation_id": conversation_id, "content": "hello?", "client_id": "after"},
    )
    expect("sending", [sent.status, sent.json()["code"]], [404, "not_found"])
    ids = [chat["conversation_id"] for chat in (await bob.inbox())["conversations"]]
    demand(conversation_id not in ids, "an inbox without the group", ids)


async def a_new_member_begins_at_the_end(scene: Scene) -> None:
    """A new member has no unread messages and sees the messages from then on."""
    conversation_id, alice = await _group(scene), await scene.api("alice")
    await _say(alice, conversation_id, "before")
    dave = await scene.enter("dave")
    await alice.post(f"/v1/conversations/{conversation_id}/members", {"members": [dave.user_id]})
    api = await scene.api("dave")
    expect("unread", (await api.chat(conversation_id))["unread_count"], 0)
    await _say(alice, conversation_id, "after")
    rows = [row["content"] for row in (await api.page(conversation_id))["messages"]]
    expect("the newest", rows[-1:], ["after"])
    expect("unread then", (await api.chat(conversation_id))["unread_count"], 1)


async def the_last_owner_hands_over(scene: Scene) -> None:
    """When the only owner leaves, another member becomes owner."""
    conversation_id, bob = await _group(scene), await scene.api("bob")
    await _remove(await scene.api("alice"), conversation_id, scene.user("alice"))
    members = (await _call(bob, "GET", conversation_id, "/members")).json()["members"]
    expect("the owners", [m["role"] for m in members].count("owner"), 1)
    expect("who is left", [m["user_id"] for m in members], [scene.user("bob"), scene.user("carol")])


_ADMIN = {"role": "admin"}


async def _group(scene: Scene) -> str:
    """Make a group of alice, its owner, bob and carol."""
    others = [scene.user(role) for role in ("bob", "carol")]
    for role in ("bob", "carol"):
        await (await scene.api(role)).post("/v1/conversations", {"to": scene.user(role)})
    body = {"title": "Team", "members": others}
    answer = await (await scene.api("alice")).post("/v1/conversations", body)
    expect("the status of a new group", answer.status, 201)
    return str(answer.json()["conversation"]["conversation_id"])


async def _say(api: Caller, conversation_id: str, content: str) -> None:
    body = {
        "conversation_id": conversation_id,
        "content": content,
        "client_id": content.replace(" ", "-"),
    }
    expect("the status of a message", (await api.post("/v1/messages", body)).status, 201)


async def _remove(api: Caller, conversation_id: str, user_id: str) -> None:
    answer = await _call(api, "DELETE", conversation_id, f"/members/{user_id}")
    expect("the status of a removal", answer.status, 204)


async def _call(
    api: Caller, method: str, conversation_id: str, end: str, body: Frame | None = None
) -> Answer:
    content = None if body is None else json.dumps(body).encode()
    return await api.call(method, f"/v1/conversations/{conversation_id}{end}", content)


CHECKS = checks(
    "group",
    "groups",
    ("C3", a_group_is_made_once),
    ("C5", each_member_is_told),
    ("", a_message_is_in_every_members_history),
    ("", the_inbox_lists_a_group_without_messages),
    ("C9", members_may_not_manage),
    ("C9", an_outsider_learns_nothing),
    ("C9", who_is_removed_is_told_last),
    ("C9", who_is_removed_sees_nothing),
    ("", a_new_member_begins_at_the_end),
    ("", the_last_owner_hands_over),
)
