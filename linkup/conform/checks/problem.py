"""Checks of errors: one shape on the socket, RFC 9457 over HTTP, nothing of the inside."""

import json

from linkup.conform.check import checks
from linkup.conform.deployment import Answer
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

INSIDES = ("traceback", "exception", "site-packages", ".py", "sqlite", "select ", "nats")
BODIES = {
    "a list": b"[]",
    "a number": b"5",
    "a string": b'"x"',
    "an empty object": b"{}",
    "a field of another kind": b'{"message": 5}',
    "a field too many": b'{"client_id":"a","to":"b","content":"c","colour":"red"}',
    "no JSON": b"{",
    "nothing": b"",
    "no UTF-8": b'{"client_id":"\xff"}',
    "nesting without end": b'{"x":' + b"[" * 30_000,
}


async def an_error_has_its_fields(scene: Scene) -> None:
    """An `error` frame has a code, a message and `temporary`."""
    alice = await scene.enter("alice")
    await alice.send("nonsense")
    error = await alice.next("error")
    kinds = [type(error.get(name)).__name__ for name in ("code", "message", "temporary")]
    expect("the fields", kinds, ["str", "str", "bool"])


async def an_error_names_no_inside(scene: Scene) -> None:
    """Errors contain no traceback, path or SQL."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    await alice.send_text("{'")
    texts = [json.dumps(await alice.next("error"))]
    for body in BODIES.values():
        texts.append((await api.call("POST", "/v1/messages", body)).body.decode())
    found = [word for word in INSIDES for text in texts if word in text.lower()]
    expect("words of the inside", found, [])


async def an_unknown_route(scene: Scene) -> None:
    """An unknown route returns 404 as problem+json."""
    _problem(await (await scene.api("alice")).get("/v1/nowhere"), 404, "not_found")


async def another_method(scene: Scene) -> None:
    """A route with a wrong method returns 405 as problem+json."""
    _problem(await (await scene.api("alice")).get("/v1/messages"), 405, None)


async def without_a_token(scene: Scene) -> None:
    """Every route without a token returns 401 with WWW-Authenticate."""
    for path in ("/v1/conversations", "/v1/conversations/x/messages"):
        answer = await scene.stranger().get(path)
        _problem(answer, 401, "unauthorized")
        expect("the header", answer.headers.get("www-authenticate"), "Bearer")
    _problem(await scene.stranger().post("/v1/messages", {}), 401, "unauthorized")


async def with_a_bad_token(scene: Scene) -> None:
    """An invalid token returns 401."""
    answer = await scene.stranger("nonsense").get("/v1/conversations")
    _problem(answer, 401, "unauthorized")


async def a_token_in_the_address(scene: Scene) -> None:
    """A token in the URL is not accepted."""
    token = await scene.token("alice")
    answer = await scene.stranger().get("/v1/conversations", token=token)
    _problem(answer, 401, "unauthorized")


async def a_bad_body(scene: Scene) -> None:
    """An invalid body returns 400 `invalid_request`."""
    api = await scene.api("alice")
    for body in BODIES.values():
        _problem(await api.call("POST", "/v1/messages", body), 400, "invalid_request")


async def a_large_body(scene: Scene) -> None:
    """A body above 64 KiB returns 413 `too_large`."""
    body = json.dumps({"client_id": "a", "to": "b", "content": "x" * 70_000}).encode()
    _problem(await (await scene.api("alice")).call("POST", "/v1/messages", body), 413, "too_large")


async def temporary_errors_say_when(scene: Scene) -> None:
    """A temporary error over HTTP has Retry-After in whole seconds."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    body = {"to": alice.user_id, "content": "x", "client_id": "late", "after": "never"}
    answer = await api.post("/v1/messages", body)
    expect("temporary", answer.json()["temporary"], True)
    after = answer.headers.get("retry-after", "")
    demand(after.isdecimal() and int(after) >= 1, "Retry-After of 1 or more", answer.headers)


async def lasting_errors_do_not(scene: Scene) -> None:
    """A permanent error has no Retry-After."""
    answer = await (await scene.api("alice")).get("/v1/nowhere")
    expect("the header", answer.headers.get("retry-after"), None)


def _problem(answer: Answer, status: int, code: str | None) -> None:
    """RFC 9457, with the code of the frames."""
    expect("the status", answer.status, status)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    expect("the content type", kind, "application/problem+json")
    problem = answer.json()
    expect("its status", problem["status"], status)
    fields = ("type", "title", "code", "detail")
    demand(all(isinstance(problem.get(name), str) for name in fields), f"{fields}", problem)
    demand(isinstance(problem.get("temporary"), bool), "whether it is temporary", problem)
    if code is not None:
        expect("the code", problem["code"], code)


CHECKS = checks(
    "problem",
    "errors",
    ("C2", an_error_has_its_fields),
    ("C9", an_error_names_no_inside),
    ("", an_unknown_route),
    ("", another_method),
    ("C9", without_a_token),
    ("C9", with_a_bad_token),
    ("C9", a_token_in_the_address),
    ("", a_bad_body),
    ("C10", a_large_body),
    ("C2", temporary_errors_say_when),
    ("", lasting_errors_do_not),
)
