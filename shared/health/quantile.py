"""Owns a quantile of the latest observations of a histogram. It reads no clock."""

from collections.abc import Sequence


class Lately:
    """The latest observations of a histogram, of one to two `span`s if it is asked that often."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._before: Sequence[int] = ()
        self._noted: Sequence[int] = ()
        self._noted_at = float("-inf")

    def counts(self, counts: Sequence[int], now: float) -> list[int]:
        if now - self._noted_at >= self._span:
            self._before, self._noted, self._noted_at = self._noted, tuple(counts), now
        before = self._before or [0] * len(counts)
        return [count - known for count, known in zip(counts, before, strict=True)]


def quantile(q: float, bounds: Sequence[float], counts: Sequence[int]) -> float:
    """Return the upper bound of the bucket with the quantile: 0 without observations, and the
    highest bound for values above it."""
    left = q * sum(counts)
    for bound, count in zip([*bounds, bounds[-1]], counts, strict=True):
        left -= count
        if count and left <= 0:
            return bound
    return 0.0
