"""Reading the requests of a connection, in whatever pieces they come."""

import asyncio
import errno
import gc
import itertools
import json
import re
import socket
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from services.gateway.socket.wire import Wire
from shared.health.counters import Counters
from shared.http.connection import Http
from shared.http.requests import PIECE_BYTES
from shared.process.serve import config
from shared.settings import Settings
from tests.support.raw import UPGRADE, head, upgrade
from tests.support.waiting import eventually, within

POST = "POST /echo HTTP/1.1"
CHUNKED = "transfer-encoding: chunked"
BROKEN = head("GET /broken HTTP/1.1", "x y: 1")
LAST = head("GET /last HTTP/1.1", "connection: close")


class App:
    """Tells what it was asked. `/held` waits for `go`, `/early` answers before the body, `/parts`
    streams, and `/ever` is not answered until its client goes."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gone: list[str] = []  # the paths whose client went before they were answered
        self.at_once = 0
        self.most_at_once = 0
        self.go = asyncio.Event()
        self.told = asyncio.Event()  # of something that an answer waits for: look again

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self._answer(scope, receive, send)
        self.at_once -= 1
        self.told.set()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/held":
            await self.go.wait()
        body = b""
        while path != "/early":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.append(path)
                return
            body += message.get("body", b"")
            if not message.get("more_body", False) and path != "/ever":
                break
        names = [name.decode() for name, _ in scope["headers"]]
        told = {"method": scope["method"], "path": path, "body": body.decode(), "names": names}
        await _send(send, json.dumps(told).encode(), in_parts=path == "/parts")


async def _send(send: Send, text: bytes, in_parts: bool) -> None:
    length = [] if in_parts else [(b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for part in (text[:5], text[5:]) if in_parts else (text,):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class Client:
    """The other end of one connection. The pieces that it says come as they are."""

    def __init__(self, http: Http, peer: socket.socket) -> None:
        self.http = http
        self._peer = peer

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.http.data_received(piece)

    async def heard(self) -> bytes:
        """All that comes until the server closes."""
        got, loop = b"", asyncio.get_running_loop()
        async with within(10):
            while piece := await loop.sock_recv(self._peer, 65_536):
                got += piece
        return got

    def record(self) -> list[bytes]:
        """What is written from now on, by one call each."""
        written: list[bytes] = []
        write = self.http.transport.write

        def recorded(data: bytes) -> None:
            written.extend([bytes(data)] if data else [])
            write(data)

        self.http.transport.write = recorded  # type: ignore[assignment, method-assign]
        return written

    def hang_up(self) -> None:
        self.http.transport.abort()


@asynccontextmanager
async def connected(app: App, **limits: Any) -> AsyncIterator[Client]:
    ours, peer = socket.socketpair()
    with peer:
        peer.setblocking(False)
        chosen = Settings(**{"header_timeout": 5, "body_timeout": 5, **limits})
        made = config(app, chosen, Counters(), Wire)
        made.load()
        guest = made.admission.enter("")
        assert guest is not None
        _, http = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: Http(made, ServerState(), {}, guest=guest), ours
        )
        yield Client(http, peer)
        http.transport.abort()
        await asyncio.sleep(0)  # it is told


async def answers(app: App, *pieces: bytes) -> bytes:
    async with connected(app) as client:
        client.say(*pieces)
        return await client.heard()


def statuses(got: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]


def told(got: bytes) -> list[dict[str, Any]]:
    """What the application told, in the order of the answers."""
    return [json.loads(text) for text in re.findall(rb'\{"method".*?\]\}', got)]


def chunked(*chunks: bytes, fields: Sequence[str] = (), trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head(POST, CHUNKED, *fields) + body + b"0\r\n" + trailers + b"\r\n"


async def test_requests_sent_together_are_answered_one_after_another() -> None:
    app = App()
    sent = head("GET /1 HTTP/1.1") + chunked(b"ab", b"c") + head(POST, "content-length: 2") + b"de"
    got = await answers(app, sent + LAST)
    assert [(one["path"], one["body"]) for one in told(got)] == [
        ("/1", ""),
        ("/echo", "abc"),
        ("/echo", "de"),
        ("/last", ""),
    ]
    assert app.most_at_once == 1


async def test_many_requests_in_one_write_are_all_answered() -> None:
    app = App()
    got = await answers(app, head("GET /one HTTP/1.1") * 2000 + LAST)
    assert len(told(got)) == 2001
    assert app.most_at_once == 1


async def test_what_comes_before_its_turn_is_neither_parsed_nor_read_on() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head("GET /held HTTP/1.1") + head("GET /one HTTP/1.1") * 2000)
        assert len(client.http.pipeline) < PIECE_BYTES / len(head("GET /one HTTP/1.1"))
        assert client.http.flow.read_paused


async def test_f_h3_few_requests_are_kept_for_who_sends_many_at_once() -> None:
    async with connected(App()) as client:
        client.say(b"GET / HTTP/1.1\r\nhost:\r\n\r\n" * 2000)
        assert len(client.http.pipeline) < 200


async def test_a_request_that_was_held_back_is_not_cut_off_as_if_nothing_came() -> None:
    app = App()
    size = PIECE_BYTES - len(head(POST, "content-length: 12345"))
    async with connected(app) as client:
        client.http.timeout_keep_alive = 0
        client.say(head(POST, f"content-length: {size}") + b"x" * size, head("GET /held HTTP/1.1"))
        await app.told.wait()
        await asyncio.sleep(0.01)  # longer than a connection may be idle
        app.go.set()
        assert [one["path"] for one in told(await client.heard())] == ["/echo", "/held"]


async def test_f_h9_behind_a_request_that_is_refused_nothing_is_served() -> None:
    """Those before it are answered first, in any case."""
    app = App()
    got = await answers(app, head("GET /1 HTTP/1.1") + head("GET /2 HTTP/1.1") + BROKEN + LAST)
    assert statuses(got) == [200, 200, 400]
    assert app.asked == ["/1", "/2"]


async def test_a_refusal_waits_until_the_request_before_it_is_answered() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head("GET /held HTTP/1.1"), BROKEN, LAST)
        await asyncio.sleep(0)
        app.go.set()
        assert statuses(await client.heard()) == [200, 400]


async def test_f_s16_who_is_refused_and_has_reset_the_connection_is_gone() -> None:
    def gone() -> None:
        raise OSError(errno.ENOTCONN, "as asyncio raises it")

    async with connected(App()) as client:
        client.http.transport.write_eof = gone  # type: ignore[method-assign]
        client.say(BROKEN)
        await eventually(lambda: client.http not in client.http.connections, 10)


async def test_a_request_whose_body_breaks_while_it_waits_is_never_begun() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head("GET /held HTTP/1.1") + head(POST, CHUNKED) + b"2\r\nab\r\nx\r\n")
        app.go.set()
        assert statuses(await client.heard()) == [200, 400]
    assert app.asked == ["/held"]


async def test_who_reads_a_body_that_breaks_learns_that_no_more_comes() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head(POST, CHUNKED) + b"2\r\nab\r\n")
        await asyncio.sleep(0)
        client.say(b"x\r\n")
        assert statuses(await client.heard()) == [400]
    assert app.gone == ["/echo"]


async def test_who_reads_a_body_that_broke_before_does_not_ask_for_more_of_it() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head("POST /held HTTP/1.1", CHUNKED, "expect: 100-continue"))
        await asyncio.sleep(0)
        client.say(b"x\r\n")
        app.go.set()
        async with within(10):
            await app.told.wait()
        assert statuses(await client.heard()) == [400]
    assert app.gone == ["/held"]


async def test_a_body_may_come_after_the_answer_and_the_next_request_behind_it() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head("POST /early HTTP/1.1", "content-length: 4") + b"ab")
        await app.told.wait()
        client.say(b"cd" + LAST)
        assert [one["path"] for one in told(await client.heard())] == ["/early", "/last"]


async def test_f_h5_who_is_silent_after_an_empty_line_is_closed() -> None:
    app = App()
    async with connected(app, header_timeout=0.05) as client:
        client.say(head("GET /1 HTTP/1.1"))
        await app.told.wait()
        client.say(b"\r\n")
        assert statuses(await client.heard()) == [200]


async def test_f_h5_who_is_silent_after_the_rest_of_an_answered_request_is_closed() -> None:
    app = App()
    async with connected(app, header_timeout=0.05) as client:
        client.say(head("POST /early HTTP/1.1", "content-length: 4") + b"ab")
        await app.told.wait()
        client.say(b"cd")
        assert statuses(await client.heard()) == [200]


async def test_f_h5_who_is_silent_after_an_empty_line_before_an_answer_is_closed() -> None:
    app = App()
    async with connected(app, header_timeout=0.05) as client:
        client.say(head("GET /held HTTP/1.1"), b"\r\n")
        app.go.set()
        assert statuses(await client.heard()) == [200]


async def test_f_h1_who_waits_for_a_later_answer_does_not_yield_to_who_comes() -> None:
    app = App()
    async with connected(app, connections=1) as client:
        client.say(head("GET /1 HTTP/1.1") + head("GET /held HTTP/1.1", "connection: close"))
        await app.told.wait()
        assert client.http.config.admission.enter("") is None
        app.go.set()
        assert statuses(await client.heard()) == [200, 200]


class Taken(asyncio.Protocol):
    """What takes a connection over, in place of `Wire`, which wants a socket of TCP."""

    def __init__(self, **_: Any) -> None:
        pass

    def upgrade(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        pass


@pytest.mark.parametrize(
    "sent", [head("GET /1 HTTP/1.1"), head("GET /ever HTTP/1.1") * 2, upgrade()]
)
async def test_what_is_over_is_not_left_to_the_collector(sent: bytes) -> None:
    gc.collect()
    gc.disable()
    try:
        async with connected(App()) as client:
            http = weakref.ref(client.http)
            client.http.ws_protocol_class = Taken
            client.say(sent)
            await asyncio.sleep(0.01)
            client.hang_up()
            del client
        await asyncio.sleep(0.01)
        assert http() is None
    finally:
        gc.enable()


async def test_f_s16_who_does_not_read_an_answer_that_fails_is_cut_off() -> None:
    class Fails(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while not client.http.transport.get_write_buffer_size():
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            raise ValueError

    async with connected(Fails()) as client:
        client.say(head("GET / HTTP/1.1"))
        await eventually(lambda: client.http not in client.http.connections, 10)


async def test_who_hangs_up_is_missed_by_what_works_for_it_also_with_more_behind() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head("GET /ever HTTP/1.1") + head("GET /2 HTTP/1.1"))
        await asyncio.sleep(0)
        client.hang_up()
        async with within(10):
            await app.told.wait()
    assert app.gone == app.asked == ["/ever"]


async def test_a_websocket_cannot_begin_while_an_answer_is_open() -> None:
    app = App()
    async with connected(app) as client:
        client.say(head("GET /held HTTP/1.1") + upgrade())
        app.go.set()
        assert statuses(await client.heard()) == [200, 400]


@pytest.mark.parametrize("line", ["GET /ws HTTP/1.1", "POST /ws HTTP/1.1"])
@pytest.mark.parametrize("hidden", [b"", head("GET /hidden HTTP/1.1")])
async def test_f_h9_a_websocket_begins_with_a_get_without_a_body(line: str, hidden: bytes) -> None:
    """The parser takes the body for the other protocol's."""
    app = App()
    fields = [f"content-length: {len(hidden)}"] if hidden or line.startswith("GET") else []
    sent = head(line, *UPGRADE, *fields) + hidden + LAST
    assert statuses(await answers(app, sent)) == [400]
    assert app.asked == []


