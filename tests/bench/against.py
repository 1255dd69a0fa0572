"""Owns the comparison of two checkouts: both products in turns, one generator outside of them."""

import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from msgspec import Struct

from tests.bench import priority, turn
from tests.bench.figures import Compared, compare, rows
from tests.bench.product import Checkout, running
from tests.bench.results import Machine, machine
from tests.bench.turn import Extent, Found, Subject


class Comparison(Struct, frozen=True, kw_only=True):
    """The figures of every turn, so that a later look can take another average."""

    machine: Machine
    other_commit: str
    before: list[Found]
    now: list[Found]

    @property
    def compared(self) -> list[Compared]:
        return compare(self.before, self.now)


async def measure(
    before: Checkout,
    now: Checkout,
    parts: Collection[str],
    rounds: int,
    extent: Extent,
    folder: Path,
    say: Callable[[str], None],
) -> Comparison:
    """Raises LoadFailed, Unsound, Unusable."""
    found: dict[str, list[Found]] = {"before": [], "now": []}
    began = time.monotonic()
    for number in range(rounds):
        for side, product in (("before", before), ("now", now)):
            title = f"round {number + 1} of {rounds}, {product.commit}"

            def tell(text: str, title: str = title) -> None:
                say(f"{time.monotonic() - began:4.0f} s  {title}: {text}")

            found[side].append(await _turn(product, parts, extent, folder, tell))
    return Comparison(
        machine=machine(),
        other_commit=before.commit,
        before=found["before"],
        now=found["now"],
    )


async def _turn(
    product: Checkout,
    parts: Collection[str],
    extent: Extent,
    folder: Path,
    say: Callable[[str], None],
) -> Found:
    """With a start and data of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        async with running(product, Path(own)) as stack:
            priority.prefer(stack.pids().values())
            return await turn.measured(Subject(stack, extent, say), parts)


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
