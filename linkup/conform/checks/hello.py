"""Checks of the way in: credentials, the order of the first frames, who is kept out."""

import asyncio
import secrets
import time
from typing import Any

import jwt

from linkup.conform.check import checks
from linkup.conform.player import Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

HELLO_SECONDS = 5.0
FAR_TOO_LONG = HELLO_SECONDS * 2 + 2


async def welcome_has_its_fields(scene: Scene) -> None:
    """`welcome` has user_id, connection_id, epoch, cursor, heartbeat_ms, recovered, limits."""
    alice = await scene.enter("alice")
    welcome = alice.frames[0]
    expect("the first frame", welcome["type"], "welcome")
    expect("user_id", welcome["user_id"], alice.user_id)
    expect("recovered", welcome["recovered"], True)
    for name in ("connection_id", "epoch"):
        demand(bool(welcome[name]) and isinstance(welcome[name], str), f"a {name}", welcome)
    demand(welcome["heartbeat_ms"] > 0, "a heartbeat above 0", welcome)
    demand(welcome["limits"]["max_content"] >= 5000, "room for 5,000 code points", welcome)


async def sync_completed_follows_welcome(scene: Scene) -> None:
    """`sync_completed` with the current cursor follows `welcome` and the missed events."""
    alice = await scene.enter("alice")
    expect("the frames", [one["type"] for one in alice.frames], ["welcome", "sync_completed"])
    expect("the cursor", alice.frames[1]["cursor"], alice.frames[0]["cursor"])


async def two_sockets_have_two_ids(scene: Scene) -> None:
    """Every WebSocket has its own connection_id."""
    one, two = await scene.enter("alice"), await scene.enter("alice")
    ids = [one.frames[0]["connection_id"], two.frames[0]["connection_id"]]
    demand(ids[0] != ids[1], "two connection ids", ids)


async def no_hello_in_time(scene: Scene) -> None:
    """A WebSocket that sends nothing within 5 seconds is closed with 4401."""
    alice = await scene.socket("alice")
    expect("the close code", await alice.closed(FAR_TOO_LONG), 4401)


async def another_first_frame(scene: Scene) -> None:
    """A first frame other than `hello` closes the WebSocket with 4401."""
    await _turned_away(scene, {"type": "ping"})


async def hello_without_token(scene: Scene) -> None:
    """A `hello` without a token closes the WebSocket with 4401."""
    await _turned_away(scene, {"type": "hello"})


async def token_that_is_none(scene: Scene) -> None:
    """A text that is not a JSON Web Token closes the WebSocket with 4401."""
    await _turned_away(scene, {"type": "hello", "token": "nonsense"})


async def token_of_another_key(scene: Scene) -> None:
    """A token signed with another secret closes the WebSocket with 4401."""
    token = jwt.encode(_claims(scene), secrets.token_hex(32), algorithm="HS256")
    await _turned_away(scene, {"type": "hello", "token": token})


async def token_without_signature(scene: Scene) -> None:
    """A token with the algorithm `none` closes the WebSocket with 4401."""
    token = jwt.encode(_claims(scene), "", algorithm="none")
    await _turned_away(scene, {"type": "hello", "token": token})


async def token_that_expired(scene: Scene) -> None:
    """An expired token closes the WebSocket with 4401."""
    token = scene.deployment.sign(scene.user("alice"), exp=int(time.time()) - 600)
    await _turned_away(scene, {"type": "hello", "token": token})


async def token_for_another_audience(scene: Scene) -> None:
    """A token for another audience closes the WebSocket with 4401."""
    token = scene.deployment.sign(scene.user("alice"), aud="conform-another-app")
    await _turned_away(scene, {"type": "hello", "token": token})


async def token_of_an_impossible_user(scene: Scene) -> None:
    """A token whose `sub` is not a valid user_id (`a/b`) closes the WebSocket with 4401."""
    token = scene.deployment.sign("a/b")
    await _turned_away(scene, {"type": "hello", "token": token})


async def a_socket_ends_with_its_token(scene: Scene) -> None:
    """The WebSocket is closed with 4401 when its token expires."""
    alice = await scene.socket("alice")
    token = scene.deployment.sign(alice.user_id, exp=int(time.time()) + 2)
    await alice.send("hello", token=token)
    await alice.next("welcome")
    expect("the close code", await alice.closed(2 + scene.patience + 1), 4401)


async def a_malformed_hello_may_be_said_again(scene: Scene) -> None:
    """After a `hello` with an unknown field and `invalid_frame`, a valid `hello` is accepted."""
    alice = await scene.socket("alice")
    await alice.send("hello", tokem="x")
    expect("the code", (await alice.next("error"))["code"], "invalid_frame")
    await alice.send("hello", token=await scene.token("alice"))
    await alice.next("welcome")


async def a_hello_above_4_kib(scene: Scene) -> None:
    """A `hello` above 4 KiB is refused as `too_large`."""
    alice = await scene.socket("alice")
    await alice.send("hello", token="x" * 5000)
    expect("the code", (await alice.next("error"))["code"], "too_large")


async def bearer_header_without_hello(scene: Scene) -> None:
    """With `Authorization: Bearer`, the client need not send `hello`."""
    alice = await _with_header(scene)
    await alice.next("welcome", user_id=alice.user_id)


async def bearer_header_and_a_frame(scene: Scene) -> None:
    """With a bearer token, any frame may be the first; its answer follows `welcome`."""
    alice = await _with_header(scene)
    await alice.send("ping", timestamp=7)
    await alice.next("welcome")
    await alice.next("pong", timestamp=7)


