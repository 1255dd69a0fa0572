"""Checks of files: who may send one, who may fetch it and how, and what an erased one leaves."""

import secrets
from typing import Any

from linkup.conform.caller import Caller
from linkup.conform.check import checks
from linkup.conform.deployment import Answer
from linkup.conform.player import Frame
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

TEXT = b"text of a file"
ABSENT = "0" * 32


async def a_file_comes_with_its_message(scene: Scene) -> None:
    """The history describes a file by id, name, size and type."""
    alice, bob = await _pair(scene)
    uploaded = await _upload(alice, name="plan.txt")
    sent = await _send(scene, alice, uploaded["attachment_id"])
    [message] = (await bob.page(sent.json()["conversation_id"]))["messages"]
    expect("the content", message["content"], "")
    expect("the attachments", message["attachments"], [uploaded])
    shown = [uploaded["name"], uploaded["size"], uploaded["media_type"]]
    expect("name, size and type", shown, ["plan.txt", len(TEXT), "text/plain"])


async def its_url_needs_no_token(scene: Scene) -> None:
    """A user who sees the message gets a URL that works without a token."""
    alice, bob = await _pair(scene)
    file_id = await _sent(scene, alice)
    answer = await scene.stranger().get((await _link(bob, file_id))["url"])
    expect("the status", answer.status, 200)
    expect("the bytes", answer.body.decode(), TEXT.decode())


async def a_changed_url_is_as_good_as_none(scene: Scene) -> None:
    """A URL with a wrong signature, or without one, is refused."""
    alice, _ = await _pair(scene)
    url = (await _link(alice, (await _upload(alice))["attachment_id"]))["url"]
    changed = url[:-1] + ("1" if url.endswith("0") else "0")
    for wrong in (changed, changed.partition("?")[0]):
        answer = await scene.stranger().get(wrong)
        demand(answer.status in (400, 404), "400 or 404", answer.status)


async def an_outsider_reaches_no_file(scene: Scene) -> None:
    """A file of other users, sent or not, returns the 404 of an unknown one."""
    alice, bob = await _pair(scene)
    unsent = (await _upload(alice))["attachment_id"]
    sent = await _sent(scene, alice)
    await scene.enter("eve")
    eve = await scene.api("eve")
    answers = [await _asked(eve, one) for one in (ABSENT, sent, unsent)]
    answers.append(await _asked(bob, unsent))
    expect("the answers", [one.status for one in answers], [404] * 4)
    expect("the bodies", [one.json() for one in answers], [answers[0].json()] * 4)


async def a_file_goes_with_one_message(scene: Scene) -> None:
    """A file that was sent already cannot be sent again."""
    alice, _ = await _pair(scene)
    again = await _send(scene, alice, await _sent(scene, alice))
    expect("the answer", [again.status, again.json()["code"]], [404, "not_found"])


async def only_its_uploader_sends_a_file(scene: Scene) -> None:
    """A message with another user's file is answered as with an unknown file."""
    alice, bob = await _pair(scene)
    foreign = (await _upload(bob))["attachment_id"]
    answers = [await _send(scene, alice, one, client_id="in") for one in (foreign, ABSENT)]
    expect("the status", answers[0].status, 404)
    expect("the answer", answers[0].json(), answers[1].json())


async def other_files_are_a_conflict(scene: Scene) -> None:
    """The same client_id with another file is `client_id_conflict`."""
    alice, _ = await _pair(scene)
    one, other = [(await _upload(alice))["attachment_id"] for _ in range(2)]
    expect("the status", (await _send(scene, alice, one, client_id="c1")).status, 201)
    answer = await _send(scene, alice, other, client_id="c1")
    expect("the answer", [answer.status, answer.json()["code"]], [409, "client_id_conflict"])


async def a_message_says_or_carries_something(scene: Scene) -> None:
    """A message without content and files is refused."""
    alice, _ = await _pair(scene)
    answer = await _send(scene, alice)
    expect("the answer", [answer.status, answer.json()["code"]], [400, "invalid_request"])


async def a_program_is_not_taken(scene: Scene) -> None:
    """A file that begins like a program is `unsupported`, whatever its name."""
    alice, _ = await _pair(scene)
    answer = await _uploaded(alice, b"\x7fELF\x02\x01\x01" + bytes(64), "holiday.png")
    expect("the code", answer.json()["code"], "unsupported")


