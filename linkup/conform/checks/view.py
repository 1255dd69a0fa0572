"""Checks of a member's own view over HTTP: one conversation, read, clear, archive, mute, unread."""

from typing import Any

from linkup.conform.caller import Caller
from linkup.conform.check import checks
from linkup.conform.deployment import Answer
from linkup.conform.player import Frame, Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

ABSENT = "conform-no-such-conversation"


async def a_conversation_begins_once(scene: Scene) -> None:
    """POST /v1/conversations returns 201; repeating it returns 200 and the same one."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    api = await scene.api("alice")
    answers = [await api.post("/v1/conversations", {"to": bob.user_id}) for _ in range(2)]
    expect("the statuses", [answer.status for answer in answers], [201, 200])
    ids = [answer.json()["conversation"]["conversation_id"] for answer in answers]
    expect("the conversation", ids[1], ids[0])
    ack = await alice.acked(bob.user_id, "first")
    expect("where a message goes", ack["conversation_id"], ids[0])


async def a_beginning_is_told_to_both(scene: Scene) -> None:
    """`conversation {change: begun}` reaches both users."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await (await scene.api("alice")).post("/v1/conversations", {"to": bob.user_id})
    for player in (alice, bob):
        told = await player.next("conversation", change="begun")
        expect("the members", sorted(told["members"]), sorted([alice.user_id, bob.user_id]))


async def one_conversation_is_as_in_the_inbox(scene: Scene) -> None:
    """GET of one conversation returns the same fields as the inbox."""
    _, _, ack = await _one_message(scene)
    api, conversation_id = await scene.api("bob"), ack["conversation_id"]
    answer = await api.get(f"/v1/conversations/{conversation_id}")
    expect("the conversation", answer.json()["conversation"], await api.chat(conversation_id))


async def reading_over_http(scene: Scene) -> None:
    """POST …/read never moves the mark back, returns it, and sends a `receipt`."""
    alice, bob, ack = await _one_message(scene)
    await alice.acked(bob.user_id, "second")
    api, path = await scene.api("bob"), f"/v1/conversations/{ack['conversation_id']}/read"
    reads = []
    for up_to in (2, 1):
        answer = await api.post(path, {"up_to": up_to})
        expect("the status", answer.status, 200)
        reads.append(answer.json()["conversation"]["read_seq"])
    expect("the stored marks", reads, [2, 2])
    await alice.next("receipt", user_id=bob.user_id, read_seq=2)


async def clearing_hides_for_one_alone(scene: Scene) -> None:
    """POST …/clear hides the messages from one member, and returns their number."""
    _, _, ack = await _one_message(scene)
    conversation_id, bob, alice = (
        ack["conversation_id"],
        await scene.api("bob"),
        await scene.api("alice"),
    )
    answer = await bob.post(f"/v1/conversations/{conversation_id}/clear", None)
    expect("the count", [answer.status, answer.json()["count"]], [200, 1])
    expect("the member's page", (await bob.page(conversation_id))["messages"], [])
    expect("the other's", len((await alice.page(conversation_id))["messages"]), 1)
    again = await bob.post(f"/v1/conversations/{conversation_id}/clear", None)
    expect("the second count", again.json()["count"], 0)


async def clearing_is_told_to_own_devices(scene: Scene) -> None:
    """`conversation {change: cleared}` reaches only the devices of that member."""
    alice, bob, ack = await _one_message(scene)
    api = await scene.api("bob")
    await api.post(f"/v1/conversations/{ack['conversation_id']}/clear", None)
    told = await bob.next("conversation", change="cleared")
    expect("up to", told["cleared_seq"], ack["seq"])
    await alice.settled()
    expect("what alice was told", alice.received("conversation"), [])


async def archive_and_mute_are_kept(scene: Scene) -> None:
    """PATCH stores `archived` and `muted` for the member, and informs their devices."""
    alice, bob, ack = await _one_message(scene)
    api = await scene.api("bob")
    answer = await _set(api, ack, archived=True, muted=True)
    expect("the status", answer.status, 200)
    told = await bob.next("conversation", change="settings")
    expect("what bob is told", [told["archived"], told["muted"]], [True, True])
    await _set(api, ack, muted=False)
    chat = await api.chat(ack["conversation_id"])
    expect("what is kept", [chat["archived"], chat["muted"]], [True, False])
    other = await (await scene.api("alice")).chat(ack["conversation_id"])
    expect("the other's", [other["archived"], other["muted"]], [False, False])
    await alice.settled()
    expect("what alice was told", alice.received("conversation"), [])


async def a_new_message_leaves_the_archive(scene: Scene) -> None:
    """A new message unarchives its conversation."""
    alice, bob, ack = await _one_message(scene)
    api = await scene.api("bob")
    await _set(api, ack, archived=True)
    await alice.acked(bob.user_id, "second")
    expect("archived", (await api.chat(ack["conversation_id"]))["archived"], False)