async def bearer_header_and_hello(scene: Scene) -> None:
    """With a bearer token, `hello` may have only `epoch` and `cursor`."""
    before = await scene.enter("alice")
    epoch = before.frames[0]["epoch"]
    alice = await _with_header(scene)
    await alice.send("hello", epoch=epoch, cursor=0)
    await alice.next("welcome", recovered=True)


async def bad_bearer_header(scene: Scene) -> None:
    """An invalid bearer token is refused with HTTP 401 or close code 4401."""
    headers = {"Authorization": "Bearer nonsense"}
    status = await scene.refused("/ws", additional_headers=headers)
    if status == 101:
        alice = await scene.socket("alice", additional_headers=headers)
        expect("the close code", await alice.closed(), 4401)
    else:
        expect("the status", status, 401)


async def token_in_the_address_is_ignored(scene: Scene) -> None:
    """A token in the URL is not accepted."""
    token = await scene.token("alice")
    path = f"/ws?token={token}"
    status = await scene.refused(path)
    if status == 101:
        alice = await scene.socket("alice", path=path)
        await alice.send("ping")
        expect("the close code", await alice.closed(), 4401)


async def the_subprotocol_is_echoed(scene: Scene) -> None:
    """The server selects the subprotocol `linkup.v1` among those that the client offers."""
    alice = await scene.socket("alice", subprotocols=["something.else", "linkup.v1"])
    expect("the subprotocol", alice.socket.subprotocol, "linkup.v1")


async def no_subprotocol_is_no_fault(scene: Scene) -> None:
    """A WebSocket without a subprotocol is accepted."""
    alice = await scene.enter("alice")
    expect("the subprotocol", alice.socket.subprotocol, None)


async def a_foreign_origin_is_refused(scene: Scene) -> None:
    """A page with a foreign Origin is refused with HTTP 403."""
    url = scene.deployment.url
    origins = ("null", "https://evil.conform.example", f"{url}.evil.example", f"{url}0")
    for origin in origins:
        expect(f"the status for {origin}", await scene.refused("/ws", origin=origin), 403)


async def the_own_origin_is_let_in(scene: Scene) -> None:
    """A page with the server's own Origin is accepted."""
    await scene.socket("alice", origin=scene.deployment.url)


async def an_unknown_path_is_refused(scene: Scene) -> None:
    """A WebSocket to an unknown path is refused with HTTP 404 or 403."""
    for path in ("/nowhere", "/ws/nowhere/at/all"):
        status = await scene.refused(path)
        demand(status in (403, 404), f"404 or 403 for {path}", status)


async def a_second_hello_changes_nobody(scene: Scene) -> None:
    """A second `hello` with a token of another user is refused; the user stays the same."""
    alice, mallory = await scene.enter("alice"), await scene.enter("mallory")
    await alice.send("hello", token=await scene.token("mallory"))
    expect("the code", (await alice.next("error"))["code"], "invalid_frame")
    await alice.acked(mallory.user_id, "still alice")
    got = await mallory.next("message", content="still alice")
    expect("the sender", got["sender_id"], alice.user_id)


async def many_silent_sockets_hurt_nobody(scene: Scene) -> None:
    """WebSockets that send no `hello` do not delay others."""
    await scene.token("alice")  # else each of them waits for one
    await asyncio.gather(*(scene.socket("alice") for _ in range(5)))
    alice = await scene.enter("alice")
    await alice.acked(alice.user_id, "not kept waiting")


def _claims(scene: Scene) -> dict[str, Any]:
    audience = scene.deployment.audience
    return {"sub": scene.user("alice"), "aud": audience, "exp": int(time.time()) + 300}


async def _turned_away(scene: Scene, first: dict[str, Any]) -> None:
    alice = await scene.socket("alice")
    await alice.send(**{"kind": first["type"], **{k: v for k, v in first.items() if k != "type"}})
    expect("the close code", await alice.closed(), 4401)
    errors = alice.received("error")
    demand(len(errors) == len(alice.frames) == 1, "one error before the close", alice.frames)
    expect("the code", errors[0]["code"], "unauthorized")


async def _with_header(scene: Scene) -> Player:
    token = await scene.token("alice")
    return await scene.socket("alice", additional_headers={"Authorization": f"Bearer {token}"})


CHECKS = checks(
    "hello",
    "connecting",
    ("", welcome_has_its_fields),
    ("", sync_completed_follows_welcome),
    ("", two_sockets_have_two_ids),
    ("C10", no_hello_in_time),
    ("C9", another_first_frame),
    ("C9", hello_without_token),
    ("C9", token_that_is_none),
    ("C9", token_of_another_key),
    ("C9", token_without_signature),
    ("C9", token_that_expired),
    ("C9", token_for_another_audience),
    ("C9", token_of_an_impossible_user),
    ("C9", a_socket_ends_with_its_token),
    ("", a_malformed_hello_may_be_said_again),
    ("", a_hello_above_4_kib),
    ("", bearer_header_without_hello),
    ("", bearer_header_and_a_frame),
    ("", bearer_header_and_hello),
    ("C9", bad_bearer_header),
    ("C9", token_in_the_address_is_ignored),
    ("", the_subprotocol_is_echoed),
    ("", no_subprotocol_is_no_fault),
    ("C9", a_foreign_origin_is_refused),
    ("", the_own_origin_is_let_in),
    ("", an_unknown_path_is_refused),
    ("C9", a_second_hello_changes_nobody),
    ("C10", many_silent_sockets_hurt_nobody),
)