async def markup_leaves_as_a_download(scene: Scene) -> None:
    """HTML with the name of an image is served as a download that no browser runs."""
    alice, _ = await _pair(scene)
    page = await _upload(alice, b"<!doctype html><script>1</script>", "a.png")
    answer = await scene.stranger().get((await _link(alice, page["attachment_id"]))["url"])
    demand(page["media_type"] == "text/html", "text/html", page["media_type"])
    demand(answer.headers["content-type"] != "text/html", "another type", answer.headers)
    placed = answer.headers.get("content-disposition", "")
    demand(placed.startswith("attachment"), "a download", placed)
    expect("sniffing", answer.headers.get("x-content-type-options"), "nosniff")


async def part_of_a_file_is_served(scene: Scene) -> None:
    """A file is served with Accept-Ranges and Content-Length, and by ranges."""
    alice, _ = await _pair(scene)
    url = (await _link(alice, (await _upload(alice))["attachment_id"]))["url"]
    headers = (await scene.stranger().get(url)).headers
    shown = [headers.get("accept-ranges"), headers.get("content-length")]
    expect("ranges and length", shown, ["bytes", str(len(TEXT))])


async def an_erased_message_takes_its_file_along(scene: Scene) -> None:
    """After a deletion for everyone, the file and its URL return 404 for everybody."""
    alice, bob = await _pair(scene)
    file_id = (await _upload(alice))["attachment_id"]
    sent = (await _send(scene, alice, file_id)).json()
    url = (await _link(bob, file_id))["url"]
    path = f"/v1/messages/{sent['message_id']}"
    expect("the status", (await alice.call("DELETE", path, query={"mode": "everyone"})).status, 204)
    [message] = (await bob.page(sent["conversation_id"]))["messages"]
    demand("attachments" not in message, "no attachments", message)
    gone = [await _asked(alice, file_id), await _asked(bob, file_id)]
    gone.append(await scene.stranger().get(url))
    expect("the answers", [one.status for one in gone], [404] * 3)


async def _pair(scene: Scene) -> tuple[Caller, Caller]:
    for role in ("alice", "bob"):
        await scene.enter(role)
    return await scene.api("alice"), await scene.api("bob")


async def _uploaded(caller: Caller, content: bytes, name: str) -> Answer:
    return await caller.call("POST", "/v1/attachments", content, {"name": name})


async def _upload(caller: Caller, content: bytes = TEXT, name: str = "a.txt") -> Frame:
    answer = await _uploaded(caller, content, name)
    expect("the status", answer.status, 201)
    return dict(answer.json())


async def _send(scene: Scene, caller: Caller, *file_ids: str, client_id: str = "") -> Answer:
    """Send files from alice to bob, without text."""
    body: dict[str, Any] = {"to": scene.user("bob"), "content": "", "attachments": file_ids}
    return await caller.post(
        "/v1/messages", {"client_id": client_id or secrets.token_hex(6), **body}
    )


async def _sent(scene: Scene, alice: Caller) -> str:
    """The id of a file that alice has sent to bob."""
    file_id = str((await _upload(alice))["attachment_id"])
    expect("the status", (await _send(scene, alice, file_id)).status, 201)
    return file_id


async def _asked(caller: Caller, file_id: str) -> Answer:
    return await caller.get(f"/v1/attachments/{file_id}")


async def _link(caller: Caller, file_id: str) -> Frame:
    answer = await _asked(caller, file_id)
    expect("the status", answer.status, 200)
    return dict(answer.json())


CHECKS = checks(
    "attachment",
    "HTTP",
    ("C5", a_file_comes_with_its_message),
    ("", its_url_needs_no_token),
    ("", a_changed_url_is_as_good_as_none),
    ("C9", an_outsider_reaches_no_file),
    ("C9", a_file_goes_with_one_message),
    ("C9", only_its_uploader_sends_a_file),
    ("C3", other_files_are_a_conflict),
    ("", a_message_says_or_carries_something),
    ("", a_program_is_not_taken),
    ("", markup_leaves_as_a_download),
    ("", part_of_a_file_is_served),
    ("", an_erased_message_takes_its_file_along),
)
