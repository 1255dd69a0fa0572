"""Owns the whole measurement that docs/benchmarks.md tells of, and what was found the last time."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.bench import against, history, priority, profile, whole
from tests.bench.plots import Everything
from tests.bench.product import Unusable
from tests.bench.results import RESULTS
from tests.bench.subject import Unsound

LAST = RESULTS / "everything.json"
SIZES = (100, 10, 1)  # parts of the largest store
LEAST = 1_000  # messages: with fewer a page is not full
SECONDS, PROFILED_SECONDS = 10.0, 15.0


def measure(
    stored: int, plan: against.Plan | None, folder: Path, say: Callable[[str], None]
) -> Everything:
    """`stored`: messages in the largest store. Raises LoadFailed, Unsound, Unusable."""
    with _within(folder) as own, priority.alone(say):
        bench = asyncio.run(whole.measure(SECONDS, own, say))
    if not bench.sound:
        raise Unsound("a message was lost, doubled or out of order: nothing is written")
    with _within(folder) as own, priority.alone(say):
        sweep = asyncio.run(whole.sweep(own, say))
    with priority.alone(say):
        profiled = asyncio.run(profile.measure(PROFILED_SECONDS, folder, say))
    comparison = asyncio.run(against.measure(plan, folder, say)) if plan is not None else None
    histories = [_history(max(LEAST, stored // part), folder, say) for part in SIZES]
    found = Everything(
        bench=bench,
        sweep=sweep,
        profile=profiled,
        histories=histories,
        comparison=comparison,
    )
    LAST.write_bytes(msgspec.json.encode(found))
    return found


def last() -> Everything:
    """Raises Unusable."""
    try:
        return msgspec.json.decode(LAST.read_bytes(), type=Everything)
    except (OSError, msgspec.MsgspecError):
        raise Unusable("there is nothing to draw from: run with --write") from None


def _history(stored: int, folder: Path, say: Callable[[str], None]) -> history.Costs:
    say(f"filling a store with {stored:,} messages")
    with _within(folder) as own, priority.alone(say):
        return asyncio.run(history.measure(own, stored))


@contextmanager
def _within(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        yield Path(own)