async def test_another_protocol_than_websocket_is_not_taken_up() -> None:
    """Java's HttpClient offers h2c with each request, and sends the body along."""
    offer = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk")
    hidden = head("GET /hidden HTTP/1.1")
    length = f"content-length: {len(hidden)}"
    sent = head("GET /1 HTTP/1.1", *offer) + head(POST, *offer, length) + hidden
    got = told(await answers(App(), sent + chunked(b"ab", fields=offer) + LAST))
    assert [(one["path"], one["body"]) for one in got] == [
        ("/1", ""),
        ("/echo", hidden.decode()),
        ("/echo", "ab"),
        ("/last", ""),
    ]
    assert got[0]["names"] == ["host", "connection", "http2-settings"]


@pytest.mark.parametrize(
    "fields", [("connection: Upgrade, close",), ("connection: Upgrade", "connection: close")]
)
async def test_who_offers_another_protocol_and_closes_is_answered(fields: Sequence[str]) -> None:
    app = App()
    sent = head("GET /1 HTTP/1.1", "upgrade: h2c", *fields)
    assert statuses(await answers(app, sent + LAST)) == [200]
    assert app.asked == ["/1"]


async def test_a_websocket_does_not_begin_with_http_1_0() -> None:
    app = App()
    assert statuses(await answers(app, head("GET /ws HTTP/1.0", *UPGRADE))) == [200]
    assert app.asked == ["/ws"]


