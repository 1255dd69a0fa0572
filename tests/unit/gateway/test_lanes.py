"""A lane, one promise at a time. The property test of the same name has the long runs."""

import asyncio
from typing import Any

import msgspec
import pytest

from services.gateway.upstream import lanes as lanes_module
from services.gateway.upstream.gate import Gate
from services.gateway.upstream.lanes import COMPANY, Lane, Lanes
from services.gateway.upstream.stages import Stages
from services.gateway.upstream.submission import OVERLOADED
from shared import commands, frames
from shared.bus import BusTimeout, NoResponders
from shared.commands import (
    AdvanceReceipt,
    Batch,
    Done,
    Fenced,
    PutUser,
    Refused,
    Results,
)
from shared.errors import Unavailable
from shared.health import exposition
from shared.health.endpoints import Health
from tests.support.background import running
from tests.support.prometheus import Scraped
from tests.support.virtual import VirtualLoop
from tests.support.waiting import eventually
from tests.unit.gateway.fake_lane import (
    Answer,
    FakeBus,
    Responder,
    Sender,
    done,
    keys,
    say,
)
from tests.unit.gateway.fakes import Socket, handlers

MAX_PAYLOAD = 1024 * 1024  # of a nats-server as it comes
LIMITED = Refused("rate_limited", "Too many", 100)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "PAUSE", 0.001)


def lane_on(respond: Responder) -> tuple[Lane, FakeBus]:
    bus = FakeBus(respond)
    return Lane(bus), bus  # type: ignore[arg-type]  # the part of a Bus a lane uses


async def test_while_a_batch_is_in_flight_the_next_one_gathers() -> None:
    lane, bus = lane_on(done)
    sender = Sender(lane, Gate())
    bus.hold.clear()
    async with running(lane.run()):
        sender.send("m1")
        await eventually(lambda: len(bus.payloads) == 1)
        for number in range(2, 6):
            sender.send(f"m{number}")
        bus.hold.set()
        await lane.settled()
    assert [keys(batch) for batch in bus.batches] == [["m1"], ["m2", "m3", "m4", "m5"]]
    assert [batch.number for batch in bus.batches] == [1, 2]
    assert [label for label, _ in sender.results] == ["m1", "m2", "m3", "m4", "m5"]


def mark(connection_id: str = "s1") -> AdvanceReceipt:
    return AdvanceReceipt(
        user_id="bob", connection_id=connection_id, conversation_id="ab", delivered_seq=1
    )


def told(*events: tuple[float, str]) -> list[tuple[float, int]]:
    """Return the time at which each batch left, and how many commands it took."""
    loop = VirtualLoop()
    left: list[tuple[float, int]] = []

    def respond(batch: Batch) -> Answer:
        left.append((round(loop.time(), 3), len(batch.commands)))
        return done(batch)

    async def tell() -> None:
        lane, _ = lane_on(respond)
        sender = Sender(lane, Gate())
        async with running(lane.run()):
            for at, what in events:
                await asyncio.sleep(at - loop.time())
                command = {"mark": mark(), "http": mark("")}.get(what) or say(what)
                sender.submit(command, what)
            await lane.settled()

    try:
        loop.run_until_complete(tell())
    finally:
        loop.close()
    return left


def test_marks_wait_a_moment_for_a_message_and_go_with_it() -> None:
    assert told((1.0, "mark"), (1.01, "mark"), (1.02, "m1")) == [(1.02, 3)]


def test_marks_alone_go_together_after_that_moment() -> None:
    assert told((1.0, "mark"), (1.02, "mark"), (2.0, "mark")) == [
        (1.0 + COMPANY, 2),
        (2.0 + COMPANY, 1),
    ]


@pytest.mark.parametrize("what", ["m1", "http"])
def test_what_somebody_waits_for_leaves_at_once(what: str) -> None:
    assert told((1.0, what), (1.5, "mark"), (1.51, what)) == [(1.0, 1), (1.51, 2)]


