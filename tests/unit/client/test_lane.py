"""A conversation's lane: what is in flight when, without any I/O."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from linkup_client import frames
from linkup_client.lane import Lane, Pending

from tests.support.waiting import eventually
from tests.unit.client.scripted import FAST


class Wire:
    """A lane with ten messages, and the client_ids that it transmitted."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.lane = Lane(self._transmit, asyncio.get_running_loop(), FAST, max_window=4)
        for number in range(10):
            frame = frames.SendMessage(client_id=f"m{number}", content="x", to="bob")
            self.lane.submit(Pending(frame, lambda outcome: None))

    def _transmit(self, text: bytes) -> None:
        read = msgspec.json.decode(text)
        self.sent.append(read["client_id"])

    def taken(self) -> list[str]:
        sent, self.sent = self.sent, []
        return sent

    def ack(self, client_id: str) -> None:
        self.lane.on_ack(
            frames.Ack(
                client_id=client_id,
                message_id=1,
                conversation_id="d1",
                seq=1,
                created_at=datetime(2026, 11, 21, tzinfo=UTC),
                duplicate=False,
            )
        )

    def refuse(self, client_id: str, code: str) -> None:
        self.lane.on_error(
            frames.Error(
                code=code, message="", temporary=True, client_id=client_id, retry_after_ms=1
            )
        )


@pytest.fixture
async def wire() -> Wire:
    return Wire()


async def test_nothing_leaves_before_the_welcome(wire: Wire) -> None:
    assert wire.taken() == []
    wire.lane.connected()
    assert wire.taken() == ["m0", "m1", "m2", "m3"]


async def test_each_ack_lets_the_next_one_go(wire: Wire) -> None:
    wire.lane.connected()
    wire.taken()
    wire.ack("m0")
    wire.ack("m0")  # a second answer changes nothing
    assert wire.taken() == ["m4"]


async def test_after_a_refusal_one_goes_first_and_acks_open_the_window(wire: Wire) -> None:
    wire.lane.connected()
    wire.ack("m0")
    wire.taken()
    wire.refuse("m1", "rate_limited")
    for late in ("m2", "m3", "m4"):
        wire.refuse(late, "out_of_order")
    await eventually(lambda: bool(wire.sent))
    assert wire.taken() == ["m1"]
    wire.ack("m1")
    assert wire.taken() == ["m2", "m3"]
    wire.ack("m2")
    assert wire.taken() == ["m4", "m5", "m6"]


async def test_a_late_error_of_what_is_not_in_flight_changes_nothing(wire: Wire) -> None:
    wire.lane.connected()
    wire.taken()
    wire.refuse("m0", "unavailable")
    await eventually(lambda: bool(wire.sent))
    wire.refuse("m1", "out_of_order")
    wire.ack("m0")
    assert wire.taken() == ["m0", "m1", "m2"]


async def test_an_ack_may_overtake_what_is_sent_again(wire: Wire) -> None:
    wire.lane.connected()
    wire.taken()
    wire.refuse("m0", "unavailable")
    wire.ack("m1")  # stored before the connection knew
    await eventually(lambda: bool(wire.sent))
    wire.ack("m0")
    assert wire.taken()[:2] == ["m0", "m2"]


async def test_a_new_connection_begins_with_the_oldest(wire: Wire) -> None:
    wire.lane.connected()
    wire.ack("m0")
    wire.lane.lost()
    wire.taken()
    wire.lane.connected()
    assert wire.taken() == ["m1", "m2", "m3", "m4"]
