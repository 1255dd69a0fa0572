"""The bounded queue of one socket."""

import asyncio
from collections.abc import Sequence

import pytest

from services.gateway.socket.outbox import Outbox, Overflow
from tests.support.waiting import within


class FakeWire:
    """Takes frames while it is open."""

    def __init__(self) -> None:
        self.open = True
        self.writes: list[list[bytes]] = []

    def write(self, texts: Sequence[bytes]) -> int:
        if not self.open:
            return 0
        self.writes.append(list(texts))
        return len(texts)


def outbox(wire: FakeWire, max_frames: int = 3, max_bytes: int = 10) -> Outbox:
    return Outbox(wire, max_frames, max_bytes)  # type: ignore[arg-type]  # what it uses of a Wire


async def a_turn() -> None:
    """Wait for one turn of the loop."""
    await asyncio.sleep(0)


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
    await a_turn()
    assert wire.writes == [[b"a", b"b", b"c"]]


async def test_what_gathers_in_a_turn_of_the_loop_is_one_write_and_no_task() -> None:
    wire, tasks = FakeWire(), asyncio.all_tasks()
    box = outbox(wire)
    asyncio.get_running_loop().call_soon(box.push, b"2")
    box.push(b"1")
    assert wire.writes == []
    await a_turn()
    await a_turn()
    assert wire.writes == [[b"1", b"2"]]
    assert asyncio.all_tasks() == tasks


async def test_what_is_written_makes_room() -> None:
    wire = FakeWire()
    box = outbox(wire)
    for _ in range(4):
        for _ in range(3):
            box.push(b"abc")
        async with within(2):
            await box.drained()
    assert sum(map(len, wire.writes)) == 12


async def test_r5_a_page_is_not_counted_and_its_sender_waits() -> None:
    wire = FakeWire()
    wire.open = False
    box = outbox(wire)
    for _ in range(50):
        box.add(b"a page of the log")
    draining = asyncio.create_task(box.drained())
    await a_turn()
    await a_turn()
    box.push(b"live")
    assert (draining.done(), box.pending) == (False, 51)
    wire.open = True
    box.flush()  # as the wire does when there is room again
    async with within(2):
        await draining
    assert [frame for write in wire.writes for frame in write][-1] == b"live"


async def test_what_the_peer_did_not_take_goes_first() -> None:
    wire = FakeWire()
    box = outbox(wire)
    wire.write = lambda texts: FakeWire.write(wire, texts[:1])  # type: ignore[method-assign]
    box.push(b"1")
    box.push(b"2")
    await a_turn()
    box.push(b"3")
    await a_turn()
    box.flush()
    box.flush()
    assert [frame for write in wire.writes for frame in write] == [b"1", b"2", b"3"]


async def test_an_outbox_with_nothing_in_it_is_drained() -> None:
    async with within(1):
        await outbox(FakeWire()).drained()


async def test_what_is_discarded_is_not_written() -> None:
    wire = FakeWire()
    box = outbox(wire)
    box.push(b"1")
    box.discard()
    await a_turn()
    assert wire.writes == []


async def test_c10_what_may_be_dropped_takes_half_the_room_at_most() -> None:
    wire = FakeWire()
    wire.open = False
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
