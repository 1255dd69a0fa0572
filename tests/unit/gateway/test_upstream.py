"""The gateway's check of persistence: proved by both halves of its traffic, or asked for."""

import asyncio
from typing import Any, cast

import pytest

from services.gateway.upstream.probes import Upstream
from shared import commands
from shared.bus import Bus, BusTimeout, NoResponders
from shared.commands import ReadinessAnswer
from shared.errors import LinkupError, NotFound
from shared.health.endpoints import Check
from shared.health.probe import DEADLINE, EVERY, Probe
from shared.process.readiness import ANSWER_TIMEOUT
from tests.support.virtual import VirtualLoop


class FakeBus:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.reply: bytes | Exception = commands.encode(ReadinessAnswer(failing={}))
        self.sound = True
        self.probe = Probe("the bus", self.ping)

    async def ping(self) -> None:
        pass

    def check(self) -> Check:
        return Check("pass" if self.sound else "fail", "the bus hangs")

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        assert (subject, timeout) == ("linkup.query.health", ANSWER_TIMEOUT)
        self.asked += 1
        await asyncio.sleep(timeout if isinstance(self.reply, BusTimeout) else 0)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def play(story: Any) -> None:
    async def played() -> None:
        bus = FakeBus()
        upstream = Upstream(cast(Bus, bus))
        asking = asyncio.create_task(upstream.probe.run())
        try:
            await story(bus, upstream)
        finally:
            asking.cancel()
            await asyncio.wait([asking])

    loop = VirtualLoop()
    try:
        loop.let(played())
    finally:
        loop.close()


def test_f_t1_what_is_stored_and_read_all_the_time_is_not_asked_for() -> None:
    async def story(bus: FakeBus, upstream: Upstream) -> None:
        await asyncio.sleep(0.1)
        before = bus.asked
        for _ in range(60):
            upstream.stored()
            upstream.read()
            await asyncio.sleep(1)
        assert bus.asked == before
        assert upstream.check().status == "pass"

    play(story)


@pytest.mark.parametrize("half", ["stored", "read"])
def test_f_t1_one_half_alone_proves_nothing_of_the_other(half: str) -> None:
    async def story(bus: FakeBus, upstream: Upstream) -> None:
        await asyncio.sleep(EVERY)
        bus.reply = commands.encode(ReadinessAnswer(failing={"x": "the disk is full"}))
        for _ in range(10):
            getattr(upstream, half)()
            await asyncio.sleep(0.5)
        assert upstream.check().status == "fail"
        assert upstream.check().output == "persistence: the disk is full; see its /health"

    play(story)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (NoResponders("away"), "fail"),
        (BusTimeout("hangs"), "fail"),
        (b"nonsense", "fail"),
        (NotFound("of a release before this question"), "pass"),
    ],
)
def test_f_t1_whatever_is_no_answer_is_a_failure(reply: bytes | LinkupError, status: str) -> None:
    async def story(bus: FakeBus, upstream: Upstream) -> None:
        bus.reply = commands.refusal(reply) if isinstance(reply, NotFound) else reply
        await asyncio.sleep(DEADLINE + 0.1)
        assert upstream.check().status == status

    play(story)


def test_f_t1_who_answers_others_late_is_slow_and_not_away() -> None:
    async def story(bus: FakeBus, upstream: Upstream) -> None:
        await asyncio.sleep(0.1)
        bus.reply = BusTimeout("hangs")
        for _ in range(60):
            upstream.read()
            await asyncio.sleep(1)
            assert upstream.check().status == "pass"
        await asyncio.sleep(EVERY + 2 * DEADLINE)
        assert upstream.check().status == "fail"

    play(story)


def test_f_t1_a_bus_that_hangs_is_named_and_nobody_behind_it() -> None:
    async def story(bus: FakeBus, upstream: Upstream) -> None:
        bus.reply, bus.sound = BusTimeout("hangs"), False
        await asyncio.sleep(60)
        assert upstream.check().status == "warn"
        assert "not known" in upstream.check().output

    play(story)
