"""Checks of edits and deletions: who may, who is told, and what is left of a text."""

from linkup.conform.caller import Caller
from linkup.conform.check import checks
from linkup.conform.player import Frame, Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

ABSENT = 2**53 - 1


async def an_edit_reaches_every_device(scene: Scene) -> None:
    """An edit sends `message_updated` with a higher version to all devices of both users."""
    alice, bob, ack = await _one_message(scene)
    tablet = await scene.enter("alice")
    await alice.send("edit_message", message_id=ack["message_id"], content="hello")
    for device in (alice, tablet, bob):
        told = await device.next("message_updated", message_id=ack["message_id"])
        expect("content and seq", [told["content"], told["seq"]], ["hello", ack["seq"]])
        demand(told["version"] > 1 and told["edited_at"].endswith("Z"), "version and time", told)
        demand(told["cursor"] >= 1, "a cursor", told)


async def an_edit_is_acknowledged(scene: Scene) -> None:
    """An edit with a client_id is answered with exactly one `ack` that has it."""
    alice, _, ack = await _one_message(scene)
    expect("the outcome", (await _edit(alice, ack, "hello"))["type"], "ack")
    await alice.settled()
    expect("the acks", len(alice.received("ack")), 2)


async def history_shows_the_edit(scene: Scene) -> None:
    """The history has the edited content, with the `seq` and `created_at` of the message."""
    alice, _, ack = await _one_message(scene)
    await _edit(alice, ack, "hello")
    row = await _row(await scene.api("bob"), ack)
    expect("the row", [row["content"], row["seq"]], ["hello", ack["seq"]])
    expect("created_at", row["created_at"], ack["created_at"])
    demand(bool(row.get("edited_at")), "edited_at", row)


async def a_replay_shows_what_it_says_now(scene: Scene) -> None:
    """A message that was edited while its reader was offline is replayed as edited."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await scene.leave(bob)
    ack = await alice.acked(bob.user_id, "helo")
    await _edit(alice, ack, "hello")
    back = await _back(scene, bob)
    told = back.received("message")[0]
    expect("the content", told["content"], "hello")


async def only_the_sender_edits(scene: Scene) -> None:
    """An edit by the recipient is refused as `forbidden`."""
    _, bob, ack = await _one_message(scene)
    expect("the code", (await _edit(bob, ack, "mine"))["code"], "forbidden")
    expect("the content", (await _row(await scene.api("bob"), ack))["content"], "helo")


async def an_outsiders_edit_tells_nothing(scene: Scene) -> None:
    """Editing or deleting a message that one cannot see is answered as for an unknown one."""
    _, _, ack = await _one_message(scene)
    eve = await scene.enter("eve")
    about = {"message_id": ack["message_id"]}, {"message_id": ABSENT}
    for kind, fields in (
        ("edit_message", {"content": "x"}),
        ("delete_message", {"mode": "me"}),
        ("delete_message", {"mode": "everyone"}),
    ):
        answers = []
        for one in about:
            await eve.send(kind, client_id="try", **one, **fields)
            answers.append(await eve.outcome("try"))
        expect(f"the code of {kind}", answers[0].get("code"), "not_found")
        expect(f"the answer to {kind}", answers[0], answers[1])


async def a_resend_after_an_edit(scene: Scene) -> None:
    """Resending a message after its edit returns the first ack and keeps the edit."""
    alice, bob, ack = await _one_message(scene)
    await _edit(alice, ack, "hello")
    again = await alice.acked(bob.user_id, "helo", ack["client_id"])
    expect("the ack", again, {**ack, "duplicate": True})
    expect("the content", (await _row(await scene.api("bob"), ack))["content"], "hello")


async def deleted_for_everyone_is_told(scene: Scene) -> None:
    """`message_deleted {mode: everyone}` reaches all devices of both users."""
    alice, bob, ack = await _one_message(scene)
    tablet = await scene.enter("alice")
    await alice.send("delete_message", message_id=ack["message_id"], mode="everyone")
    for device in (alice, tablet, bob):
        told = await device.next("message_deleted", message_id=ack["message_id"])
        expect("mode and seq", [told["mode"], told["seq"]], ["everyone", ack["seq"]])
        demand(told["version"] > 1 and told["deleted_at"].endswith("Z"), "version and time", told)


async def a_tombstone_holds_no_text(scene: Scene) -> None:
    """A message deleted for everyone stays in the history and the inbox without content."""
    alice, _, ack = await _one_message(scene)
    await _delete(alice, ack, "everyone")
    api = await scene.api("bob")
    row = await _row(api, ack)
    expect("what is left", [row["content"], row["seq"]], ["", ack["seq"]])
    demand(bool(row.get("deleted_at")), "deleted_at", row)
    last = (await api.chat(ack["conversation_id"]))["last_message"]
    expect("in the inbox", [last["content"], last["deleted_at"]], ["", row["deleted_at"]])


async def a_replay_holds_no_deleted_text(scene: Scene) -> None:
    """A message sent and deleted while its reader was offline is replayed without content."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await scene.leave(bob)
    ack = await alice.acked(bob.user_id, "regrets")
    await _edit(alice, ack, "more regrets")
    await _delete(alice, ack, "everyone")
    back = await _back(scene, bob)
    told = back.received("message")[0]
    expect("the content", told["content"], "")
    demand("regrets" not in str(back.frames), "no deleted text", back.frames)


