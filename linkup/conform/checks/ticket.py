"""Checks of one-time tickets: what opens a socket in place of a token, once."""

from typing import Any

from linkup.conform.check import checks
from linkup.conform.player import Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect


async def a_ticket_opens_a_socket(scene: Scene) -> None:
    """A ticket opens a normal WebSocket of the user who got it."""
    bob = await scene.enter("bob")
    alice = await _show(scene, (await _bought(scene))["ticket"])
    await alice.next("welcome", user_id=alice.user_id)
    await alice.acked(bob.user_id, "by ticket")
    expect("the sender", (await bob.next("message"))["sender_id"], alice.user_id)


async def a_ticket_is_good_once(scene: Scene) -> None:
    """A used ticket closes the WebSocket with 4401."""
    ticket = (await _bought(scene))["ticket"]
    alice = await _show(scene, ticket)
    await alice.next("welcome")
    again = await _show(scene, ticket)
    expect("the close code", await again.closed(), 4401)
    expect("the error", [one["code"] for one in again.received("error")], ["unauthorized"])


async def a_ticket_is_no_token(scene: Scene) -> None:
    """A ticket in place of a bearer token is refused with HTTP 401."""
    ticket = (await _bought(scene))["ticket"]
    answer = await scene.stranger(ticket).get("/v1/conversations")
    expect("the status", answer.status, 401)


async def a_ticket_says_until_when(scene: Scene) -> None:
    """POST /v1/tickets returns 201 with a new `ticket` and `expires_at` each time."""
    one, two = await _bought(scene), await _bought(scene)
    expect("the fields", sorted(one), ["expires_at", "ticket"])
    demand(one["ticket"] != two["ticket"], "two different tickets", "the same one twice")
    demand(len(one["ticket"]) >= 43, "256 bits, which take 43 characters", len(one["ticket"]))


async def _bought(scene: Scene) -> Any:
    answer = await (await scene.api("alice")).post("/v1/tickets", {})
    expect("the status", answer.status, 201)
    return answer.json()


async def _show(scene: Scene, ticket: str) -> Player:
    alice = await scene.socket("alice")
    await alice.send("hello", token=ticket)
    return alice


CHECKS = checks(
    "ticket",
    "connecting",
    ("C9", a_ticket_opens_a_socket),
    ("C9", a_ticket_is_good_once),
    ("C9", a_ticket_is_no_token),
    ("", a_ticket_says_until_when),
)
