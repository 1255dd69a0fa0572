"""A request to a gateway: answered, answered later, refused, broken off, and never sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from urllib.request import Request

import pytest

from linkup.calls import Refused, Unreachable, fetched, reply, request

Answers = Callable[..., str]

WAIT = b"HTTP/1.1 429 Too Many\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LONG = WAIT.replace(b"After: 0", b"After: 37")
DATE = WAIT.replace(b"After: 0", b"After: Sun, 29 Nov 2026 12:00:00 GMT")
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{}"
PROBLEM = (
    b"HTTP/1.1 403 No\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n{ }"
)
STRANGER = b"HTTP/1.1 502 No\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<p>"


@pytest.fixture
async def answering() -> AsyncIterator[Answers]:
    """Answers in order, one to a connection."""
    left: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)

    def prepared(*answers: bytes) -> str:
        left[:] = answers
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    async with server:
        yield prepared


async def test_a_request_too_many_is_sent_again(answering: Answers) -> None:
    url = answering(WAIT, WAIT, GOOD)
    assert await asyncio.to_thread(fetched, request("GET", url)) == b"{}"


@pytest.mark.parametrize(
    ("answer", "pause", "said"),
    [(WAIT, 0, ""), (LONG, 37, "The server limits requests: waiting 37 s.\n")],
    ids=["short", "long"],
)
async def test_a_long_wait_is_said(
    answering: Answers,
    answer: bytes,
    pause: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    url = answering(answer, GOOD)
    assert await asyncio.to_thread(fetched, request("GET", url)) == b"{}"
    assert pauses == [pause]
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(("answer", "waits"), [(LONG, False), (DATE, True)], ids=["long", "date"])
async def test_it_is_refused_where_nobody_waits_or_no_seconds_are_told(
    answering: Answers, answer: bytes, waits: bool
) -> None:
    with pytest.raises(Refused, match="HTTP 429"):
        await asyncio.to_thread(fetched, request("GET", answering(answer)), waits)


@pytest.mark.parametrize(("answer", "ours"), [(PROBLEM, True), (STRANGER, False)])
async def test_an_error_tells_whether_it_is_ours(
    answering: Answers, answer: bytes, ours: bool
) -> None:
    with pytest.raises(Refused, match=r"HTTP (403 { }|502 <p>)") as refused:
        await asyncio.to_thread(fetched, request("GET", answering(answer)))
    assert refused.value.ours is ours


@pytest.mark.parametrize(("answer", "status"), [(GOOD, 200), (WAIT, 429), (STRANGER, 502)])
async def test_an_answer_of_any_status_is_a_reply(
    answering: Answers, answer: bytes, status: int
) -> None:
    replied = await asyncio.to_thread(reply, request("GET", answering(answer)))
    assert (replied.status, replied.body) == (status, answer.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("how", [fetched, reply])
async def test_an_answer_that_breaks_off_is_none(
    answering: Answers, how: Callable[[Request], object]
) -> None:
    with pytest.raises(Unreachable, match="is it running"):
        await asyncio.to_thread(how, request("GET", answering(CUT)))


def test_what_is_no_url_is_not_reached() -> None:
    with pytest.raises(Unreachable, match="cannot reach nowhere"):
        request("GET", "nowhere")
