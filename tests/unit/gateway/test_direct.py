"""The short way of plain text frames, beside the library's own: nobody can tell them apart."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from services.gateway.socket.direct import DirectWire, framed
from services.gateway.socket.wire import EXTENSION, Wire
from shared.health.counters import Counters
from shared.process.serve import config
from shared.settings import Settings
from tests.support.raw import CLOSE, CONTINUATION, PING, PONG, TEXT, UPGRADE, frame

BINARY, UNKNOWN = 0x2, 0x3
MOST = 70_000  # a message may hold
BYE = "bye"  # which the application answers with a close
CLOSED = 4001  # its code
DEFECT = "defect"  # on which the application fails
HEAD = [(name, value) for name, _, value in (one.encode().partition(b": ") for one in UPGRADE)]
TURNS = 80  # of the loop, in which all that can go on does

contents = st.one_of(
    st.binary(max_size=8),
    st.text(max_size=40).map(str.encode),
    st.sampled_from([0, 125, 126, 127, 5_000, 65_535]).map(lambda size: b"x" * size),
)
masks = st.binary(min_size=4, max_size=4)
frames = st.one_of(
    st.builds(frame, st.just(TEXT), st.text(max_size=40).map(str.encode), mask=masks),
    st.builds(frame, st.sampled_from([TEXT, BINARY, CONTINUATION]), contents, st.booleans(), masks),
    st.builds(frame, st.sampled_from([PING, PONG, CLOSE]), st.binary(max_size=8)),
    st.binary(max_size=12),
)


class Transport(asyncio.Transport):
    """Takes everything, and remembers what was done to it."""

    def __init__(self) -> None:
        super().__init__({"socket": socket.socket()})
        self.written = bytearray()
        self.ended: list[str] = []
        self.on_write: Callable[[], None] = lambda: None

    def write(self, data: Any) -> None:
        self.written += data
        self.on_write()

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return bool({"close", "abort"}.intersection(self.ended))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended.append("eof")

    def close(self) -> None:
        self.ended.append("close")

    def abort(self) -> None:
        self.ended.append("abort")


class Answering:
    """An application that answers each text with itself and another as long, and BYE with a
    close."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        wire: Wire = scope["extensions"][EXTENSION]
        while not self.given or self.given[-1]["type"] != "websocket.disconnect":
            self.given.append(await wire.receive())
            text = self.given[-1].get("text")
            if text == BYE:
                await send({"type": "websocket.close", "code": CLOSED})
            elif text:
                wire.write([text.encode(), b"y" * len(text)])


class Listening(Answering):
    """The same, but texts come to it in the turn in which they are read. It hears up to `most`."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self.wire: Wire | None = None
        self.most = most

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.wire = scope["extensions"][EXTENSION]
        while not self.given or self.given[-1]["type"] != "websocket.disconnect":
            self.wire.listen(self)
            self.given.append(await self.wire.receive())
        self.wire.listener = None

    def hear(self, text: str) -> None:
        assert self.wire is not None
        self.given.append({"type": "websocket.receive", "text": text})
        if text == DEFECT:
            raise ZeroDivisionError
        self.wire.write([text.encode(), b"y" * len(text)])

    def is_full(self) -> bool:
        return len(self.given) >= self.most


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def connected(
    kind: type[Wire], app: Answering | None = None
) -> tuple[Wire, Transport, Answering]:
    app = app or Answering()
    setup = config(cast(Any, app), Settings(message_rate=0), Counters(), kind)
    setup.ws_max_size, setup.ws_ping_interval = MOST, None
    setup.load()
    wire, transport = kind(setup, ServerState(), {}), Transport()
    guest = setup.admission.enter("")
    assert guest is not None
    wire.guest = guest
    wire.connection_made(transport)
    wire.upgrade(b"/ws", HEAD)
    await turns()
    return wire, transport, app


async def lost(wire: Wire) -> None:
    wire.connection_lost(None)
    await turns()
    wire.transport.get_extra_info("socket").close()


async def played(
    kind: type[Wire], pieces: Sequence[bytes], app: Answering
) -> tuple[list[Any], bytes, list[str]]:
    """Feed pieces to a connection; return the application's events, the output and the end."""
    wire, transport, _ = await connected(kind, app)
    for piece in pieces:
        if not transport.is_closing():
            wire.data_received(piece)
        await turns()
    await lost(wire)
    return app.given, bytes(transport.written), transport.ended


def both(
    pieces: Sequence[bytes], app: type[Answering] = Answering
) -> tuple[list[Any], bytes, list[str]]:
    with asyncio.Runner() as runner:
        direct = runner.run(played(DirectWire, pieces, app()))
        library = runner.run(played(Wire, pieces, app()))
    assert direct == library
    return direct


@given(st.lists(frames, max_size=8), st.data())
def test_c10_however_frames_come_both_ways_do_the_same(sent: list[bytes], data: Any) -> None:
    whole = b"".join(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]
    queued = told(both(pieces))
    if BYE not in queued:
        assert told(both(pieces, Listening)) == queued


def told(played: tuple[list[Any], bytes, list[str]]) -> list[Any]:
    """Return the texts and the code at the end."""
    return [event["text"] for event in played[0] if event.get("text") is not None] + [
        event["code"] for event in played[0] if "code" in event
    ]


def long(content: bytes) -> bytes:
    return b"\x81\xff" + len(content).to_bytes(8) + bytes(4) + content


