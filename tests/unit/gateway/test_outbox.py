"""The bounded queue of one socket."""

import asyncio
from collections.abc import Sequence

import pytest

from services.gateway.socket.outbox import Outbox, Overflow
from tests.support.waiting import eventually, within


class FakeWire:
    """Writes when `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.writes: list[list[bytes]] = []

    async def send_frames(self, texts: Sequence[bytes]) -> None:
        await self.open.wait()
        if texts:
            self.writes.append(list(texts))


def outbox(wire: FakeWire, max_frames: int = 3, max_bytes: int = 10) -> Outbox:
    return Outbox(wire, max_frames, max_bytes)  # type: ignore[arg-type]  # what it uses of a Wire


async def test_c10_bounded_by_count() -> None:
    box = outbox(FakeWire())
    for _ in range(3):
        box.push(b"x")
    with pytest.raises(Overflow):
        box.push(b"")


async def test_c10_bounded_by_bytes_to_the_byte() -> None:
    box = outbox(FakeWire())
    box.push(b"12345")
    box.push(b"67890")
    with pytest.raises(Overflow):
        box.push(b"1")
    other = outbox(FakeWire())
    with pytest.raises(Overflow):
        other.push(b"x" * 11)
    other.push(b"x" * 10)


async def test_what_overflows_is_not_queued_and_the_rest_goes_out_in_order() -> None:
    wire = FakeWire()
    box = outbox(wire)
    for frame in (b"a", b"b", b"c"):
        box.push(frame)
    with pytest.raises(Overflow):
        box.push(b"d")
    box.end()
    await box.run()
    assert wire.writes == [[b"a", b"b", b"c"]]


async def test_what_is_written_makes_room() -> None:
    wire = FakeWire()
    box = outbox(wire)
    running = asyncio.create_task(box.run())
    for _ in range(4):
        for _ in range(3):
            box.push(b"abc")
        async with within(2):
            await box.drained()
    box.end()
    await running
    assert sum(map(len, wire.writes)) == 12


async def test_r5_a_page_is_not_counted_and_its_sender_waits() -> None:
    wire = FakeWire()
    wire.open.clear()
    box = outbox(wire)
    running = asyncio.create_task(box.run())
    for _ in range(50):
        box.add(b"a page of the log")
    draining = asyncio.create_task(box.drained())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    box.push(b"live")
    assert not draining.done()
    wire.open.set()
    async with within(2):
        await draining
    assert [frame for write in wire.writes for frame in write][-1] == b"live"
    box.end()
    await running


async def test_an_outbox_with_nothing_in_it_is_drained() -> None:
    async with within(1):
        await outbox(FakeWire()).drained()


async def test_the_end_comes_after_the_last_frame() -> None:
    wire = FakeWire()
    wire.open.clear()
    box = outbox(wire)
    running = asyncio.create_task(box.run())
    box.push(b"1")
    await asyncio.sleep(0)
    box.push(b"2")
    box.end()
    wire.open.set()
    async with within(2):
        await running
    assert wire.writes == [[b"1"], [b"2"]]


async def test_an_idle_outbox_ends_at_once() -> None:
    box = outbox(FakeWire())
    running = asyncio.create_task(box.run())
    await asyncio.sleep(0)
    box.end()
    async with within(2):
        await running


async def test_what_is_discarded_is_not_written() -> None:
    wire = FakeWire()
    box = outbox(wire)
    box.push(b"1")
    box.discard()
    box.end()
    await box.run()
    await eventually(lambda: wire.writes == [])


async def test_c10_what_may_be_dropped_takes_half_the_room_at_most() -> None:
    wire = FakeWire()
    wire.open.clear()
    box = outbox(wire, 10, 100)
    for _ in range(20):
        box.offer(b"x")
    assert box.pending == 5
    box = outbox(wire, 100, 10)
    for _ in range(20):
        box.offer(b"x")
    assert box.pending == 5
    box.push(b"12345")  # there is room for what counts
    box.offer(b"x")
    assert box.pending == 6