async def only_the_sender_deletes_for_everyone(scene: Scene) -> None:
    """Deleting for everyone by the recipient is refused as `forbidden`."""
    _, bob, ack = await _one_message(scene)
    expect("the code", (await _delete(bob, ack, "everyone"))["code"], "forbidden")
    expect("the content", (await _row(await scene.api("bob"), ack))["content"], "helo")


async def what_is_deleted_is_edited_no_more(scene: Scene) -> None:
    """A message deleted for everyone accepts no edits and no reactions."""
    alice, bob, ack = await _one_message(scene)
    await _delete(alice, ack, "everyone")
    expect("the code", (await _edit(alice, ack, "back"))["code"], "not_found")
    await bob.send("react", message_id=ack["message_id"], emoji="👍", client_id="react")
    expect("the code", (await bob.outcome("react"))["code"], "not_found")


async def a_deletion_can_be_repeated(scene: Scene) -> None:
    """Repeating a deletion is acknowledged and sends no second `message_deleted`."""
    alice, bob, ack = await _one_message(scene)
    for _ in range(2):
        expect("the outcome", (await _delete(alice, ack, "everyone"))["type"], "ack")
    await bob.next("message_deleted")
    await bob.settled()
    expect("what bob was told", len(bob.received("message_deleted")), 1)


async def deleted_for_me_is_gone_for_me_alone(scene: Scene) -> None:
    """`mode: me` hides a message from the history and inbox of one user only."""
    _, bob, ack = await _one_message(scene)
    expect("the outcome", (await _delete(bob, ack, "me"))["type"], "ack")
    api = await scene.api("bob")
    page = await api.page(ack["conversation_id"])
    expect("the reader's page", page["messages"], [])
    chat = await api.chat(ack["conversation_id"])
    expect("the inbox", [chat["last_message"], chat["unread_count"]], [None, 0])
    expect("the sender's", (await _row(await scene.api("alice"), ack))["content"], "helo")


async def deleted_for_me_is_told_to_me_alone(scene: Scene) -> None:
    """`message_deleted {mode: me}` reaches the other devices of that user, and nobody else."""
    alice, bob, ack = await _one_message(scene)
    tablet = await scene.enter("bob")
    await _delete(bob, ack, "me")
    told = await tablet.next("message_deleted", message_id=ack["message_id"])
    expect("the mode", told["mode"], "me")
    await alice.settled()
    expect("what the sender was told", alice.received("message_deleted"), [])


# ------------------------------------------------------------------ over HTTP


async def editing_over_http(scene: Scene) -> None:
    """PATCH of one's own message returns 204 and sends the edit; otherwise it returns 403."""
    _, bob, ack = await _one_message(scene)
    path, body = f"/v1/messages/{ack['message_id']}", b'{"content": "by HTTP"}'
    expect("the status", (await (await scene.api("alice")).call("PATCH", path, body)).status, 204)
    told = await bob.next("message_updated", message_id=ack["message_id"])
    expect("the content", told["content"], "by HTTP")
    refused = await (await scene.api("bob")).call("PATCH", path, body)
    expect("bob's", [refused.status, refused.json()["code"]], [403, "forbidden"])


