"""Owns latencies: their percentiles in milliseconds."""

from collections.abc import Collection

from msgspec import Struct


class Latency(Struct, frozen=True, kw_only=True):
    """Latencies in milliseconds; None where nothing was measured."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None


def latency(seconds: Collection[float]) -> Latency:
    if not seconds:
        return Latency()
    ordered = sorted(seconds)
    return Latency(
        p50_ms=_ms(ordered[len(ordered) // 2]),
        p95_ms=_ms(ordered[len(ordered) * 95 // 100]),
        p99_ms=_ms(ordered[len(ordered) * 99 // 100]),
        max_ms=_ms(ordered[-1]),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