def measured(*events: tuple[float, str], failures: int = 0) -> Scraped:
    """Return the metrics of a lane after these events; the store first fails `failures` times."""
    health = Health("gateway")
    answers: list[Answer] = [Unavailable("cut off")] * failures
    loop = VirtualLoop()

    async def go() -> None:
        bus: Any = FakeBus(lambda batch: answers.pop() if answers else done(batch))
        lane = Lane(bus, stages=Stages(health.metrics))
        sender = Sender(lane, Gate())
        async with running(lane.run()):
            for at, what in events:
                await asyncio.sleep(at - loop.time())
                sender.submit(mark() if what == "mark" else say(what), what)
            await lane.settled()

    try:
        loop.run_until_complete(go())
    finally:
        loop.close()
    return Scraped(exposition.exposition(health).decode())


def test_s120_a_lane_is_measured_once_a_batch_and_not_by_what_nobody_waits_for() -> None:
    told = measured((1.0, "mark"), (1.02, "m1"), (2.0, "mark"))
    assert told("linkup_lane_batch_commands_count") == 2
    assert told("linkup_lane_batch_commands_sum") == 3
    for stage in ("linkup_lane_wait_seconds", "linkup_ack_seconds"):
        assert told(f"{stage}_count") == 1
        assert told(f"{stage}_sum") < COMPANY / 2
    assert told("linkup_retries_total") == 0


def test_s120_a_batch_that_is_sent_again_is_a_retry_and_one_success() -> None:
    told = measured((1.0, "m1"), failures=3)
    assert told("linkup_retries_total", operation="store") == 3
    assert told("linkup_retries_succeeded_total", operation="store") == 1
    assert told("linkup_lane_batch_commands_count") == 1


@pytest.mark.parametrize(
    "trouble",
    [
        NoResponders("away"),
        BusTimeout("no answer"),
        Unavailable("cut off"),
        Refused("overloaded", "The store is busy"),
        Fenced(9),
        b"\xc1",
        b"",
    ],
    ids=repr,
)
async def test_r1_a_repeat_is_byte_identical(trouble: Answer) -> None:
    answers: list[Answer] = [trouble, trouble]
    lane, bus = lane_on(lambda batch: answers.pop() if answers else done(batch))
    sender = Sender(lane, Gate())
    async with running(lane.run()):
        sender.send("m1")
        sender.send("m2")
        await lane.settled()
    assert len(bus.payloads) == 3
    assert len(set(bus.payloads)) == 1
    assert sender.codes() == {"m1": "ok", "m2": "ok"}
    assert len(sender.results) == 2


async def test_c2_at_the_deadline_the_outcome_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "DEADLINE", 0.01)
    lane, bus = lane_on(lambda batch: NoResponders("away"))
    sender = Sender(lane, Gate())
    async with running(lane.run()):
        sender.send("m1")
        await lane.settled()
        bus.respond = done
        sender.send("m2")
        await lane.settled()
    assert sender.codes() == {"m1": "unavailable", "m2": "out_of_order"}
    [result] = [result for label, result in sender.results if label == "m1"]
    assert isinstance(result, Refused)
    assert result.error().temporary


async def test_r1_a_batch_is_the_bytes_of_its_commands_encoded_once() -> None:
    lane, bus = lane_on(done)
    sender = Sender(lane)
    sender.send("m1")
    sender.submit(PutUser(user_id="alice", name="Älice"), "known")
    async with running(lane.run()):
        await lane.settled()
    [batch] = bus.batches
    assert len(batch.commands) == 2
    assert bus.payloads == [commands.encode(batch)]


async def test_c10_a_full_lane_is_overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "MAX_QUEUED", 2)
    lane, _ = lane_on(done)
    sender = Sender(lane)
    for number in range(1, 5):
        sender.send(f"m{number}")
    assert sender.results == [("m3", OVERLOADED), ("m4", OVERLOADED)]
    async with running(lane.run()):
        await lane.settled()
    assert sender.codes() == {"m1": "ok", "m2": "ok", "m3": "overloaded", "m4": "overloaded"}


