"""Checks of where a message is: who has it, since when, by which steps, and who may know."""

from typing import Any

from linkup.conform.caller import Caller
from linkup.conform.check import checks
from linkup.conform.player import Frame, Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

ABSENT = 2**53 - 1
ROUTES = ("receipts", "timeline")


async def receipts_tell_who_has_it(scene: Scene) -> None:
    """The receipts list the other members with the times of delivery and reading."""
    ack = await _to_three(scene)
    page = await _asked(scene, ack, "receipts")
    shown = {one["user_id"]: [one["delivered"], one["read"]] for one in page["receipts"]}
    bob, carol, dave = (scene.user(role) for role in ("bob", "carol", "dave"))
    expect("who has it", shown, {bob: [True, False], carol: [True, True], dave: [False, False]})
    counts = [page["member_count"], page["delivered_count"], page["read_count"]]
    expect("the counts", counts, [3, 2, 1])
    for one in page["receipts"]:
        for kind in ("delivered", "read"):
            at = one[f"{kind}_at"]
            demand((at is not None) == one[kind], f"a time where it is {kind}", one)
            demand(at is None or at >= ack["created_at"], "a time after the message's", one)


async def receipts_go_on_by_pages(scene: Scene) -> None:
    """`next` of a page of receipts is the `after` of the next page; the last page has none."""
    ack = await _to_three(scene)
    first = await _asked(scene, ack, "receipts", limit=2)
    rest = await _asked(scene, ack, "receipts", limit=2, after=first["next"] or "nobody")
    shown = [one["user_id"] for page in (first, rest) for one in page["receipts"]]
    expect("both pages", shown, [scene.user(role) for role in ("bob", "carol", "dave")])
    expect("the last page's next", rest["next"], None)


async def a_timeline_is_in_the_order_of_time(scene: Scene) -> None:
    """The timeline lists the steps of a message in order of time."""
    ack = await _to_three(scene)
    timeline = await _asked(scene, ack, "timeline")
    steps = [one for one in timeline["steps"] if one["step"] != "notification"]
    shown = [[one["step"], one.get("user_id")] for one in steps]
    bob, carol = scene.user("bob"), scene.user("carol")
    wanted: list[list[Any]] = [["accepted", None], ["committed", None]]
    wanted += [["delivered", bob], ["delivered", carol], ["read", carol]]
    expect("the steps", shown, wanted)
    times = [one["at"] for one in steps]
    expect("their times", times, sorted(times))
    expect("when it was committed", times[1], ack["created_at"])
    demand(timeline["notifications"] in ("complete", "unavailable"), "a word on the rest", timeline)


async def a_note_to_oneself_has_no_receipts(scene: Scene) -> None:
    """A message to oneself has no receipts."""
    alice = await scene.enter("alice")
    page = await _asked(scene, await alice.acked(alice.user_id, "note"), "receipts")
    expect("the receipts", [page["receipts"], page["member_count"]], [[], 0])


async def only_the_sender_may_ask(scene: Scene) -> None:
    """The receipts and timeline of another user's visible message return 403 `forbidden`."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "whose?")
    api = await scene.api("bob")
    for route in ROUTES:
        answer = await api.get(f"/v1/messages/{ack['message_id']}/{route}")
        told = [answer.status, answer.json().get("code")]
        expect(f"the answer to {route}", told, [403, "forbidden"])


async def an_outsider_asks_for_nothing(scene: Scene) -> None:
    """The receipts and timeline of a hidden message return the 404 of an unknown one."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "not for eve")
    eve = await scene.api("eve")
    for route in ROUTES:
        foreign, absent = [
            await eve.get(f"/v1/messages/{message_id}/{route}")
            for message_id in (ack["message_id"], ABSENT)
        ]
        expect(f"the status of {route}", foreign.status, 404)
        expect(f"the answer to {route}", foreign.json(), absent.json())


async def _to_three(scene: Scene) -> Frame:
    """Alice's message to a group: bob has it, then carol has read it; dave was never there."""
    alice, bob, carol, dave = [
        await scene.enter(role) for role in ("alice", "bob", "carol", "dave")
    ]
    conversation_id = await _group(await scene.api("alice"), bob, carol, dave)
    await alice.send(
        "message", conversation_id=conversation_id, content="to all", client_id="to-all"
    )
    ack = await alice.outcome("to-all")
    await bob.send("delivered", conversation_id=conversation_id, seq=ack["seq"], client_id="has")
    await bob.outcome("has")
    await carol.send(
        "mark_chat_read", conversation_id=conversation_id, up_to=ack["seq"], client_id="read"
    )
    await carol.outcome("read")
    return ack


async def _group(api: Caller, *members: Player) -> str:
    body = {"title": "Team", "members": [one.user_id for one in members]}
    answer = await api.post("/v1/conversations", body)
    return str(answer.json()["conversation"]["conversation_id"])


async def _asked(scene: Scene, ack: Frame, route: str, **query: Any) -> Any:
    """Alice's own message, as she is told of it."""
    api = await scene.api("alice")
    answer = await api.get(f"/v1/messages/{ack['message_id']}/{route}", **query)
    expect(f"the status of {route}", answer.status, 200)
    return answer.json()


CHECKS = checks(
    "progress",
    "HTTP",
    ("", receipts_tell_who_has_it),
    ("", receipts_go_on_by_pages),
    ("", a_timeline_is_in_the_order_of_time),
    ("", a_note_to_oneself_has_no_receipts),
    ("C9", only_the_sender_may_ask),
    ("C9", an_outsider_asks_for_nothing),
)
