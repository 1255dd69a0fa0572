"""The client of NATS without a broker: how much it writes, and what it makes of what it reads."""

import asyncio
import itertools
from collections.abc import Sequence

import nats.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.aio.client import Client

from shared.bus import Bus
from shared.nats_client import NatsClient, Reader

Heard = tuple[str, bytes, str]


class FakeTransport:
    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


def connected() -> tuple[NatsClient, FakeTransport]:
    client, transport = NatsClient(), FakeTransport()
    client._transport, client._status = transport, Client.CONNECTED  # type: ignore[assignment]  # noqa: SLF001
    return client, transport


async def test_what_is_said_in_one_turn_of_the_loop_leaves_in_one_write() -> None:
    client, transport = connected()
    bus = Bus(client)
    for number in range(3):
        bus.post("events", b"%d" % number)
    await bus.subscribe("answers", lambda delivery: None)
    await client._send_ping()  # noqa: SLF001
    await bus.publish("reply", "é".encode())
    await asyncio.sleep(0)
    [written] = transport.written
    assert written == (
        b"PUB events  1\r\n0\r\nPUB events  1\r\n1\r\nPUB events  1\r\n2\r\n"
        b"SUB answers  1\r\nPING\r\nPUB reply  2\r\n\xc3\xa9\r\n"
    )


async def test_r1_what_is_said_as_the_connection_breaks_is_not_said_later() -> None:
    client, transport = connected()
    client.send("store", b"an old batch")
    number = client.listen("answers", lambda *_: None)
    client._status = Client.RECONNECTING  # noqa: SLF001
    await asyncio.sleep(0)
    with pytest.raises(nats.errors.Error):
        client.send("store", b"too late")
    client._status = Client.CONNECTED  # noqa: SLF001
    client.send("store", b"new")
    await asyncio.sleep(0)
    assert transport.written == [b"SUB answers  %d\r\nPUB store  3\r\nnew\r\n" % number]


async def test_a_question_ends_with_its_answer_and_with_none() -> None:
    client, _ = connected()
    reader = Reader(client)

    async def ask(said: bytes, timeout: float = 5.0) -> bytes:
        asking = asyncio.ensure_future(client.ask("store", b"", timeout))
        await asyncio.sleep(0)
        [inbox] = client._answers  # noqa: SLF001
        sid = client._sid  # noqa: SLF001
        for _ in range(2):  # a second answer is one too many
            await reader.parse(said.replace(b"INBOX 1", b"%b %d" % (inbox.encode(), sid)))
        return await asking

    assert await ask(b"MSG INBOX 1 4\r\nhere\r\n") == b"here"
    with pytest.raises(nats.errors.NoRespondersError):
        await ask(b"HMSG INBOX 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
    with pytest.raises(nats.errors.TimeoutError):
        await ask(b"+OK\r\n", timeout=0.01)
    assert client._answers == {}  # noqa: SLF001 - nothing is kept of what has ended


async def test_f_t1_an_answer_to_a_ping_that_nobody_waits_for_is_no_error() -> None:
    client, _ = connected()
    gone, waiting = asyncio.Future[bool](), asyncio.Future[bool]()
    for answer in (gone, waiting):
        await client._send_ping(answer)  # noqa: SLF001
    gone.cancel()
    await Reader(client).parse(b"PONG\r\nPONG\r\n")
    assert waiting.done()


BODY = st.binary(max_size=60) | st.sampled_from(
    [b"\r\n", b"MSG a 1 3\r\n", b"PING\r\n", b"x" * 9999]
)
MESSAGE = st.tuples(st.sampled_from(["a", "linkup.user.x.feed"]), BODY, st.sampled_from(["", "re"]))


def _spoken(message: Heard, headed: bool) -> bytes:
    subject, body, reply_to = message
    if headed:
        head = b"NATS/1.0\r\nA: b\r\n\r\n"
        sizes = f"{len(head)} {len(head) + len(body)}"
        return f"HMSG {subject} 1 {reply_to} {sizes}\r\n".encode() + head + body + b"\r\n"
    return f"MSG {subject} 1 {reply_to} {len(body)}\r\n".encode() + body + b"\r\n"


@given(
    said=st.lists(
        st.tuples(MESSAGE, st.booleans(), st.sampled_from([b"", b"PING\r\n", b"+OK\r\n"]))
    ),
    cuts=st.lists(st.integers(0, 20_000), max_size=12),
)
@settings(max_examples=300)
def test_messages_are_whole_wherever_the_wire_cuts_them(
    said: Sequence[tuple[Heard, bool, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(_spoken(message, headed) + other for message, headed, other in said)
    heard: list[Heard] = []

    async def read() -> None:
        client, transport = connected()
        client.listen("*", lambda *message: heard.append(message))
        reader = Reader(client)
        edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
        for begin, end in itertools.pairwise(edges):
            await reader.parse(stream[begin:end])
        await asyncio.sleep(0)
        pongs = b"".join(transport.written).count(b"PONG")
        assert pongs == sum(other == b"PING\r\n" for _, _, other in said)

    asyncio.run(read())
    assert heard == [message for message, _, _ in said]
