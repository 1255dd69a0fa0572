"""Owns the health score: 100 less the cost of errors, and at most the lowest ceiling.

It does no I/O and reads no clock.
"""

from collections.abc import Iterable, Mapping
from math import log2
from typing import Literal, NamedTuple

from shared.health.records import CATEGORIES, Category

Level = Literal["healthy", "warning", "critical"]

PER = 10_000  # operations: errors are weighed by how often they happen, not by how many there are
FEWEST = 50  # operations: with fewer, a single error would say too much, and only ceilings count
LEVELS: tuple[tuple[int, Level], ...] = ((80, "healthy"), (60, "warning"), (0, "critical"))


class Ceiling(NamedTuple):
    """The most points that a service has while `name` is wrong. `advice` is the cause and the
    remedy."""

    name: str
    most: int
    advice: str


def loss(category: Category, count: float, operations: int) -> float:
    """Return the points that so many errors cost among so many operations."""
    kind = CATEGORIES[category]
    return min(kind.cap, kind.weight * log2(1 + count * PER / max(operations, FEWEST)))


def score(
    counts: Mapping[Category, float], operations: int, ceilings: Iterable[Ceiling] = ()
) -> int:
    """Return the score, from 0 to 100. `counts` and `operations` are those of the same minutes."""
    if counts.get("invariant_violation"):
        return 0
    points = 100.0
    if operations >= FEWEST:
        points -= sum(loss(category, count, operations) for category, count in counts.items())
    return int(max(0.0, min([points, *(ceiling.most for ceiling in ceilings)])))


def level_of(points: int) -> Level:
    return next(level for least, level in LEVELS if points >= least)


class Steady:
    """The level to show, which is the worst of the last `hold` seconds. A worse level is shown at
    once, and a fault that comes and goes is not shown as over."""

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._seen: dict[Level, float] = {}  # when each was seen last

    def see(self, points: int, now: float) -> Level:
        self._seen[level_of(points)] = now
        recent = {level for level, at in self._seen.items() if now - at < self._hold}
        return next((level for _, level in reversed(LEVELS) if level in recent), level_of(points))
