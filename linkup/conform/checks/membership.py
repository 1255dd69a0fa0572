"""Checks of authority: what may not be seen and what does not exist answer alike."""

from typing import Any

from linkup.conform.check import checks
from linkup.conform.player import Frame
from linkup.conform.scene import Scene
from linkup.conform.verdict import expect

ABSENT = "conform-no-such-conversation"


async def sending_as_an_outsider(scene: Scene) -> None:
    """Writing to a conversation of other users is answered as for an unknown one."""
    await _alike_on_the_socket(scene, "message", content="let me in")


async def reading_mark_of_an_outsider(scene: Scene) -> None:
    """Marking a conversation of other users as read is answered as for an unknown one."""
    await _alike_on_the_socket(scene, "mark_chat_read", up_to=1)


async def delivered_of_an_outsider(scene: Scene) -> None:
    """`delivered` in a conversation of other users is answered as for an unknown one."""
    await _alike_on_the_socket(scene, "delivered", seq=1)


async def read_receipt_of_an_outsider(scene: Scene) -> None:
    """`read_receipt` for a message that one cannot see is answered as for an unknown one."""
    ack = await _between_two(scene)
    eve = await scene.enter("eve")
    answers = []
    for message_id in (ack["message_id"], 2**53 - 1):
        await eve.send("read_receipt", message_id=message_id, client_id="mark")
        answers.append(await eve.outcome("mark"))
    _alike(answers)


async def history_for_an_outsider(scene: Scene) -> None:
    """The history of a conversation of other users returns the 404 of an unknown one."""
    ack = await _between_two(scene)
    eve = await scene.api("eve")
    answers = []
    for conversation_id in (ack["conversation_id"], ABSENT):
        answer = await eve.get(f"/v1/conversations/{conversation_id}/messages")
        expect("the status", answer.status, 404)
        answers.append(answer.json())
    _alike(answers)


async def a_foreign_page_id_tells_nothing(scene: Scene) -> None:
    """A valid `before_id` does not change the 404 for a conversation of other users."""
    ack = await _between_two(scene)
    path = f"/v1/conversations/{ack['conversation_id']}/messages"
    answer = await (await scene.api("eve")).get(path, before_id=ack["message_id"])
    expect("the status", answer.status, 404)


async def posting_as_an_outsider(scene: Scene) -> None:
    """POST of a message to other users' conversation returns the 404 of an unknown one."""
    ack = await _between_two(scene)
    eve = await scene.api("eve")
    answers = []
    for conversation_id in (ack["conversation_id"], ABSENT):
        body = {"conversation_id": conversation_id, "content": "let me in", "client_id": "in"}
        answer = await eve.post("/v1/messages", body)
        expect("the status", answer.status, 404)
        answers.append(answer.json())
    _alike(answers)


async def the_inbox_of_an_outsider(scene: Scene) -> None:
    """The inbox lists no conversation of other users."""
    await _between_two(scene)
    await scene.enter("eve")
    expect("the inbox", (await (await scene.api("eve")).inbox())["conversations"], [])


async def an_outsider_changes_nothing(scene: Scene) -> None:
    """Refused commands of other users change nothing in the conversation."""
    ack = await _between_two(scene)
    conversation_id, eve = ack["conversation_id"], await scene.enter("eve")
    await eve.send("message", conversation_id=conversation_id, content="let me in", client_id="in")
    await eve.outcome("in")
    await eve.send("mark_chat_read", conversation_id=conversation_id, up_to=1, client_id="read")
    await eve.outcome("read")
    bob = await scene.api("bob")
    rows = [row["content"] for row in (await bob.page(conversation_id))["messages"]]
    expect(
        "rows and read mark",
        [rows, (await bob.chat(conversation_id))["read_seq"]],
        [["between us"], 0],
    )


async def an_unknown_user_is_not_found(scene: Scene) -> None:
    """A message to an unknown user is `not_found`, not temporary, with its client_id."""
    alice = await scene.enter("alice")
    error = await alice.message(scene.user("nobody"), "hello?", "into-the-void")
    expect("the code", error.get("code"), "not_found")
    expect("temporary", error.get("temporary"), False)


async def an_unknown_user_over_http(scene: Scene) -> None:
    """POST of a message to an unknown user returns 404 `not_found`."""
    api = await scene.api("alice")
    body = {"to": scene.user("nobody"), "content": "hello?", "client_id": "into-the-void"}
    answer = await api.post("/v1/messages", body)
    expect("the answer", [answer.status, answer.json()["code"]], [404, "not_found"])


async def user_ids_are_compared_exactly(scene: Scene) -> None:
    """Two user_ids that differ in case are different users."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    error = await alice.message(bob.user_id.upper(), "hello?")
    expect("the code", error.get("code"), "not_found")


async def _between_two(scene: Scene) -> Frame:
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    return await alice.acked(bob.user_id, "between us")


async def _alike_on_the_socket(scene: Scene, kind: str, **fields: Any) -> None:
    ack = await _between_two(scene)
    eve = await scene.enter("eve")
    answers = []
    for conversation_id in (ack["conversation_id"], ABSENT):
        await eve.send(kind, conversation_id=conversation_id, client_id="try", **fields)
        answers.append(await eve.outcome("try"))
    _alike(answers)


def _alike(answers: list[Frame]) -> None:
    expect("the code", answers[0].get("code"), "not_found")
    expect("the answer to what may not be seen", answers[0], answers[1])


CHECKS = checks(
    "membership",
    "errors",
    ("C9", sending_as_an_outsider),
    ("C9", reading_mark_of_an_outsider),
    ("C9", delivered_of_an_outsider),
    ("C9", read_receipt_of_an_outsider),
    ("C9", history_for_an_outsider),
    ("C9", a_foreign_page_id_tells_nothing),
    ("C9", posting_as_an_outsider),
    ("C9", the_inbox_of_an_outsider),
    ("C9", an_outsider_changes_nothing),
    ("", an_unknown_user_is_not_found),
    ("", an_unknown_user_over_http),
    ("", user_ids_are_compared_exactly),
)