async def test_c4_an_overloaded_message_does_not_hold_up_those_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the client, sending all again in order, would see the last one stored first."""
    monkeypatch.setattr(lanes_module, "MAX_QUEUED", 2)
    lane, bus = lane_on(done)
    sender = Sender(lane, Gate())
    for client_id in ("m1", "m2", "m3"):
        sender.send(client_id)
    async with running(lane.run()):
        await lane.settled()
        sender.send("m4")
        await lane.settled()
        assert sender.codes() == {
            "m1": "ok",
            "m2": "ok",
            "m3": "overloaded",
            "m4": "out_of_order",
        }
        for client_id in ("m3", "m4"):
            sender.send(client_id)
            await lane.settled()
    assert [key for batch in bus.batches for key in keys(batch)] == ["m1", "m2", "m3", "m4"]


async def test_r2_a_copy_that_was_refused_does_not_close_the_gate_behind_the_one_that_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An impatient client sent it twice: nobody sends an acked message again."""
    monkeypatch.setattr(lanes_module, "MAX_QUEUED", 1)
    lane, bus = lane_on(done)
    sender = Sender(lane, Gate())
    bus.hold.clear()
    async with running(lane.run()):
        sender.send("m1")
        await eventually(lambda: len(bus.payloads) == 1)
        sender.send("other", "elsewhere")
        sender.send("m1")
        assert sender.results == [("m1", OVERLOADED)]
        bus.hold.set()
        await lane.settled()
        sender.send("m2")
        await lane.settled()
    assert sender.codes() == {"m1": "ok", "other": "ok", "m2": "ok"}


async def test_c4_of_several_failures_the_earliest_has_to_come_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes_module, "MAX_QUEUED", 2)
    lane, bus = lane_on(lambda batch: Results([LIMITED for _ in batch.commands]))
    sender = Sender(lane, Gate())
    for client_id in ("m1", "m2", "m3"):
        sender.send(client_id)
    async with running(lane.run()):
        await lane.settled()
        bus.respond = done
        for client_id in ("m3", "m1", "m2", "m3"):
            sender.send(client_id)
            await lane.settled()
    stored = [label for label, result in sender.results if result == Done()]
    assert stored == ["m1", "m2", "m3"]


async def test_r18_a_batch_fits_the_bus_whatever_its_messages_hold() -> None:
    bus = FakeBus(done)
    lanes = Lanes(bus, 1)  # type: ignore[arg-type]  # the part of a Bus a lane uses
    given = handlers(lanes)
    socket = Socket()
    socket.connection.user_id = "\U0001f600" * 128
    for number in range(300):
        text = msgspec.json.encode(
            {
                "type": "message",
                "client_id": f"{number:0>100}",
                "to": "\U0001f4ac" * 128,
                "content": "\U0001f600" * (5000 if number % 2 else 1),
            }
        ).decode()
        given.handle(socket.connection, frames.decode(text))
    async with asyncio.TaskGroup() as tasks:
        [lane] = lanes.start(tasks)
        await lanes.settled()
        lane.cancel()
    assert sum(len(batch.commands) for batch in bus.batches) == 300
    assert max(map(len, bus.payloads)) < MAX_PAYLOAD


async def test_a_user_is_always_in_the_same_lane() -> None:
    bus = FakeBus(done)
    lanes = Lanes(bus, 4)  # type: ignore[arg-type]  # the part of a Bus a lane uses
    async with asyncio.TaskGroup() as tasks:
        running_lanes = lanes.start(tasks)
        for _ in range(3):
            for number in range(20):
                assert await lanes.call(PutUser(user_id=f"user {number} ü"), Done) == Done()
        await lanes.settled()
        for task in running_lanes:
            task.cancel()
    lane_of: dict[str, set[str]] = {}
    for batch in bus.batches:
        for command in batch.commands:
            lane_of.setdefault(command.user_id, set()).add(batch.lane)
    assert {len(found) for found in lane_of.values()} == {1}
    assert len(set.union(*lane_of.values())) == 4


async def test_c2_a_caller_that_has_gone_does_not_stop_the_lane() -> None:
    bus = FakeBus(done)
    bus.hold.clear()
    lanes = Lanes(bus, 1)  # type: ignore[arg-type]  # the part of a Bus a lane uses
    async with asyncio.TaskGroup() as tasks:
        [lane] = lanes.start(tasks)
        call = tasks.create_task(lanes.call(PutUser(user_id="a"), Done))
        await eventually(lambda: len(bus.payloads) == 1)
        call.cancel()
        bus.hold.set()
        assert await lanes.call(PutUser(user_id="b"), Done) == Done()
        lane.cancel()


async def test_r1_lane_ids_are_random() -> None:
    made: Any = [Lane(FakeBus(done)).id for _ in range(8)]  # type: ignore[arg-type]
    assert len(set(made)) == 8
