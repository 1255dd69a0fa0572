"""Refused connections, over real sockets, and the log line of each."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.support import web
from tests.support.peer import Http, closed, gather, http, peer
from tests.support.stack import Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR, eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="module")

GB_100 = 100_000_000_000
HANDSHAKE = (
    "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(
        tmp_path_factory.mktemp("stack"),
        allowed_origins=("https://chat.example",),
        allowed_hosts=("more.example",),
        sockets_per_user=2,
        message_burst=1,
        message_rate=0.01,
        search_per_minute=1,
        hello_timeout=2 * TIMEOUT_FACTOR,
    ) as running:
        yield running


def port_of(stack: Stack) -> int:
    return int(stack.url.rpartition(":")[2])


async def raw(stack: Stack, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request, and return the status of the answer and the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(stack))
    try:
        writer.write(head.replace("\n", "\r\n").encode("latin-1") + body)
        async with within(10):
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next((line for line in answer.split(b"\r\n") if b"ontent-" in line[:9]), b"")
            if b"ength" in length:
                answer += await reader.readexactly(int(length.partition(b":")[2]))
    finally:
        writer.close()
    return int(answer.split(b" ", 2)[1]), answer


async def asked(stack: Stack, host: str, path: str = "/v1/conversations") -> tuple[int, bytes]:
    token = stack.token("alice")
    head = f"GET {path} HTTP/1.1\nHost: {host}\nAuthorization: Bearer {token}\n\n"
    return await raw(stack, head)


async def opened(stack: Stack, host: str, origin: str = "") -> int:
    more = f"Origin: {origin}\n" if origin else ""
    status, _ = await raw(stack, f"GET /ws HTTP/1.1\nHost: {host}\n{more}{HANDSHAKE}\n")
    return status


def lines(stack: Stack, message: str, **fields: Any) -> list[dict[str, Any]]:
    """Return the lines that the gateway has logged so far with these fields."""
    texts = stack.log.read_text(errors="replace").rpartition("\n")[0].splitlines()
    found = [json.loads(text) for text in texts if text.startswith("{")]
    wanted = {"message": message, "service": "gateway", **fields}
    return [line for line in found if wanted.items() <= line.items()]


async def told(stack: Stack, count: int = 1, **fields: Any) -> None:
    """Wait until exactly `count` refusals with these fields are in the log."""
    await eventually(lambda: len(lines(stack, "refused", **fields)) >= count)
    assert len(lines(stack, "refused", **fields)) == count


# ------------------------------------------------------------------ H8


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "[::1]:9", "127.0.0.1", "chat.example", "more.example"]
)
async def test_f_h8_the_names_of_the_server_are_answered(stack: Stack, host: str) -> None:
    assert (await asked(stack, host))[0] == 200
    assert await opened(stack, host) == 101
    assert await opened(stack, host, f"http://{host}") == 101


@pytest.mark.parametrize("path", ["/", "/v1/conversations", "/static/app.css", "/docs", "/nowhere"])
async def test_f_h8_another_host_is_refused_on_every_route(stack: Stack, path: str) -> None:
    status, answer = await asked(stack, "evil.example", path)
    assert status == 403
    assert b"application/problem+json" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "forbidden"


async def test_f_h8_another_host_opens_no_socket_whatever_its_origin_says(stack: Stack) -> None:
    before = len(lines(stack, "refused", code="host", why="evil.example"))
    evil = f"evil.example:{port_of(stack)}"
    for origin in ("", f"http://{evil}", "https://chat.example", "null"):
        assert await opened(stack, evil, origin) == 403
    assert await opened(stack, f"localhost:{port_of(stack)}", f"http://{evil}") == 403
    await told(stack, before + 4, code="host", address="127.0.0.1", why="evil.example")
    await told(stack, 1, code="origin", address="127.0.0.1")


async def test_f_h8_a_forwarded_host_or_a_whole_url_changes_nothing(stack: Stack) -> None:
    forwarded = "Host: evil.example\nX-Forwarded-Host: localhost\nForwarded: host=localhost\n"
    assert (await raw(stack, f"GET / HTTP/1.1\n{forwarded}\n"))[0] == 403
    for target in ("http://evil.example/", "http://localhost/"):
        assert (await raw(stack, f"GET {target} HTTP/1.1\nHost: localhost\n\n"))[0] == 400
    for hosts in ("", "Host: localhost\nHost: evil.example\n", "Host: a@localhost\n"):
        assert (await raw(stack, f"GET / HTTP/1.1\n{hosts}\n"))[0] == 400
    assert (await raw(stack, "GET / HTTP/1.0\n\n"))[0] == 400


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health"])
async def test_f_h8_health_is_told_to_any_probe(stack: Stack, path: str) -> None:
    assert (await asked(stack, "10.1.2.3:8000", path))[0] == 200
    assert (await raw(stack, f"GET {path} HTTP/1.0\n\n"))[0] == 200


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "text/plain;application/json", "application/x-www-form-urlencoded"]
)
@pytest.mark.parametrize("path", ["/v1/dev/login", "/v1/messages", "/v1/blocks"])
async def test_f_h8_a_body_is_json_by_its_name(stack: Stack, path: str, kind: str | None) -> None:
    headers = {"authorization": f"Bearer {stack.token('alice')}"}
    headers |= {"content-type": kind} if kind else {}
    async with web.client(base_url=stack.url, timeout=60) as client:
        answer = await client.post(path, content=b'{"user_id": "mallory"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported")


async def test_f_h8_json_may_name_its_charset(stack: Stack) -> None:
    async with web.client(base_url=stack.url, timeout=60) as client:
        kind = {"content-type": "Application/JSON; charset=utf-8"}
        body = b'{"user_id": "alice"}'
        assert (await client.post("/v1/dev/login", content=body, headers=kind)).status_code == 200


# ------------------------------------------------------------------ T2


async def test_f_t2_a_bad_token_is_one_line_that_says_what_is_wrong_with_it(stack: Stack) -> None:
    expired = stack.token("alice", exp=int(time.time()) - 5)
    async with web.client(base_url=stack.url, timeout=60) as client:
        assert (await Http(client, expired).get("/v1/conversations")).status_code == 401
    await told(stack, code="unauthorized", address="127.0.0.1", why="expired")
    async with connect(stack.ws_url) as ws:
        await ws.send(json.dumps({"type": "hello", "token": stack.token("alice", aud="another")}))
        assert await closed(ws) == 4401
    await told(stack, code="unauthorized", address="127.0.0.1", why="audience")
    async with connect(stack.ws_url, additional_headers={"authorization": "Bearer x"}) as ws:
        assert await closed(ws) == 4401
    await told(stack, code="unauthorized", address="127.0.0.1", why="malformed")
    async with connect(stack.ws_url) as ws:
        await ws.send(json.dumps({"type": "hello", "token": "ticket_nobody-bought"}))
        assert await closed(ws) == 4401
    await told(stack, code="unauthorized", why="ticket")
    assert expired not in stack.log.read_text()


async def test_f_t2_a_refresh_with_a_bad_token_is_one_line_with_the_user(stack: Stack) -> None:
    async with peer(stack, "rita") as rita:
        await rita.send("refresh", token=stack.token("rita")[:-4] + "AAAA", client_id="r")
        assert (await rita.next("error"))["code"] == "unauthorized"
    await told(stack, code="unauthorized", user_id="rita", why="signature")


async def test_f_t2_too_many_sockets_and_silent_ones_are_one_line_each(stack: Stack) -> None:
    async with peer(stack, "max"), peer(stack, "max"), connect(stack.ws_url) as third:
        await third.send(json.dumps({"type": "hello", "token": stack.token("max")}))
        assert await closed(third) == 4029
    await told(stack, code="too_many", user_id="max", why="sockets_per_user")
    async with connect(stack.ws_url) as silent:
        assert await closed(silent) == 4401
    await told(stack, code="silent", address="127.0.0.1")


async def test_f_t2_limits_and_strikes_are_one_line_each(stack: Stack) -> None:
    async with peer(stack, "lena") as lena, http(stack, "lena") as api:
        await lena.message("lena", "one")
        assert (await lena.message("lena", "two"))["code"] == "rate_limited"
        await api.get("/v1/search", q="one")
        assert (await api.get("/v1/search", q="one")).status_code == 429
        for _ in range(20):
            await lena.send_text("nonsense")
        assert await lena.closed() == 4408
    await told(stack, 2, code="rate_limited", user_id="lena", address="127.0.0.1")
    await told(stack, code="abuse", user_id="lena", address="127.0.0.1")


async def test_f_t2_a_socket_opens_and_closes_with_its_user_and_address(stack: Stack) -> None:
    async with peer(stack, "olga") as olga:
        connection = olga.frames[0]["connection_id"]
    who = {"connection": connection, "user_id": "olga", "address": "127.0.0.1"}
    await eventually(lambda: len(lines(stack, "closed", **who)) == 1)
    assert len(lines(stack, "open", **who)) == 1


# ------------------------------------------------------------------ H10


async def posted(stack: Stack, path: str, headers: str, body: bytes = b"") -> tuple[int, bytes]:
    """Post a request as alice, from localhost."""
    head = f"POST {path} HTTP/1.1\nHost: localhost\nAuthorization: Bearer {stack.token('alice')}\n"
    return await raw(stack, f"{head}{headers}\n", body)


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/v1/attachments?name=a.bin", f"Content-Length: {GB_100}\n", b""),
        ("/v1/attachments?name=a.bin", f"Content-Length: {GB_100}\n", b"x" * 10_000),
        (
            "/v1/attachments?name=a.bin",
            f"Content-Length: {GB_100}\nExpect: 100-continue\n",
            b"",
        ),
        ("/v1/messages", f"Content-Type: application/json\nContent-Length: {GB_100}\n", b""),
        ("/v1/messages", "Content-Type: application/json\nContent-Length: 65537\n", b""),
        (
            "/v1/messages",
            "Content-Type: application/json\nTransfer-Encoding: chunked\n",
            b"10001\r\n" + b" " * 0x10001,
        ),
    ],
    ids=["file", "file begun", "file expects", "json", "json just over", "json chunked"],
)
async def test_f_h10_what_is_announced_too_large_is_413_at_once_and_closed(
    stack: Stack, path: str, headers: str, body: bytes
) -> None:
    status, answer = await posted(stack, path, headers, body)
    assert status == 413, answer
    assert b"connection: close" in answer.lower()
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too_large"


async def test_f_h10_a_large_body_that_is_refused_for_another_reason_is_not_read(
    stack: Stack,
) -> None:
    for sized in (f"Content-Length: {GB_100}", "Transfer-Encoding: chunked"):
        head = f"POST /v1/attachments?name=a HTTP/1.1\nHost: localhost\n{sized}\n\n"
        status, answer = await raw(stack, head)
        assert (status, b"connection: close" in answer.lower()) == (401, True)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/attachments?name=a.txt", "/v1/dev/login"])
@pytest.mark.parametrize("sized", ["Content-Length: 100\n", "Transfer-Encoding: chunked\n"])
async def test_f_h10_a_body_cut_off_leaves_no_traceback(
    stack: Stack, path: str, sized: str
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port_of(stack))
    head = f"POST {path} HTTP/1.1\nHost: localhost\nContent-Type: application/json\n{sized}"
    head += f"Authorization: Bearer {stack.token('alice')}\n\n"
    start = b"5\r\nhello" if "chunked" in sized else b"hello"
    writer.write(head.replace("\n", "\r\n").encode() + start)
    await writer.drain()
    writer.transport.abort()
    async with http(stack, "alice") as api:  # it is served after that one
        assert (await api.get("/v1/conversations")).status_code == 200
    await quiet(stack)


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"to":"bob","content":"\xff"}', b"\xed\xa0\x80"])
async def test_f_h10_a_body_that_is_no_utf_8_is_400(stack: Stack, body: bytes) -> None:
    headers = f"Content-Type: application/json\nContent-Length: {len(body)}\n"
    status, answer = await posted(stack, "/v1/messages", headers, body)
    assert (status, b"invalid_request" in answer) == (400, True)
    await quiet(stack)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/%ff/status",
        "/v1/conversations/%ed%a0%80",
        "/v1/search?q=%ff",
        "/v1/conversations?%ff=1",
        "/v1/attachments/%00",
        "/%ff",
        "/static/%ff.css",
        "/static/%00.css",
        "/static/" + "a" * 5000 + ".css",
        "/chat/%ff/",
    ],
)
async def test_f_h10_an_address_that_is_no_utf_8_leaves_no_traceback(
    stack: Stack, path: str
) -> None:
    status, answer = await asked(stack, "localhost", path)
    assert status < 500, answer
    await quiet(stack)


@pytest.mark.parametrize(
    "odd", ["GET /\xff HTTP/1.1", "GET / HTTP/1.1\nAuthorization: Bearer \xff"]
)
async def test_f_h10_bytes_that_are_no_text_in_a_head_leave_no_traceback(
    stack: Stack, odd: str
) -> None:
    status, answer = await raw(stack, f"{odd}\nHost: localhost\n\n")
    assert status < 500, answer
    await quiet(stack)


async def quiet(stack: Stack) -> None:
    """Nothing went wrong so far that nobody caught."""
    await gather(*[http_get(stack) for _ in range(2)])
    text = stack.log.read_text(errors="replace")
    assert "Traceback" not in text, text[-3000:]


async def http_get(stack: Stack) -> None:
    async with http(stack, "alice") as api:
        await api.get("/v1/conversations")