async def unread_totals_and_previews(scene: Scene) -> None:
    """GET /v1/unread counts unread messages, with previews of at most 120 characters."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "first")
    ack = await alice.acked(bob.user_id, "x" * 130)
    api = await scene.api("bob")
    found = (await api.get("/v1/unread")).json()
    expect("the totals", [found["unread_count"], found["conversations"]], [2, 1])
    item = found["items"][0]
    expect(
        "the latest", [item["message_id"], item["sender_id"]], [ack["message_id"], alice.user_id]
    )
    expect("the preview", item["preview"], "x" * 120)
    conversation_id = ack["conversation_id"]
    await api.post(f"/v1/conversations/{conversation_id}/read", {"up_to": 2})
    expect("then", (await api.get("/v1/unread")).json()["unread_count"], 0)


async def the_view_of_an_outsider(scene: Scene) -> None:
    """Each of these routes returns the 404 of an unknown conversation to other users."""
    _, _, ack = await _one_message(scene)
    eve = await scene.api("eve")
    for method, end, body in (
        ("GET", "", None),
        ("PATCH", "", b'{"muted": true}'),
        ("POST", "/read", b'{"up_to": 1}'),
        ("POST", "/clear", None),
    ):
        answers = [
            await eve.call(method, f"/v1/conversations/{conversation_id}{end}", body)
            for conversation_id in (ack["conversation_id"], ABSENT)
        ]
        expect(f"the status of {method} …{end}", answers[0].status, 404)
        expect(f"the answer to {method} …{end}", answers[0].json(), answers[1].json())


# ------------------------------------------------------------------ the feed over HTTP


async def sync_begins_at_the_present(scene: Scene) -> None:
    """GET /v1/sync without a cursor returns the current cursor and no frames."""
    _, bob, _ = await _one_message(scene)
    told = await bob.next("message")
    found = (await (await scene.api("bob")).get("/v1/sync")).json()
    expect("the page", [found["frames"], found["has_more"]], [[], False])
    expect(
        "the present", [found["epoch"], found["cursor"]], [bob.frames[0]["epoch"], told["cursor"]]
    )


async def sync_is_the_sockets_feed(scene: Scene) -> None:
    """GET /v1/sync returns the frames that a WebSocket would have received, in pages."""
    alice, bob, ack = await _one_message(scene)
    await bob.send("delivered", conversation_id=ack["conversation_id"], seq=1)
    await bob.next("receipt")
    await alice.send("edit_message", message_id=ack["message_id"], content="other")
    await bob.next("message_updated")
    welcome = bob.frames[0]
    back = await scene.enter("bob", epoch=welcome["epoch"], cursor=welcome["cursor"])
    replayed = [frame for frame in back.frames if frame.get("cursor", 0) in back.cursors()]
    replayed = [frame for frame in replayed if frame["type"] not in ("welcome", "sync_completed")]
    paged = await _pages(await scene.api("bob"), welcome)
    expect("the pages", paged, replayed)


async def sync_from_elsewhere(scene: Scene) -> None:
    """A cursor of another epoch or after the end returns 409, an invalid one 400."""
    _, bob, _ = await _one_message(scene)
    api, epoch = await scene.api("bob"), bob.frames[0]["epoch"]
    for query, wanted in (
        ({"epoch": "another", "cursor": 0}, [409, "resync_required"]),
        ({"epoch": epoch, "cursor": 2**53 - 1}, [409, "resync_required"]),
        ({"epoch": epoch, "cursor": "yesterday"}, [400, "invalid_request"]),
        ({"epoch": epoch}, [400, "invalid_request"]),
    ):
        answer = await api.get("/v1/sync", **query)
        expect(f"the answer to {query}", [answer.status, answer.json()["code"]], wanted)


async def _one_message(scene: Scene) -> tuple[Player, Player, Frame]:
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    return alice, bob, await alice.acked(bob.user_id, "first")


async def _set(api: Caller, ack: Frame, **view: bool) -> Answer:
    content = ", ".join(f'"{name}": {str(value).lower()}' for name, value in view.items())
    path = f"/v1/conversations/{ack['conversation_id']}"
    return await api.call("PATCH", path, f"{{{content}}}".encode())


async def _pages(api: Caller, welcome: Frame) -> list[Any]:
    """All frames after that place, two at a time."""
    frames: list[Any] = []
    cursor = welcome["cursor"]
    while True:
        page = (await api.get("/v1/sync", epoch=welcome["epoch"], cursor=cursor, limit=2)).json()
        frames += page["frames"]
        if not page["has_more"]:
            return frames
        demand(page["cursor"] > cursor, "a page that goes on", page)
        cursor = page["cursor"]


CHECKS = checks(
    "view",
    "HTTP",
    ("C3", a_conversation_begins_once),
    ("C5", a_beginning_is_told_to_both),
    ("", one_conversation_is_as_in_the_inbox),
    ("C4", reading_over_http),
    ("", clearing_hides_for_one_alone),
    ("C5", clearing_is_told_to_own_devices),
    ("C5", archive_and_mute_are_kept),
    ("", a_new_message_leaves_the_archive),
    ("", unread_totals_and_previews),
    ("C9", the_view_of_an_outsider),
    ("C6", sync_begins_at_the_present),
    ("C6", sync_is_the_sockets_feed),
    ("C6", sync_from_elsewhere),
)
