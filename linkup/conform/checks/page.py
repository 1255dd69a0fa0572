"""Checks of reading over HTTP: pages, their ids, the inbox, and the cursor they carry."""

import functools
from typing import Any

from linkup.conform.caller import Caller
from linkup.conform.check import Check, checks
from linkup.conform.player import Frame
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

COUNT = 12
MALFORMED = {
    "a client id": "temp_client_1770216496118_y8zwwov1h",
    "zero": "0",
    "a negative": "-1",
    "a fraction": "1.5",
    "2^60": str(2**60),
    "nothing": "",
    "a superscript": "²",
    "an exponent": "1e3",
    "a plus sign": "+1",
}


async def oldest_first_within_the_page(scene: Scene) -> None:
    """A page has the newest messages, oldest first."""
    api, acks = await _twelve(scene)
    page = await api.page(acks[0]["conversation_id"], limit=5)
    expect("the page", _numbers(page), [8, 9, 10, 11, 12])
    expect("has_more", page["has_more"], True)


async def before_id_goes_back(scene: Scene) -> None:
    """`before_id` returns the page before this message."""
    api, acks = await _twelve(scene)
    conversation_id = acks[0]["conversation_id"]
    page = await api.page(conversation_id, limit=5, before_id=acks[7]["message_id"])
    expect("the page", [_numbers(page), page["has_more"]], [[3, 4, 5, 6, 7], True])
    page = await api.page(conversation_id, limit=5, before_id=acks[2]["message_id"])
    expect("the last page", [_numbers(page), page["has_more"]], [[1, 2], False])


async def after_id_goes_forth(scene: Scene) -> None:
    """`after_id` returns the page after this message."""
    api, acks = await _twelve(scene)
    conversation_id = acks[0]["conversation_id"]
    page = await api.page(conversation_id, limit=5, after_id=acks[2]["message_id"])
    expect("the page", [_numbers(page), page["has_more"]], [[4, 5, 6, 7, 8], True])
    page = await api.page(conversation_id, limit=5, after_id=acks[9]["message_id"])
    expect("the last page", [_numbers(page), page["has_more"]], [[11, 12], False])


async def several_at_once(scene: Scene) -> None:
    """`ids` returns these messages of the conversation; unknown ones are left out."""
    api, acks = await _twelve(scene)
    conversation_id = acks[0]["conversation_id"]
    ids = [acks[6]["message_id"], 2**53 - 1, acks[1]["message_id"]]
    page = await api.page(conversation_id, ids=",".join(map(str, ids)))
    expect("the messages", sorted(_numbers(page)), [2, 7])
    answer = await api.get(
        f"/v1/conversations/{conversation_id}/messages", ids=",".join(["1"] * 101)
    )
    expect("the status for 101 ids", answer.status, 400)


async def both_ids_are_refused(scene: Scene) -> None:
    """`before_id` and `after_id` together are refused with 400."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    ack = await alice.acked(alice.user_id, "one")
    both = {"before_id": ack["message_id"], "after_id": ack["message_id"]}
    await _refused(api, ack, both, "")


async def an_id_of_another_conversation(scene: Scene) -> None:
    """A `before_id` that is not in the conversation is refused with 400."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    api = await scene.api("alice")
    here, there = [await alice.acked(to, "x") for to in (alice.user_id, bob.user_id)]
    for message_id in (there["message_id"], 2**53 - 1):
        for name in ("before_id", "after_id"):
            await _refused(api, here, {name: message_id}, name)


async def malformed_id(scene: Scene, name: str, value: str) -> None:
    alice, api = await scene.enter("alice"), await scene.api("alice")
    ack = await alice.acked(alice.user_id, "to page from")
    await _refused(api, ack, {name: value}, name)


async def a_limit_out_of_bounds(scene: Scene) -> None:
    """Every list refuses a `limit` that is below 1, above 100 or not a number with 400."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    ack = await alice.acked(alice.user_id, "one")
    for value in ("0", "101", "-5", "x", ""):
        await _refused(api, ack, {"limit": value}, "limit")
        answer = await api.get("/v1/conversations", limit=value)
        expect(f"the status for {value!r}", answer.status, 400)


async def an_unknown_parameter(scene: Scene) -> None:
    """An unknown parameter is refused with 400 and an error that names it."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    ack = await alice.acked(alice.user_id, "one")
    await _refused(api, ack, {"page": 2}, "page")


async def reading_changes_nothing(scene: Scene) -> None:
    """Reading the history moves no mark."""
    api, acks = await _twelve(scene)
    conversation_id = acks[0]["conversation_id"]
    await api.page(conversation_id)
    chat = await api.chat(conversation_id)
    expect("unread and mark", [chat["unread_count"], chat["read_seq"]], [COUNT, 0])


