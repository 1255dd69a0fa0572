"""Checks of logging out: one token ends, with what it opened."""

from linkup.conform.check import checks
from linkup.conform.scene import Scene
from linkup.conform.verdict import expect


async def logging_out_closes_the_socket(scene: Scene) -> None:
    """`POST /v1/logout` closes the WebSockets that the token opened, with 4401, and no others."""
    bob, alice = await scene.enter("bob"), await scene.enter("alice")
    await _out(scene)
    expect("the close code", await alice.closed(), 4401)
    expect("the error", [one["code"] for one in alice.received("error")], ["unauthorized"])
    await bob.acked(bob.user_id, "still here")


async def a_token_that_logged_out_is_refused(scene: Scene) -> None:
    """After `POST /v1/logout`, the token is refused over HTTP and in `hello`."""
    await _out(scene)
    api = await scene.api("alice")
    for method, path in (("GET", "/v1/unread"), ("POST", "/v1/logout")):
        expect(f"the status of {path}", (await api.call(method, path)).status, 401)
    alice = await scene.socket("alice")
    await alice.send("hello", token=await scene.token("alice"))
    expect("the close code", await alice.closed(), 4401)


async def _out(scene: Scene) -> None:
    answer = await (await scene.api("alice")).call("POST", "/v1/logout")
    expect("the status", answer.status, 204)


CHECKS = checks(
    "logout",
    "connecting",
    ("C9", logging_out_closes_the_socket),
    ("C9", a_token_that_logged_out_is_refused),
)
