"""Owns `python -m tests.bench`: the real stack and its floors, measured in one run; with
`--history`, a store of a million messages beside an empty one instead.

Exits 1 when a message was lost, doubled or out of order; a missed target is said, not punished:
it may be the machine.
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from linkup import load_run
from linkup.calls import Door
from linkup.joining import LoadFailed
from linkup.load_report import Report
from linkup.load_run import Plan
from tests.bench import commit, echo, history
from tests.bench.report import Bench, markdown
from tests.support.stack import AUDIENCE, Stack, run_stack

RESULTS = Path(__file__).parents[2] / "bench-results"
PAIRS, WINDOW, SIZE = 100, 8, 120
RATE = 200.0
TYPISTS = 1_000
FLOOR_SECONDS = 3.0
NO_LIMITS: dict[str, Any] = {"message_rate": 0, "sockets_per_address": 0, "sockets_per_user": 0}


async def bench(seconds: float, folder: Path) -> Bench:
    _say("the floors: echo and commit")
    floors = await echo.measure(2 * PAIRS, WINDOW // 2, SIZE, FLOOR_SECONDS)
    commits = await asyncio.to_thread(commit.measure, folder, SIZE, FLOOR_SECONDS)
    async with run_stack(folder, **NO_LIMITS) as stack:
        _say(f"{RATE:g} messages/s for {seconds:g} s")
        steady = await _load(stack, seconds, rate=RATE)
        _say(f"{PAIRS} pairs with {WINDOW} in flight for {seconds:g} s")
        full = await _load(stack, seconds)
        _say(f"{TYPISTS:,} typists beside {RATE:g} messages/s, half of {3 * seconds:g} s")
        typing = await _load(stack, 3 * seconds, rate=RATE, typists=TYPISTS)
    return Bench(
        commit=_commit(),
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
    return await load_run.run(plan, Door(stack.url, stack.secret, AUDIENCE))


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=RESULTS.parent,
        capture_output=True,
        text=True,
    )
    return asked.stdout.strip() or "unknown"


def _write(result: Bench | history.Costs, name: str, said: str, file: Path | None) -> None:
    text = msgspec.json.format(msgspec.json.encode(result))
    for target in (RESULTS / f"{name}.json", file):
        if target is not None:
            target.write_bytes(text)
    (RESULTS / f"{name}.md").write_text(said, encoding="utf-8")
    print(said)  # noqa: T201 - this is a command


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is a command


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument(
        "--history",
        nargs="?",
        type=int,
        const=history.FULL,
        metavar="MESSAGES",
        help=f"what a past costs: so many messages stored ({history.FULL:,}) beside none",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    # Beside the results: what the system calls temporary may be memory, which syncs for nothing.
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        if asked.history is not None:
            _say(f"filling a store with {asked.history:,} messages")
            costs = asyncio.run(history.measure(Path(folder), asked.history))
            _write(costs, "history", history.markdown(costs), asked.json)
            return 0
        try:
            result = asyncio.run(bench(asked.seconds, Path(folder)))
        except LoadFailed as fault:
            _say(str(fault))
            return 1
    _write(result, "latest", markdown(result), asked.json)
    return 0 if result.sound else 1


if __name__ == "__main__":
    sys.exit(main())
