"""Owns the plain bench: the real stack and its floors, measured in one run."""

import asyncio
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from linkup.calls import Door
from linkup.load import running
from linkup.load.report import Report
from linkup.load.running import Plan
from tests.bench import commit, echo
from tests.bench.product import HERE, commit_of
from tests.bench.report import Bench
from tests.bench.turn import PAIRS, RATE, SIZE, WINDOW
from tests.support.stack import AUDIENCE, Stack, run_stack

TYPISTS = 1_000
FLOOR_SECONDS = 3.0
NO_LIMITS: dict[str, Any] = {"message_rate": 0, "sockets_per_address": 0, "sockets_per_user": 0}


async def measure(seconds: float, folder: Path, say: Callable[[str], None]) -> Bench:
    say("the floors: echo and commit")
    floors = await echo.measure(2 * PAIRS, WINDOW // 2, SIZE, FLOOR_SECONDS)
    commits = await asyncio.to_thread(commit.measure, folder, SIZE, FLOOR_SECONDS)
    async with run_stack(folder, **NO_LIMITS) as stack:
        say(f"{RATE:g} messages/s for {seconds:g} s")
        steady = await _load(stack, seconds, rate=RATE)
        say(f"{PAIRS} pairs with {WINDOW} in flight for {seconds:g} s")
        full = await _load(stack, seconds)
        say(f"{TYPISTS:,} typists beside {RATE:g} messages/s, half of {3 * seconds:g} s")
        typing = await _load(stack, 3 * seconds, rate=RATE, typists=TYPISTS)
    return Bench(
        commit=commit_of(HERE),
        python=platform.python_version(),
        cpus=os.cpu_count() or 0,
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        full=full,
        steady=steady,
        typing=typing,
        echo=floors,
        sqlite=commits,
    )


async def _load(stack: Stack, seconds: float, rate: float = 0.0, typists: int = 0) -> Report:
    plan = Plan(
        url=stack.url,
        pairs=PAIRS,
        window=WINDOW,
        rate=rate,
        seconds=seconds,
        size=SIZE,
        typists=typists,
        pids=stack.pids(),
    )
    return await running.run(plan, Door(stack.url, stack.secret, AUDIENCE))
