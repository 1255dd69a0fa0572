"""The watchdog names the code that blocks the loop, and the tasks that nobody awaited."""

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
import uvloop

from shared.health import watchdog as watchdog_module
from shared.health.records import Ledger, use
from shared.health.watchdog import BLOCKED, EVERY, PATIENCE, Watchdog, noted
from tests.support.waiting import TIMEOUT_FACTOR

TRIES = 10  # a machine that stops for a moment blocks a loop as well
LOOPS = pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with use(Ledger("test")) as ledger:
        yield ledger


@LOOPS
def test_s98_what_blocks_the_loop_is_named_with_file_and_line(
    factory: Callable[[], asyncio.AbstractEventLoop],
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noticed: list[str] = []  # at once; what it was and how long is recorded when it is over
    monkeypatch.setattr(watchdog_module.logger, "warning", lambda said, *_: noticed.append(said))

    def block() -> None:
        while not noticed:
            time.sleep(0.01)

    async def main() -> None:
        with Watchdog(asyncio.get_running_loop()).watching() as watchdog:
            await asyncio.sleep(2 * EVERY)
            block()
            async with asyncio.timeout(5 * TIMEOUT_FACTOR):
                while watchdog.lag() < BLOCKED:  # noqa: ASYNC110 - a thread rings no bell
                    await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    first = block.__code__.co_firstlineno
    [found] = [one for one in ledger.recent() if one.context["line"] in (first + 1, first + 2)]
    assert found.category == "async_context_violation"
    assert found.message.startswith(f"loop blocked {found.context['ms']} ms in test_watchdog.py:")
    assert int(found.context["ms"]) >= 1000 * BLOCKED


@LOOPS
def test_s98_a_loop_that_rests_or_works_in_short_steps_is_not_blocked(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    turns = 0

    async def is_blocked() -> bool:
        nonlocal turns
        with Watchdog(asyncio.get_running_loop()).watching() as watchdog:
            await asyncio.sleep(4 * EVERY)
            rested = watchdog.lag() == 0.0
            until = time.monotonic() + 4 * EVERY
            while time.monotonic() < until:
                turns += 1
                await asyncio.sleep(0)
        return not rested

    for _ in range(TRIES):
        with use(Ledger("test")) as ledger, asyncio.Runner(loop_factory=factory) as runner:
            blocked = runner.run(is_blocked()) or bool(ledger.recent())
        if not blocked:
            assert turns > 10
            return
    pytest.fail("it was blocked each time")


async def test_an_exception_nobody_retrieves_is_recorded_with_its_place(ledger: Ledger) -> None:
    async def fails() -> None:
        raise LookupError("canary")

    gc.collect()  # what other tests have left
    with noted(asyncio.get_running_loop()):
        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        del task
        gc.collect()
    [found] = ledger.recent()
    assert found.message.startswith("Task exception was never retrieved: LookupError in test_watch")
    assert "canary" not in repr(found)


async def test_a_coroutine_nobody_awaits_is_recorded(ledger: Ledger) -> None:
    async def forgotten() -> None: ...

    gc.collect()
    with warnings.catch_warnings(action="always"):
        warnings.showwarning = lambda *args, **options: None
        with noted(asyncio.get_running_loop()):
            _ = forgotten()
            del _
            gc.collect()
    assert [found.category for found in ledger.recent()] == ["async_context_violation"]
    assert "forgotten" in ledger.recent()[0].message


def test_the_watch_ends_with_its_block_also_while_the_loop_is_blocked(ledger: Ledger) -> None:
    loop, before = asyncio.new_event_loop(), threading.enumerate()
    with Watchdog(loop).watching():
        [thread] = [one for one in threading.enumerate() if one not in before]
        time.sleep(4 * EVERY)  # the loop does not run at all, and this thread does not rest
    loop.close()
    thread.join(2 * PATIENCE * TIMEOUT_FACTOR)
    assert not thread.is_alive()
