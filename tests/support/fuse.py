"""Owns where a simulated process dies, and how often each of these points was really reached."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Point = Literal[
    "before commit",
    "after commit",
    "between publishes",
    "in an isolated batch",
    "before the fence",
    "after submitting",
    "in a replay",
]

FIRED: Counter[Point | Literal["full disk", "poison"]] = Counter()


@dataclass
class Fuse:
    """One process's. It fires once, when its point is reached for the `left`-th time after this
    one. `full_disks`: so many commits fail; `poison`: the store breaks on what is marked."""

    crash: Callable[[], None]
    point: Point | None = None
    left: int = 0
    full_disks: int = 0
    poison: bool = False

    def arm(self, point: Point, left: int = 0) -> None:
        self.point, self.left = point, left

    def disarm(self) -> None:
        self.point, self.full_disks, self.poison = None, 0, False

    def reach(self, point: Point) -> None:
        """Raises CancelledError where the process dies."""
        if point != self.point:
            return
        self.left -= 1
        if self.left < 0:
            self.point = None
            FIRED[point] += 1
            self.crash()
            raise asyncio.CancelledError

    def fills_up(self) -> bool:
        if not self.full_disks:
            return False
        self.full_disks -= 1
        FIRED["full disk"] += 1
        return True
