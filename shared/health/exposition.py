"""Owns the answer to /metrics: observed stages, and figures read at the time of the request."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from shared.health.catalogue import TABLE, Metric
from shared.health.counters import Counters
from shared.health.metrics import Metrics
from shared.health.records import CATEGORIES, Ledger
from shared.health.report import Check, HealthAnswer, Status

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
Samples = Mapping[str, float]  # by the value of the label, which is empty without one

# The checks that observe the state of a breaker.
BREAKERS = ("smtp", "webhooks", "jwks", "moderation")
UNITS = {"disk": 0.01}  # of what a check observes: percent
OTHERWISE = {"disk": 1.0}  # when it observed nothing
STATUSES: tuple[Status, ...] = ("pass", "warn", "fail")  # by their numbers


class Process(Protocol):
    """The figures of a process, which shared.health.endpoints provides."""

    service: str
    counters: Counters
    errors: Ledger
    metrics: Metrics
    figures: dict[str, Callable[[], float]]
    lag: Callable[[], float]

    def examine(self) -> HealthAnswer: ...


def exposition(process: Process) -> bytes:
    """Return all metrics in the text format of Prometheus, as CONTENT_TYPE says."""
    return generate_latest(process.metrics.registry)


class Told(Collector):
    """Everything in the table that nobody observes."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def describe(self) -> Iterable[Family]:
        return []

    def collect(self) -> Iterator[Family]:
        process, report = self._process, self._process.examine()
        for metric in TABLE:
            if metric.kind != "histogram" and process.service in metric.services:
                samples = _counted if metric.kind == "counter" else _measured
                yield _family(metric, samples(metric, process, report))


def _family(metric: Metric, samples: Samples) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    labels = [metric.label] if metric.label else []
    family: Family = kind(metric.name, metric.help, labels=labels)
    for value, number in samples.items():
        family.add_sample(metric.name, {metric.label: value} if metric.label else {}, number)
    return family


def _counted(metric: Metric, process: Process, report: HealthAnswer) -> Samples:
    counts = process.counters.counts
    match metric:
        case Metric(name="linkup_errors_total"):
            return _errors(process.errors)
        case Metric(name="linkup_bounds_total"):
            return {name: count for name, count in list(counts.items()) if not _is_named(name)}
        case Metric(label=""):
            return {"": counts[metric.of]}
        case _:
            return {
                name.removeprefix(metric.of): count
                for name, count in list(counts.items())
                if name.startswith(metric.of)
            }


def _errors(ledger: Ledger) -> Samples:
    """Return the count of every category, also 0, so that the first error is a rise."""
    sums: Counter[str] = Counter(dict.fromkeys(CATEGORIES, 0))
    for (category, _), count in list(ledger.totals.items()):
        sums[category] += count
    return sums


def _is_named(counter: str) -> bool:
    """Return whether the table has a metric for it."""
    counters = (one for one in TABLE if one.kind == "counter" and one.of)
    return any(counter.startswith(one.of) if one.label else counter == one.of for one in counters)


def _measured(metric: Metric, process: Process, report: HealthAnswer) -> Samples:
    checks = report.checks
    match metric:
        case Metric(name="linkup_info"):
            return {process.service: 1}
        case Metric(name="linkup_health_score"):
            return {"": report.health_score}
        case Metric(name="linkup_loop_lag_seconds"):
            return {"": process.lag()}
        case Metric(label="check"):
            return _checked(metric, checks)
        case Metric(name="linkup_breaker_state"):
            return {name: checks[name].observed or 0 for name in BREAKERS if name in checks}
        case Metric(name="linkup_canary_ok"):
            return {"": float(checks["canary"].status == "pass") if "canary" in checks else 1}
        case Metric() if metric.of.startswith("check:"):
            return {"": _observed(metric.of.removeprefix("check:"), checks)}
        case _:
            return _figures(metric, process.figures)


def _checked(metric: Metric, checks: Mapping[str, Check]) -> Samples:
    if metric.name == "linkup_ready":
        return {name: float(check.status != "fail") for name, check in checks.items()}
    return {name: STATUSES.index(check.status) for name, check in checks.items()}


def _figures(metric: Metric, figures: Mapping[str, Callable[[], float]]) -> Samples:
    if not metric.label:
        return {"": figures[metric.of]() if metric.of in figures else 0}
    labelled = [name for name in figures if name.startswith(metric.of)]
    return {name.removeprefix(metric.of): figures[name]() for name in labelled}


def _observed(name: str, checks: Mapping[str, Check]) -> float:
    observed = checks[name].observed if name in checks else None
    return OTHERWISE.get(name, 0.0) if observed is None else observed * UNITS[name]