HI = frame(TEXT, b"hi", mask=b"mask")
CASES: list[tuple[str, list[bytes], list[str], int]] = [
    ("text", [HI, HI], ["hi", "hi"], 1006),
    ("empty", [frame(TEXT)], [""], 1006),
    ("many in one read", [HI * 30], ["hi"] * 30, 1006),
    ("byte by byte", [bytes([byte]) for byte in HI], ["hi"], 1006),
    ("cut in the next one's head", [HI + HI[:1], HI[1:]], ["hi", "hi"], 1006),
    ("with a ping between", [HI + frame(PING, b"p") + HI], ["hi", "hi"], 1006),
    ("of the longest", [long(b"x" * MOST)], ["x" * MOST], 1006),
    ("too long", [long(b"x" * (MOST + 1))], [], 1009),
    ("too long, in its head", [b"\x81\xff" + (1 << 62).to_bytes(8) + bytes(4)], [], 1009),
    ("a length in more bytes than needed", [b"\x81\xfe\x00\x02" + bytes(4) + b"hi"], ["hi"], 1006),
    ("no UTF-8", [frame(TEXT, b"\xc3\x28", mask=b"mask"), HI], [], 1007),
    ("no UTF-8 in fragments", [frame(TEXT, b"\xc3", False) + frame(CONTINUATION, b"(")], [], 1007),
    (
        "a letter cut in two",
        [frame(TEXT, b"\xc3", False) + frame(CONTINUATION, b"\xa9")],
        ["é"],
        1006,
    ),
    ("within a fragmented one", [frame(TEXT, b"a", False) + HI], [], 1002),
    (
        "after a fragmented one",
        [frame(TEXT, b"a", False) + frame(CONTINUATION) + HI],
        ["a", "hi"],
        1006,
    ),
    (
        "too many fragments",
        [frame(TEXT, b"a", False), frame(CONTINUATION, b"", False) * 300],
        [],
        1009,
    ),
    ("without a mask", [b"\x81\x02hi"], [], 1002),
    ("with a bit of an extension", [b"\xc1" + HI[1:]], [], 1002),
    ("of an unknown kind", [frame(UNKNOWN, b"hi")], [], 1002),
    ("behind our close", [frame(TEXT, b"bye"), HI * 20 + frame(CLOSE)], ["bye"], 4001),
    ("behind a close", [HI + frame(CLOSE, b"\x03\xe8") + HI], ["hi"], 1000),
]


@pytest.mark.parametrize(
    ("pieces", "texts", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_case_of_the_protocol(pieces: list[bytes], texts: list[str], code: int) -> None:
    given, _, _ = both(pieces)
    assert [event["text"] for event in given[:-1]] == texts
    assert given[-1]["code"] == code
    if code != CLOSED:  # who listens is told of what came in the same turn as its close
        assert told(both(pieces, Listening)) == [*texts, code]


@pytest.mark.parametrize("kind", [DirectWire, Wire])
async def test_c4_what_came_before_somebody_listened_is_heard_first(kind: type[Wire]) -> None:
    app = Listening(most=0)
    wire, _, _ = await connected(kind, app)
    app.most, wire.listener = 1000, None
    wire.data_received(frame(TEXT, b"1") + frame(TEXT, b"2"))
    wire.listen(app)
    wire.data_received(frame(TEXT, b"3"))
    await turns()
    wire.data_received(frame(TEXT, b"4"))
    assert [event["text"] for event in app.given] == ["1", "2", "3", "4"]
    await lost(wire)


@pytest.mark.parametrize("kind", [DirectWire, Wire])
async def test_c10_who_is_full_is_handed_no_more_until_it_goes_on(kind: type[Wire]) -> None:
    app = Listening(most=2)
    wire, _, _ = await connected(kind, app)
    wire.data_received(HI * 9)
    await turns()
    assert len(app.given) == 2
    app.most = 7
    await turns()
    assert len(app.given) == 2
    wire.go_on()
    await turns()
    assert len(app.given) == 7
    await lost(wire)


@pytest.mark.parametrize("kind", [DirectWire, Wire])
async def test_a_defect_of_who_listens_ends_its_socket(
    kind: type[Wire], caplog: pytest.LogCaptureFixture
) -> None:
    app = Listening()
    wire, transport, _ = await connected(kind, app)
    wire.data_received(HI + frame(TEXT, DEFECT.encode()) + HI)
    await turns()
    assert [event["text"] for event in app.given] == ["hi", DEFECT]
    assert "ZeroDivisionError" in caplog.text
    assert transport.is_closing()
    await lost(wire)


@pytest.mark.parametrize("kind", [DirectWire, Wire])
@pytest.mark.parametrize(
    ("sizes", "taken"), [([5] * 9, 9), ([20_000] * 4, 2), ([60_000] * 2, 1), ([32_767, 1, 1], 2)]
)
async def test_c10_a_peer_that_takes_no_more_is_given_no_more(
    kind: type[Wire], sizes: list[int], taken: int
) -> None:
    wire, transport, _ = await connected(kind)
    transport.on_write = wire.pause_writing  # the kernel keeps nothing for it
    texts = [b"x" * size for size in sizes]
    assert wire.write(texts) == taken
    assert wire.write(texts) == 0
    wire.resume_writing()
    assert wire.write(texts[taken:] or texts) > 0
    await lost(wire)
    assert wire.write(texts) == len(texts)  # nobody is to wait for who is gone


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_frame_of_ours_is_the_librarys(size: int) -> None:
    text = b"x" * size
    assert framed(text) == Frame(Opcode.TEXT, text).serialize(mask=False)
