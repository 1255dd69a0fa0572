"""Owns the comparison of two checkouts: both products in turns, one generator outside of them."""

import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from msgspec import Struct

from tests.bench import priority, product, turn
from tests.bench.figures import PARTS, Compared, compare, rows
from tests.bench.product import Checkout, running
from tests.bench.results import Machine, machine
from tests.bench.subject import Extent, Subject
from tests.bench.turn import Found


class Plan(Struct, frozen=True, kw_only=True):
    other: Checkout
    parts: Collection[str] = PARTS
    rounds: int = 3
    extent: Extent = Extent(seconds=6.0)


class Comparison(Struct, frozen=True, kw_only=True):
    """The figures of every turn, so that a later look can take another average."""

    machine: Machine
    other_commit: str
    before: list[Found]
    now: list[Found]

    @property
    def compared(self) -> list[Compared]:
        return compare(self.before, self.now)


async def measure(plan: Plan, folder: Path, say: Callable[[str], None]) -> Comparison:
    """Raises LoadFailed, Unsound, Unusable."""
    before: list[Found] = []
    now: list[Found] = []
    began = time.monotonic()
    for number in range(plan.rounds):
        for found, side in ((before, plan.other), (now, product.this())):
            title = f"round {number + 1} of {plan.rounds}, {side.commit}"

            def tell(text: str, title: str = title) -> None:
                say(f"{time.monotonic() - began:4.0f} s  {title}: {text}")

            found.append(await _turn(side, plan, folder, tell))
    return Comparison(machine=machine(), other_commit=plan.other.commit, before=before, now=now)


async def _turn(side: Checkout, plan: Plan, folder: Path, say: Callable[[str], None]) -> Found:
    """Measure one turn of a side, with a fresh start and data of its own."""
    with priority.alone(say), tempfile.TemporaryDirectory(dir=folder) as own:
        async with running(side, Path(own)) as stack:
            priority.prefer(stack.pids().values())
            return await turn.measured(Subject(stack, plan.extent, say), plan.parts)


def words(found: Comparison) -> str:
    """A table for a terminal, with what it is about above it."""
    count = len(found.now)
    head = (
        f"against commit {found.other_commit}, medians of {count} "
        f"{'rounds' if count > 1 else 'round'} in turns; {found.machine}\n"
    )
    heads = ("", found.other_commit, found.machine.commit, "ratio", "target")
    table = [heads, *rows(found.compared)]
    return "\n".join([head, *aligned(table)]) + "\n"


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
