"""Owns the counters of reached limits, and a log line of limited frequency for each."""

import logging
import time
from collections import Counter
from collections.abc import Callable

from shared.health.records import record
from shared.health.taxonomy import Category

logger = logging.getLogger("linkup.bounds")

EVERY = 60.0  # seconds between two lines of one name: a flood must not fill the log


class Counters:
    """Counts that only grow, until the process ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}  # when the last line was, and the count then

    def add(self, name: str) -> None:
        """Count it, and log nothing."""
        self.counts[name] += 1

    def hit(self, name: str, text: str, category: Category = "overload", **extra: object) -> None:
        """Count and record it, and log `text` unless that name was logged within the last minute.

        The line says how many there were since the one before.
        """
        record(category, text, code=name)
        self.counts[name] += 1
        now, count = self._clock(), self.counts[name]
        said_at, said = self._said.get(name, (now - EVERY, 0))
        if now - said_at >= EVERY:
            self._said[name] = now, count
            logger.warning("%s", text, extra={"bound": name, "times": count - said, **extra})
