"""The results of a probe, in virtual time: seconds of an hour cost nothing."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.health.probe import AGAIN, DEADLINE, EVERY, LOST, STEP, Probe
from shared.health.records import Ledger
from shared.health.taxonomy import Category
from tests.support.virtual import VirtualLoop

Story = Callable[["Thing", Probe], Coroutine[Any, Any, None]]


class Thing:
    """Counts the questions, and answers as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble = ""
        self.hangs: asyncio.Future[None] | None = None

    async def answer(self) -> None:
        self.asked += 1
        if self.hangs is not None:
            await self.hangs
        if self.trouble:
            raise Unavailable("Not now") from OSError(self.trouble)


def play(story: Story, category: Category = "connection_error") -> None:
    async def played() -> None:
        thing = Thing()
        probe = Probe("the thing", thing.answer, remedy="mend it", category=category)
        asking = asyncio.create_task(probe.run())
        try:
            await story(thing, probe)
        finally:
            asking.cancel()
            await asyncio.wait([asking])

    loop = VirtualLoop()
    try:
        loop.let(played())
    finally:
        loop.close()


def test_f_t1_what_was_never_asked_is_not_called_ready() -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        thing.hangs = asyncio.get_running_loop().create_future()
        assert probe.check().status == "fail"
        await asyncio.sleep(60)
        assert probe.check().status == "fail"

    play(story)


def test_f_t1_a_quiet_thing_is_asked_every_few_seconds_and_no_more() -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        await asyncio.sleep(60)
        assert 60 / EVERY - 1 <= thing.asked <= 60 / EVERY + 1
        assert probe.check().status == "pass"

    play(story)


def test_f_t1_what_traffic_proves_is_not_asked() -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        await asyncio.sleep(0.01)
        before = thing.asked
        for _ in range(60):
            await asyncio.sleep(1)
            probe.proved()
        assert thing.asked == before

    play(story)


def test_f_t1_what_traffic_proved_earlier_does_not_overrule_what_is_known_since() -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        now = asyncio.get_running_loop().time
        await asyncio.sleep(10)
        thing.trouble, earlier = "broken", now()
        probe.failed("broken")
        await asyncio.sleep(0.1)
        probe.proved(earlier - 1)
        assert probe.check().status == "fail"
        probe.proved(now())
        assert probe.check().status == "pass"

    play(story)


@pytest.mark.parametrize("category", ["connection_error", "persistence_error"])
def test_s82_silence_is_an_error_of_the_things_own_category(
    category: Category, recorded: Ledger
) -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        thing.hangs = asyncio.get_running_loop().create_future()
        await asyncio.sleep(60)

    play(story, category)
    [found] = recorded.recent()
    assert (found.category, found.message) == (category, "the thing: no answer for 3 s")


@pytest.mark.parametrize("busy", [False, True])
def test_f_t1_what_hangs_fails_and_comes_back_with_its_answer(busy: bool) -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        await asyncio.sleep(1)
        if busy:
            probe.proved()
        thing.hangs = asyncio.get_running_loop().create_future()
        await asyncio.sleep(EVERY + DEADLINE + STEP)
        assert probe.check().status == "fail"
        assert probe.check().output == "the thing: no answer for 3 s; mend it"
        asked = thing.asked
        await asyncio.sleep(60)
        assert thing.asked == asked, "nobody is asked twice at a time"
        thing.hangs.set_result(None)
        await asyncio.sleep(0.01)
        assert probe.check().status == "pass"

    play(story)


def test_f_t1_the_cause_is_told_and_soon_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        thing.trouble = "out of paper"
        await asyncio.sleep(EVERY + 60)
        assert probe.check().status == "fail"
        assert probe.check().output == "the thing: out of paper; mend it"
        thing.trouble = ""
        await asyncio.sleep(AGAIN + 0.01)
        assert probe.check().status == "pass"

    with caplog.at_level(logging.INFO, "linkup.probe"):
        play(story)
    told = [entry.getMessage() for entry in caplog.records]
    assert told == ["the thing works again"], "a change is told once, and the start is none"


def test_f_t1_a_probe_whose_task_is_gone_fails() -> None:
    async def story(thing: Thing, probe: Probe) -> None:
        await asyncio.sleep(0)
        thing.hangs = asyncio.get_running_loop().create_future()
        thing.hangs.cancel()  # the next question ends the task
        await asyncio.sleep(EVERY + LOST + 0.1)
        assert probe.check().status == "fail"


def test_f_t1_whoever_is_held_up_does_not_say_that_others_are() -> None:
    """A loop that comes to nothing for seconds finds its own deadlines over before the answers."""

    async def story(thing: Thing, probe: Probe) -> None:
        await asyncio.sleep(1)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        thing.trouble, thing.hangs = "no answer in time", loop.create_future()
        await asyncio.sleep(EVERY - 1 + STEP / 2)
        loop.now += 10.0
        thing.hangs.set_result(None)
        await asyncio.sleep(0)
        thing.trouble, thing.hangs = "", None
        await asyncio.sleep(STEP)
        assert probe.check().status == "pass"

    play(story)

    play(story)


def test_an_answer_about_the_past_is_not_asked_for_without_end() -> None:
    """Traffic proved it before it failed: that overrules nothing, and no time has passed."""
    asked: list[float] = []

    async def answer() -> float:
        asked.append(asyncio.get_running_loop().time())
        assert len(asked) < 100
        return 1.0

    async def main() -> None:
        probe = Probe("the thing", answer)
        await asyncio.sleep(2)
        probe.failed("it is broken")
        running = asyncio.create_task(probe.run())
        await asyncio.sleep(5)
        running.cancel()
        assert probe.check().status == "fail"

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert 1 < len(asked) <= 5 / STEP