async def test_http_1_0_gets_no_chunks_and_ends_with_its_answer() -> None:
    got = await answers(App(), head("GET /parts HTTP/1.0", "connection: keep-alive") + LAST)
    assert b"transfer-encoding" not in got
    fields, _, body = got.partition(b"\r\n\r\n")
    assert b"connection: close" in fields
    assert json.loads(body)["path"] == "/parts"


async def test_http_1_0_gets_no_answer_before_the_last_one() -> None:
    """It does not know of any (RFC 9110, section 10.1.1)."""
    fields = ("content-length: 2", "expect: 100-continue")
    async with connected(App()) as client:
        client.say(head("POST /echo HTTP/1.0", *fields))
        await asyncio.sleep(0)
        client.say(b"ab")
        assert statuses(await client.heard()) == [200]


async def test_the_head_of_an_answer_leaves_with_the_beginning_of_its_body() -> None:
    app = App()
    async with connected(app) as client:
        written = client.record()
        client.say(head("GET /1 HTTP/1.1") + head("HEAD /2 HTTP/1.1") + head("GET /parts HTTP/1.1"))
        client.say(BROKEN)
        await client.heard()
    assert [statuses(piece) for piece in written] == [[200], [200], [200], [], [], [400]]
    assert [piece.endswith(b"\r\n\r\n") for piece in written[:2]] == [False, True]
    assert b'\r\n{"met\r\n' in written[2]


