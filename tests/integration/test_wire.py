"""The limits on what a connection sends and how long it takes, byte by byte (C10)."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.health.counters import EVERY
from tests.support.peer import synced
from tests.support.raw import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    WAIT,
    connections_of,
    everything,
    frame,
    head,
    say,
    statuses,
    tcp,
    upgrade,
    websocket,
)
from tests.support.stack import Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import TIMEOUT_FACTOR, eventually

HEALTH = head()
LIMITS: dict[str, Any] = {
    "header_timeout": 1,
    "body_timeout": 1 * TIMEOUT_FACTOR,
    "stall_timeout": 1,
    "message_rate": 0,
}
KIB = 1024

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(
        tmp_path_factory.mktemp("wire"), dev_login=True, sockets_per_address=0, **LIMITS
    ) as running:
        await make_known(running, ["alice", "bob"])
        began = time.monotonic()
        yield running
        assert "Traceback" not in running.log.read_text()
        minutes = (time.monotonic() - began) / EVERY
        assert running.log.read_text().count('"bound":"requests_refused"') <= 1 + minutes


async def answered(stack: Stack, sent: bytes) -> list[int]:
    """The statuses of all answers until the server closes."""

    def talk() -> bytes:
        with tcp(stack.url) as one:
            one.sendall(sent)
            return everything(one)

    return statuses(await asyncio.to_thread(talk))


async def test_what_the_parser_refuses_is_answered_as_a_problem(stack: Stack) -> None:
    """A client of the API reads one form of error, whatever refused its request."""

    def talk() -> bytes:
        with tcp(stack.url) as one:
            one.sendall(head("GET /v1/users/me HTTP/1.1", f"cookie: a={'x' * 9 * KIB}"))
            return everything(one)

    fields, _, body = (await asyncio.to_thread(talk)).partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in fields.lower()
    problem = json.loads(body)
    assert (problem["status"], problem["code"], problem["temporary"]) == (431, "too_large", False)


def held(stack: Stack) -> int:
    """Connections of clients that the gateway has descriptors of."""
    return connections_of(stack.pids()["gateway"], stack.port("gateway"))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([f"cookie: a={'x' * 8 * KIB}"], 101),
        ([f"cookie: a={'x' * 4 * KIB}", f"authorization: Bearer {'x' * 4 * KIB}"], 101),
        ([f"cookie: a={'x' * 9 * KIB}"], 431),
        ([f"x-{n}: {'x' * KIB}" for n in range(17)], 431),
        ([f"cookie: a={'x' * 200 * KIB}"], 431),
        ([f"x-{n}: 1" for n in range(90)], 101),
        ([f"x-{n}: 1" for n in range(128)], 431),
        ([f"x-{n}: 1" for n in range(2000)], 431),
        (["content-length: 5"], 400),
        (["cookie: a=\xe9"], 101),
        (["sec-websocket-version: \xe9"], 400),
        (["x: \x01"], 400),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_f_h3_an_upgrade_is_taken_or_answered_and_closed(
    stack: Stack, fields: list[str], status: int
) -> None:
    def talk() -> int:
        with tcp(stack.url) as one:
            one.sendall(upgrade(*fields))
            if status != 101:
                return statuses(everything(one))[0]
            return statuses(one.recv(KIB))[0]

    assert await asyncio.to_thread(talk) == status


async def test_frames_right_behind_an_upgrade_are_read(stack: Stack) -> None:
    """Also where they are more than the parser of the head is given at once."""
    pings = frame(PING, b"x" * 125) * 200

    def talk() -> bytes:
        with tcp(stack.url) as one:
            one.sendall(upgrade() + pings + frame(CLOSE, (1000).to_bytes(2, "big")))
            return everything(one)

    assert (await asyncio.to_thread(talk)).count(bytes([0x80 | PONG, 125])) == 200


async def test_f_h3_the_head_of_a_plain_request_has_the_same_bounds(stack: Stack) -> None:
    close = "connection: close"
    line = "GET /livez HTTP/1.1"
    assert await answered(stack, head(line, close, f"cookie: a={'x' * 8 * KIB}")) == [200]
    assert await answered(stack, head(line, close, f"cookie: a={'x' * 9 * KIB}")) == [431]
    assert await answered(stack, head(f"GET /{'x' * 9 * KIB} HTTP/1.1", close)) == [414]
    assert await answered(stack, b"GET /" + b"x" * 300 * KIB) == [431]  # without an end


POST = "POST /v1/dev/login HTTP/1.1"
JSON = "content-type: application/json"
CHUNKED = "transfer-encoding: chunked"


@pytest.mark.parametrize(
    "first",
    [
        head(POST, JSON, "content-length: 2", CHUNKED) + b"0\r\n\r\n",
        head(POST, JSON, CHUNKED, "content-length: 2") + b"0\r\n\r\n",
        head(POST, JSON, "content-length: 2", "content-length: 5") + b"{}",
        head(POST, JSON, "content-length: 2, 5") + b"{}",
        head(POST, JSON, "content-length: +2") + b"{}",
        head(POST, JSON, "content-length: -1") + b"{}",
        head(POST, JSON, f"content-length: {'0' * 5000}2") + b"{}",
        head("POST /v1/dev/login HTTP/1.0", JSON, CHUNKED) + b"0\r\n\r\n",
        head(POST, JSON, CHUNKED, CHUNKED) + b"0\r\n\r\n",
        head(POST, JSON, "transfer-encoding: chunked, chunked") + b"0\r\n\r\n",
        head(POST, JSON, "transfer-encoding: xchunked") + b"0\r\n\r\n",
        head(POST, JSON, "transfer-encoding : chunked") + b"0\r\n\r\n",
        head(POST, JSON, CHUNKED) + b"x\r\n{}\r\n0\r\n\r\n",
        head(POST, JSON, CHUNKED) + b"-2\r\n{}\r\n0\r\n\r\n",
        head(POST, JSON, CHUNKED) + b"2\r\n{}x\r\n0\r\n\r\n",
        head(POST, JSON, CHUNKED) + b"f" * 30 + b"\r\n{}\r\n0\r\n\r\n",
        head(POST, JSON, "x: a\x00b", "content-length: 2") + b"{}",
        head(POST, JSON, "x y: 1", "content-length: 2") + b"{}",
        head(POST, JSON, ": 1", "content-length: 2") + b"{}",
        head("GET /livez HTTP/2.0"),
        head("GET /livez"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",  # TLS
    ],
    ids=repr,
)
async def test_f_h9_what_has_no_certain_length_is_refused_and_nothing_behind_it_served(
    stack: Stack, first: bytes
) -> None:
    got = await answered(stack, first + HEALTH)
    assert len(got) == 1
    assert got[0] in (400, 501, 505)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /livez HT",
        HEALTH[:-2],
        head(POST, JSON, "content-length: 20"),
        head(POST, JSON, "content-length: 20") + b'{"user',
        head(POST, JSON, CHUNKED) + b"2\r\n{",
        head("POST /v1/attachments?name=a HTTP/1.1", "content-length: 20"),  # answered 401 before
        HEALTH + b"GET",
        UPGRADE[0].encode(),
    ],
    ids=repr,
)
async def test_f_h5_s19_who_stays_silent_is_answered_408_or_closed(
    stack: Stack, sent: bytes
) -> None:
    got = await answered(stack, sent)
    assert got[-1:] in ([], [408], [401], [501])


def chunked(*chunks: bytes, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    fields = JSON, CHUNKED, "connection: close"  # or it is kept open for 5 s
    return head(POST, *fields) + body + b"0\r\n" + trailers + b"\r\n"


LOGIN = b'{"user_id":"alice"}'
MANY = 40_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (chunked(*[b" "] * 900, LOGIN), 200),
        (chunked(*[b" "] * MANY, LOGIN), 400),
        (chunked(b" " * 3000, *[b" "] * 2000, LOGIN), 400),
        (chunked(LOGIN, trailers=b"x: 1\r\n"), 200),
        (chunked(LOGIN, trailers=b"x: 1\r\n" * MANY), 431),
        (chunked(LOGIN, extension=b";x=1"), 200),
        (chunked(LOGIN, extension=b";" + b"x" * 100 * KIB), 431),
        (head("GET /livez HTTP/1.1", *["x: 1"] * MANY), 431),
    ],
    ids=lambda value: str(value)[-20:],
)
async def test_f_h9_what_is_more_frame_than_content_is_not_read_to_its_end(
    stack: Stack, sent: bytes, status: int
) -> None:
    """A parser that is given all of it at once keeps everybody waiting, for seconds."""
    assert await answered(stack, sent) == [status]


async def test_f_h5_who_trickles_is_closed_as_well(stack: Stack) -> None:
    """A byte now and then is no progress: the deadline is of the whole head, or body."""

    def trickle(start: bytes) -> list[int]:
        with tcp(stack.url) as one:
            one.sendall(start)
            one.settimeout(0.1)
            for _ in range(200):
                one.sendall(b"x")
                try:
                    return statuses(one.recv(KIB))
                except TimeoutError:
                    continue
        return []

    body = head(POST, JSON, "content-length: 1000")
    first, second = await asyncio.gather(
        asyncio.to_thread(trickle, b"GET /"), asyncio.to_thread(trickle, body)
    )
    assert (first, second) == ([408], [408])


async def test_f_s19_an_upload_that_stalls_is_ended_and_one_that_flows_is_not(
    stack: Stack,
) -> None:
    token = f"authorization: Bearer {stack.token('alice')}"
    start = head("POST /v1/attachments?name=a.txt HTTP/1.1", token, "content-length: 40000")

    def upload(parts: int) -> list[int]:
        with tcp(stack.url) as one:
            one.sendall(start)
            one.settimeout(0.1 * TIMEOUT_FACTOR)
            for _ in range(parts):
                one.sendall(b"hello " * 200)
                try:
                    return statuses(one.recv(KIB))
                except TimeoutError:
                    continue
            one.sendall(b"x" * (40000 - parts * 1200) if parts > 1 else b"")
            one.settimeout(WAIT)
            return statuses(one.recv(KIB))

    assert await asyncio.to_thread(upload, 1) == [408]
    assert await asyncio.to_thread(upload, 20) == [201]


async def test_f_s19_a_download_that_is_not_read_is_ended(stack: Stack) -> None:
    """Asked for again and again in one go, so that the kernel alone cannot hold the answers."""
    await eventually(lambda: held(stack) == 0)
    with tcp(stack.url, buffer=4 * KIB) as one:
        one.sendall(head("GET /asyncapi.json HTTP/1.1") * 100)
        assert await asyncio.to_thread(one.recv, 1)  # it has begun to answer
        await eventually(lambda: held(stack) == 0, 10)


def no_more(one: socket.socket) -> None:
    """Only stop reading."""


def say_close(one: socket.socket) -> None:
    one.sendall(frame(CLOSE, (1000).to_bytes(2, "big")))


def half_close(one: socket.socket) -> None:
    one.shutdown(socket.SHUT_WR)


def close_and_half_close(one: socket.socket) -> None:
    say_close(one)
    half_close(one)


def break_the_protocol(one: socket.socket) -> None:
    one.sendall(b"\xff" * 20)


def broken_text(one: socket.socket) -> None:
    one.sendall(frame(TEXT, b"\xff\xfe"))


def continue_nothing(one: socket.socket) -> None:
    one.sendall(frame(CONTINUATION, b"x"))


def fragments(one: socket.socket) -> None:
    one.sendall(frame(TEXT, b"x", fin=False) + frame(CONTINUATION, fin=False) * 10_000)


def too_big(one: socket.socket) -> None:
    one.sendall(bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8, "big") + bytes(4))


def ask_to_end(one: socket.socket) -> None:
    one.sendall(say("force_reconnect"))


def ping_and_close(one: socket.socket) -> None:
    one.sendall(frame(PING, b"x" * 125) * 50 + frame(CLOSE, (1000).to_bytes(2, "big")))


BACKLOGS = {"nothing waits": 0, "some": 5, "the outbox full": 80}  # messages
ENDS = (
    *(no_more, say_close, half_close, close_and_half_close, break_the_protocol, broken_text),
    *(continue_nothing, fragments, too_big, ask_to_end, ping_and_close),
)


@pytest.mark.parametrize(
    ("backlog", "end"),
    [
        pytest.param(number, end, id=f"{end.__name__}-{name}")
        for name, number in BACKLOGS.items()
        for end in ENDS
        if number or end is not no_more  # a client with nothing to read may stay
    ],
)
async def test_f_s16_h4_who_reads_nothing_is_gone_whatever_else_it_does(
    stack: Stack, backlog: int, end: Callable[[socket.socket], None]
) -> None:
    await eventually(lambda: held(stack) == 0)
    async with synced(stack, "alice") as alice:
        with websocket(stack.url, stack.token("bob"), buffer=4 * KIB) as deaf:
            await eventually(lambda: held(stack) == 2)
            for _ in range(backlog):
                await alice.message("bob", "x" * 5000)
            with suppress(OSError):  # the server may have ended it already
                await asyncio.to_thread(end, deaf)
            await eventually(lambda: held(stack) == 1, 10)
        await alice.settled()


async def test_f_h4_little_is_kept_for_who_reads_nothing(stack: Stack) -> None:
    """The peer can still read only what had left the process, though 1.5 MB were sent to it."""
    await eventually(lambda: held(stack) == 0)
    async with synced(stack, "alice") as alice:
        with websocket(stack.url, stack.token("bob"), buffer=4 * KIB) as deaf:
            await eventually(lambda: held(stack) == 2)
            for number in range(300):
                frame = {"to": "bob", "client_id": f"h4-{number}", "content": "x" * 4900}
                await alice.send("message", **frame)
            for number in range(300):
                assert (await alice.outcome(f"h4-{number}"))["type"] == "ack"
            await eventually(lambda: held(stack) == 1, 10)
            assert len(await asyncio.to_thread(everything, deaf)) < 128 * KIB


async def test_f_h2_c10_who_shouts_for_long_is_closed(tmp_path: Path) -> None:
    async with run_stack(tmp_path, frames_per_second=5, message_rate=1, shouting_for=1) as loud:
        async with synced(loud, "alice") as alice:
            with websocket(loud.url, loud.token("bob")) as one:
                one.settimeout(0.2)
                answers = b""
                with suppress(ConnectionError):  # it may be cut off while it still shouts
                    for _ in range(100):
                        await asyncio.to_thread(one.sendall, frame(PING, b"x") * 20)
                        with suppress(TimeoutError):
                            if not (got := await asyncio.to_thread(one.recv, 64 * KIB)):
                                break
                            answers += got
            assert (4408).to_bytes(2, "big") in answers
            await alice.settled()
        assert loud.log.read_text().count('"bound":"frames_per_second"') == 1
