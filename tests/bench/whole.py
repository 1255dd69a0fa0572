"""Owns the plain bench: the real product and its floors, measured in one run."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from linkup.load.report import Report
from tests.bench import calm, commit, echo, priority, product, turn
from tests.bench.product import running
from tests.bench.report import Bench
from tests.bench.results import machine
from tests.bench.subject import PAIRS, RATE, SIZE, WINDOW, Extent, Subject

TYPISTS = 1_000
FLOOR_SECONDS = 3.0
RATES = (50.0, 200.0, 1_000.0, 3_000.0)  # messages a second
RATE_SECONDS = 6.0


async def measure(seconds: float, folder: Path, say: Callable[[str], None]) -> Bench:
    """Raises LoadFailed and Unusable. What was lost, doubled or out of order is in the reports."""
    say("the floors: echo and commit")
    floors = await echo.measure(2 * PAIRS, WINDOW // 2, SIZE, FLOOR_SECONDS)
    quiet = await calm.measure(RATE, SIZE, FLOOR_SECONDS)
    commits = await asyncio.to_thread(commit.measure, folder, SIZE, FLOOR_SECONDS)
    async with running(product.this(), folder) as stack:
        priority.prefer(stack.pids().values())
        subject = Subject(stack, Extent(seconds=seconds), say)
        found = await turn.measured(subject, ("idle", "join"))
        say(f"{RATE:g} messages/s for {seconds:g} s")
        steady = await subject.report(RATE)
        say(f"{PAIRS} pairs with {WINDOW} in flight for {seconds:g} s")
        full = await subject.report()
        say(f"{TYPISTS:,} typists beside {RATE:g} messages/s, half of {3 * seconds:g} s")
        typing = await subject.report(RATE, typists=TYPISTS, seconds=3 * seconds)
        found |= await turn.measured(subject, ("history",))
    return Bench(
        machine=machine(),
        full=full,
        steady=steady,
        typing=typing,
        found=found,
        echo=floors,
        calm=quiet,
        sqlite=commits,
    )


async def sweep(folder: Path, say: Callable[[str], None]) -> list[Report]:
    """The same load at several rates, one after the other. Raises LoadFailed, Unsound, Unusable."""
    async with running(product.this(), folder) as stack:
        priority.prefer(stack.pids().values())
        subject = Subject(stack, Extent(seconds=RATE_SECONDS), say)
        reports = []
        for rate in RATES:
            say(f"{rate:,.0f} messages/s for {RATE_SECONDS:g} s")
            reports.append(await subject.load(rate))
    return reports