async def test_a_stream_comes_in_chunks() -> None:
    got = await answers(App(), head("GET /parts HTTP/1.1", "connection: close"))
    assert b"transfer-encoding: chunked" in got
    assert got.endswith(b"\r\n0\r\n\r\n")


async def test_a_trailer_is_no_field_of_the_head() -> None:
    got = await answers(App(), chunked(b"ab", trailers=b"authorization: Bearer x\r\n") + LAST)
    assert told(got)[0]["names"] == ["host", "transfer-encoding"]


@pytest.mark.parametrize("name", [b"connection", b"Proxy-Connection"])
async def test_f_h9_a_trailer_does_not_end_the_connection(name: bytes) -> None:
    """The parser would take nothing that comes behind it for a request."""
    got = await answers(App(), chunked(b"ab", trailers=name + b": close\r\n") + LAST)
    assert statuses(got) == [400]


async def test_space_around_a_field_is_not_part_of_it() -> None:
    seen: list[tuple[bytes, bytes]] = []

    class Fields(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.extend(scope["headers"])
            await super().__call__(scope, receive, send)

    await answers(Fields(), head("GET / HTTP/1.1", "X-Name: \t a b \t ", "connection: close"))
    assert (b"x-name", b"a b") in seen


SEQUENCES: Sequence[bytes] = [
    head("GET /1 HTTP/1.1") + chunked(b"ab", b"c" * 20, trailers=b"x: 1\r\n") + LAST,
    head(POST, "content-length: 5") + b"abcde" + head("GET /2?a=b HTTP/1.1") + BROKEN + LAST,
    head("GET /1 HTTP/1.1") + head(POST, CHUNKED) + b"3;x=1\r\nabc\r\nz\r\n" + LAST,
    b"\r\n\r\n" + head("HEAD /1 HTTP/1.1") + b"\r\n" + LAST,
    head("GET /1 HTTP/1.1", "connection: upgrade", "upgrade: h2c") + LAST,
    head("GET /1 HTTP/1.1") + head(POST, "content-length: 1", CHUNKED) + b"0\r\n\r\n" + LAST,
]


@given(sent=st.sampled_from(SEQUENCES), cuts=st.lists(st.integers(1, 400), max_size=6))
@settings(max_examples=300, deadline=None)
def test_requests_are_read_the_same_in_whatever_pieces_they_come(
    sent: bytes, cuts: list[int]
) -> None:
    edges = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    pieces = [sent[begin:end] for begin, end in itertools.pairwise(edges)]

    async def both() -> tuple[bytes, bytes]:
        return await answers(App(), sent), await answers(App(), *pieces)

    whole, cut = asyncio.run(both())
    assert statuses(cut) == statuses(whole)
    assert told(cut) == told(whole)


async def test_requests_are_read_the_same_byte_by_byte() -> None:
    for sent in SEQUENCES:
        whole = await answers(App(), sent)
        single = await answers(App(), *(bytes([byte]) for byte in sent))
        assert (statuses(single), told(single)) == (statuses(whole), told(whole))