async def a_snapshot_carries_its_place(scene: Scene) -> None:
    """The inbox and the history have the epoch and cursor of their transaction."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "one")
    cursor = (await bob.next("message"))["cursor"]
    api = await scene.api("bob")
    for snapshot in (await api.inbox(), await api.page(ack["conversation_id"])):
        position = [snapshot["epoch"], snapshot["cursor"]]
        expect("the position", position, [bob.frames[0]["epoch"], cursor])


async def the_inbox_shows_the_latest_first(scene: Scene) -> None:
    """The inbox lists conversations by latest activity, each with its last message."""
    alice = await scene.enter("alice")
    for role in ("bob", "carol"):
        other = await scene.enter(role)
        await other.acked(alice.user_id, f"from {role}")
    chats = (await (await scene.api("alice")).inbox())["conversations"]
    shown = [[one["peer"]["user_id"], one["last_message"]["content"]] for one in chats]
    wanted = [[scene.user(role), f"from {role}"] for role in ("carol", "bob")]
    expect("the inbox", shown, wanted)


async def the_inbox_goes_on_by_pages(scene: Scene) -> None:
    """`next` of an inbox page is the `before` of the next page; the last page has none."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    for role in ("bob", "carol", "dave"):
        other = await scene.enter(role)
        await other.acked(alice.user_id, role)
    first = (await api.get("/v1/conversations", limit=2)).json()
    rest = (await api.get("/v1/conversations", limit=2, before=first["next"])).json()
    shown = [c["last_message"]["content"] for p in (first, rest) for c in p["conversations"]]
    expect("both pages", [*shown, rest["next"]], ["dave", "carol", "bob", None])


async def one_peer(scene: Scene) -> None:
    """`peer` returns the direct conversation with this user, or an empty list."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "one")
    api = await scene.api("alice")
    for peer, wanted in ((bob.user_id, [ack["conversation_id"]]), (scene.user("carol"), [])):
        page = (await api.get("/v1/conversations", peer=peer)).json()
        expect(
            "the conversations", [one["conversation_id"] for one in page["conversations"]], wanted
        )


async def several_conversations_at_once(scene: Scene) -> None:
    """`ids` returns these conversations; those of other users are left out."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    own = [await alice.acked(to, "one") for to in (alice.user_id, bob.user_id)]
    theirs = await bob.acked(bob.user_id, "mine")
    ids = [ack["conversation_id"] for ack in (*own, theirs)]
    page = (await (await scene.api("alice")).get("/v1/conversations", ids=",".join(ids))).json()
    told = sorted(one["conversation_id"] for one in page["conversations"])
    expect("the conversations", told, sorted(ids[:2]))


async def _twelve(scene: Scene) -> tuple[Caller, list[Frame]]:
    """Twelve messages to bob, and bob's HTTP."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    acks = [await alice.acked(bob.user_id, f"{n}") for n in range(COUNT)]
    return await scene.api("bob"), acks


def _numbers(page: Any) -> list[int]:
    return [row["seq"] for row in page["messages"]]


async def _refused(api: Caller, ack: Frame, query: Frame, named: str) -> None:
    answer = await api.get(f"/v1/conversations/{ack['conversation_id']}/messages", **query)
    expect(f"the status for {query}", answer.status, 400)
    problem = answer.json()
    expect("the code", problem["code"], "invalid_request")
    demand(named in problem["detail"], f"a detail that names {named!r}", problem)


CHECKS = (
    *checks(
        "page",
        "HTTP",
        ("", oldest_first_within_the_page),
        ("", before_id_goes_back),
        ("", after_id_goes_forth),
        ("", several_at_once),
        ("", both_ids_are_refused),
        ("C9", an_id_of_another_conversation),
        ("", a_limit_out_of_bounds),
        ("", an_unknown_parameter),
        ("", reading_changes_nothing),
        ("C6", a_snapshot_carries_its_place),
        ("", the_inbox_shows_the_latest_first),
        ("", the_inbox_goes_on_by_pages),
        ("", one_peer),
        ("", several_conversations_at_once),
    ),
    *(
        Check(
            name=f"page/{name}-{words}".replace("_", "-").replace(" ", "-"),
            section="HTTP",
            promise="",
            sentence=f"`{name}` ({words}) is refused with 400 and an error that names it.",
            attempt=functools.partial(malformed_id, name=name, value=value),
        )
        for name in ("before_id", "after_id")
        for words, value in MALFORMED.items()
    ),
)