async def deleting_over_http(scene: Scene) -> None:
    """DELETE accepts `mode` in the query or the body, and returns 204."""
    alice, bob, ack = await _one_message(scene)
    path, api = f"/v1/messages/{ack['message_id']}", await scene.api("alice")
    gone = await api.call("DELETE", path, query={"mode": "everyone"})
    await bob.next("message_deleted", mode="everyone")
    hidden = await api.call("DELETE", path, b'{"mode": "me"}')
    await alice.next("message_deleted", mode="me")
    expect("the statuses", [gone.status, hidden.status], [204, 204])


async def deleting_many_answers_for_each(scene: Scene) -> None:
    """POST /v1/messages/delete returns a result for each id, in their order."""
    alice, bob, ack = await _one_message(scene)
    other = await alice.acked(bob.user_id, "second")
    ids = [other["message_id"], ABSENT, ack["message_id"]]
    api = await scene.api("bob")
    answer = await api.post("/v1/messages/delete", {"message_ids": ids, "mode": "me"})
    expect("the status", answer.status, 200)
    results = answer.json()["results"]
    expect("the ids", [one["message_id"] for one in results], ids)
    expect("the outcomes", [one["deleted"] for one in results], [True, False, True])
    expect("the error", results[1]["error"]["code"], "not_found")


async def an_outsider_over_http(scene: Scene) -> None:
    """PATCH and DELETE of a message that one cannot see return the 404 of an unknown one."""
    _, _, ack = await _one_message(scene)
    eve = await scene.api("eve")
    for method, body in (("PATCH", b'{"content": "x"}'), ("DELETE", b'{"mode": "me"}')):
        answers = [
            await eve.call(method, f"/v1/messages/{message_id}", body)
            for message_id in (ack["message_id"], ABSENT)
        ]
        expect(f"the status of {method}", answers[0].status, 404)
        expect(f"the answer to {method}", answers[0].json(), answers[1].json())


async def _one_message(scene: Scene) -> tuple[Player, Player, Frame]:
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    return alice, bob, await alice.acked(bob.user_id, "helo")


async def _edit(player: Player, ack: Frame, content: str) -> Frame:
    client_id = player.new_id()
    about = {"message_id": ack["message_id"], "client_id": client_id}
    await player.send("edit_message", content=content, **about)
    return await player.outcome(client_id)


async def _delete(player: Player, ack: Frame, mode: str) -> Frame:
    client_id = player.new_id()
    about = {"message_id": ack["message_id"], "client_id": client_id}
    await player.send("delete_message", mode=mode, **about)
    return await player.outcome(client_id)


async def _back(scene: Scene, player: Player) -> Player:
    """Connect the user once more, from the cursor where the first socket began."""
    welcome = player.frames[0]
    return await scene.enter("bob", epoch=welcome["epoch"], cursor=welcome["cursor"])


async def _row(api: Caller, ack: Frame) -> Frame:
    page = await api.page(ack["conversation_id"])
    rows = {one["message_id"]: one for one in page["messages"]}
    return dict(rows[ack["message_id"]])


CHECKS = (
    *checks(
        "revision",
        "revisions",
        ("C5", an_edit_reaches_every_device),
        ("C2", an_edit_is_acknowledged),
        ("C1", history_shows_the_edit),
        ("C6", a_replay_shows_what_it_says_now),
        ("C9", only_the_sender_edits),
        ("C9", an_outsiders_edit_tells_nothing),
        ("C3", a_resend_after_an_edit),
        ("C5", deleted_for_everyone_is_told),
        ("C1", a_tombstone_holds_no_text),
        ("C6", a_replay_holds_no_deleted_text),
        ("C9", only_the_sender_deletes_for_everyone),
        ("", what_is_deleted_is_edited_no_more),
        ("C2", a_deletion_can_be_repeated),
        ("C1", deleted_for_me_is_gone_for_me_alone),
        ("C5", deleted_for_me_is_told_to_me_alone),
    ),
    *checks(
        "revision",
        "HTTP",
        ("", editing_over_http),
        ("", deleting_over_http),
        ("", deleting_many_answers_for_each),
        ("C9", an_outsider_over_http),
    ),
)
