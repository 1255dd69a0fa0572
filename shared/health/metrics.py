"""Owns the metrics of a process, which are registered here and observed.

On the way of a message, only its stages are observed, once for each batch. All other figures exist
anyway, and `exposition` reads them when somebody asks.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from shared.health.catalogue import TABLE, Metric
from shared.health.counters import Counters
from shared.health.quantile import Lately, quantile

Observe = Callable[[float], None]

MINUTE = 60.0  # seconds


class Histogram(Collector):
    """A histogram without the lock of the library's own, at a fifth of its cost. It needs no lock,
    since everything that observes and asks runs on the event loop."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._bounds = metric.buckets
        self._counts = [0] * (len(metric.buckets) + 1)
        self._sum = 0.0
        self._lately = Lately(MINUTE)

    def p99_ms(self) -> float:
        """Return the 99th percentile of the last minutes, rounded up to the bound of a bucket."""
        counts = self._lately.counts(self._counts, time.monotonic())
        return round(1000 * quantile(0.99, self._bounds, counts), 3)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        metric = self._metric
        yield HistogramMetricFamily(metric.name, metric.help, buckets, self._sum)


class Metrics:
    """The histograms and counters of one service. If `on` is false, nothing is observed."""

    def __init__(self, service: str, counters: Counters, on: bool = True) -> None:
        self.on = on
        self.counters = counters
        self.registry = CollectorRegistry()
        self._observers: dict[str, Observe] = {}
        self.latencies: dict[str, Callable[[], float]] = {}  # p99 in ms, by the name of the stage
        if on:
            ProcessCollector(registry=self.registry)
            GCCollector(registry=self.registry)
            for metric in TABLE:
                if metric.kind == "histogram" and service in metric.services:
                    self._observers[metric.name] = self._histogram(metric)

    def observer(self, name: str) -> Observe:
        """Return the function that adds a value to that histogram; keep it, and call it often."""
        return self._observers.get(name, _nothing)

    def _histogram(self, metric: Metric) -> Observe:
        histogram = Histogram(metric)
        self.registry.register(histogram)
        if metric.name.endswith("_seconds"):
            stage = metric.name.removeprefix("linkup_").removesuffix("_seconds")
            self.latencies[f"{stage}_p99_ms"] = histogram.p99_ms
        return histogram.observe


def _nothing(value: float) -> None:
    """Observe nothing, because metrics are off."""


def off() -> Metrics:
    """Return metrics that are off, for a part that is used alone, such as in a test."""
    return Metrics("", Counters(), on=False)
