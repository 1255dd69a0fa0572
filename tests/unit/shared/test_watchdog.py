"""The watchdog names the code that blocks the loop, and the tasks that nobody awaited."""

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
import uvloop

from shared.health.records import Ledger, use
from shared.health.watchdog import EVERY, PATIENCE, Watchdog, noted
from tests.support.waiting import TIMEOUT_FACTOR

LOOPS = pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with use(Ledger("test")) as ledger:
        yield ledger


@LOOPS
def test_s98_what_blocks_the_loop_is_named_with_file_and_line(
    factory: Callable[[], asyncio.AbstractEventLoop], ledger: Ledger
) -> None:
    async def main() -> float:
        with Watchdog(asyncio.get_running_loop()).watching() as watchdog:
            await asyncio.sleep(2 * EVERY)
            time.sleep(0.4)  # noqa: ASYNC251 - which is the fault
            async with asyncio.timeout(5 * TIMEOUT_FACTOR):
                while not ledger.recent():  # noqa: ASYNC110 - a thread rings no bell
                    await asyncio.sleep(0.01)
            return watchdog.lag()

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(main()) > 0.15
    [found] = ledger.recent()
    assert found.category == "async_context_violation"
    assert found.message.startswith(f"loop blocked {found.context['ms']} ms in test_watchdog.py:")
    line = main.__code__.co_firstlineno + 3
    assert found.context["line"] == line
    assert 200 <= int(found.context["ms"]) < 2000 * TIMEOUT_FACTOR


@LOOPS
def test_s98_a_loop_that_rests_or_works_in_short_steps_is_not_blocked(
    factory: Callable[[], asyncio.AbstractEventLoop], ledger: Ledger
) -> None:
    turns = 0

    async def main() -> None:
        nonlocal turns
        with Watchdog(asyncio.get_running_loop()).watching() as watchdog:
            await asyncio.sleep(4 * EVERY)
            assert watchdog.lag() == 0.0
            until = time.monotonic() + 4 * EVERY
            while time.monotonic() < until:
                turns += 1
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    assert turns > 10
    assert ledger.recent() == []


async def test_an_exception_nobody_retrieves_is_recorded_with_its_place(ledger: Ledger) -> None:
    async def fails() -> None:
        raise LookupError("canary")

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

    with warnings.catch_warnings(action="always"):
        warnings.showwarning = lambda *args, **options: None
        with noted(asyncio.get_running_loop()):
            _ = forgotten()
            del _
            gc.collect()
    assert [found.category for found in ledger.recent()] == ["async_context_violation"]
    assert "forgotten" in ledger.recent()[0].message


def test_the_watch_ends_with_its_block_also_while_the_loop_is_blocked(ledger: Ledger) -> None:
    loop = asyncio.new_event_loop()
    with Watchdog(loop).watching():
        time.sleep(4 * EVERY)  # the loop does not run at all, and this thread does not rest
    loop.close()
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(2 * PATIENCE)
            assert not thread.is_alive()
