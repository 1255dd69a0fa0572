"""Owns counting what happened within the last minutes."""

from collections import deque

WINDOW = 300.0  # seconds
STEPS = 60  # of the window: the oldest leave it one by one


class Sliding:
    """Counts events within the last `window` seconds, in steps."""

    def __init__(self, window: float, steps: int = STEPS) -> None:
        self._steps = steps
        self._step = window / steps
        self._buckets: deque[tuple[int, float]] = deque()

    def add(self, now: float, times: float) -> None:
        number = int(now / self._step)
        if self._buckets and self._buckets[-1][0] == number:
            times += self._buckets.pop()[1]
        self._buckets.append((number, times))
        self._forget(number)

    def sum(self, now: float) -> float:
        self._forget(int(now / self._step))
        return sum(times for _, times in self._buckets)

    def trend(self, now: float) -> list[float]:
        """Return the counts by step, the latest last."""
        number = int(now / self._step)
        self._forget(number)
        buckets = dict(self._buckets)
        return [buckets.get(each, 0.0) for each in range(number - self._steps + 1, number + 1)]

    def _forget(self, number: int) -> None:
        while self._buckets and self._buckets[0][0] <= number - self._steps:
            self._buckets.popleft()
