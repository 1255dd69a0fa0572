"""Owns a rate: the burst, the rate in the long run, and the time to wait."""

import time
from collections.abc import Callable


class Pace:
    """A bucket of `burst`, filled at `rate` a second; a rate of 0 sets no pace.

    Spending may leave it in debt, at most of another burst: what things cost is known afterwards.
    """

    __slots__ = ("_at", "_clock", "_level", "burst", "rate")

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._level = burst
        self._at = clock()

    def spend(self, cost: float = 1.0) -> None:
        self._fill()
        self._level = max(self._level - cost, -self.burst)

    def take(self, cost: float = 1.0) -> float:
        """Spend, if the next may be done now; return the seconds to wait, as `wait` does."""
        wait = self.wait()
        if not wait:
            self._level = max(self._level - cost, -self.burst)
        return wait

    def wait(self) -> float:
        """Return the seconds until the next may be done; 0: now."""
        if not self.rate:
            return 0.0
        self._fill()
        return max(0.0, (1.0 - self._level) / self.rate)

    def rested(self) -> bool:
        """Return whether at least half of the burst is available again."""
        self._fill()
        return 2 * self._level >= self.burst

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now
