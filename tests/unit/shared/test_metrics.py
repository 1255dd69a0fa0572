"""The table of metrics, and what a process tells of what it counted."""

import re

import pytest

from shared.health import exposition
from shared.health.catalogue import ALL, SIZES, STANDARD, TABLE, Metric
from shared.health.endpoints import Check, Health
from shared.health.metrics import off
from shared.health.records import CATEGORIES
from shared.health.report import Status, unreachable
from shared.health.whole import whole
from tests.support.prometheus import Scraped, needs_promtool, promtool

LABELS = {  # none grows with users, conversations, addresses or what a client sends
    "bound",
    "category",
    "channel",
    "check",
    "code",
    "dependency",
    "kind",
    "operation",
    "outcome",
    "service",
}


def scraped(health: Health) -> Scraped:
    return Scraped(exposition.exposition(health).decode())


def ready(service: str) -> Health:
    health = Health(service)
    health.state = "ready"
    return health


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: metric.name)
def test_s120_a_metric_has_a_name_a_unit_and_a_meaning(metric: Metric) -> None:
    assert re.fullmatch(r"linkup_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.help.endswith(".")
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert set(metric.services) <= set(ALL)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert not metric.label or metric.label in LABELS
    if metric.kind == "histogram":
        assert metric.name.endswith("_commands" if metric.buckets == SIZES else "_seconds")
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_names_are_there_once() -> None:
    names = [metric.name for metric in TABLE]
    assert len(names) == len(set(names))
    assert not STANDARD & set(names)


@pytest.mark.parametrize("service", ALL)
def test_s120_a_service_tells_all_that_the_table_promises_of_it_and_nothing_else(
    service: str,
) -> None:
    told = scraped(ready(service)).kinds
    ours = {name: kind for name, kind in told.items() if name.startswith("linkup_")}
    assert ours == {one.name: one.kind for one in TABLE if service in one.services}


@needs_promtool
@pytest.mark.parametrize("service", ALL)
def test_s120_prometheus_finds_no_fault_with_it(service: str) -> None:
    assert promtool("check", "metrics", text=scraped(ready(service)).text) == ""


def test_s120_what_is_counted_is_told_under_the_name_it_belongs_to() -> None:
    health = ready("gateway")
    for name in ("refused_rate_limited", "repairs", "resumes.resync", "retries.store", "sockets"):
        health.counters.add(name)
    health.counters.add("refused_rate_limited")
    told = scraped(health)
    assert told("linkup_refusals_total", code="rate_limited") == 2
    assert told("linkup_repairs_total") == 1
    assert told("linkup_resumes_total", outcome="resync") == 1
    assert told("linkup_retries_total", operation="store") == 1
    assert told("linkup_retries_succeeded_total") == 0
    assert told("linkup_bounds_total", bound="sockets") == told("linkup_bounds_total") == 1


def test_s120_errors_are_told_by_category_from_nought_on() -> None:
    health = ready("persistence")
    before = scraped(health)
    for category in CATEGORIES:
        assert f'linkup_errors_total{{category="{category}"}} 0.0' in before.text
    health.errors.record("persistence_error", "the disk is full")
    health.errors.record("persistence_error", "the disk is full", severity="low")
    assert scraped(health)("linkup_errors_total", category="persistence_error") == 2


def test_f_audit_what_the_auditor_found_is_told_by_kind() -> None:
    health = ready("persistence")
    health.counters.add("invariant.seq_hole")
    told = scraped(health)
    assert told("linkup_invariant_violations_total", kind="seq_hole") == 1
    assert told("linkup_bounds_total") == 0


def test_s42_checks_are_told_with_the_figures_they_observed() -> None:
    health = ready("notify")
    health.checks = {
        "log": lambda: Check("fail", "the log has not been read for 9 s"),
        "smtp": lambda: Check("warn", "the mail server fails", 2),
        "disk": lambda: Check("pass", "/data", 7.5),
    }
    health.lag = lambda: 0.31
    health.figures["log_lag_seconds"] = lambda: 9.0
    told = scraped(health)
    assert told("linkup_ready", check="log") == 0
    assert told("linkup_ready", check="smtp") == 1
    assert told("linkup_check_status", check="log") == 2
    assert told("linkup_check_status", check="smtp") == 1
    assert 'linkup_check_status{check="disk"} 0.0' in told.text
    assert told("linkup_breaker_state", dependency="smtp") == 2
    assert told("linkup_loop_lag_seconds") == pytest.approx(0.31)
    assert told("linkup_disk_free_ratio") == pytest.approx(0.075)
    assert told("linkup_follower_lag_seconds") == 9
    assert told("linkup_health_score") == 70
    assert told("linkup_info", service="notify") == 1


def shows(health: Health, advised: str) -> bool:
    """Whether the series of a check that a recommendation names is not as if all were well."""
    [(name, check)] = re.findall(r"\((linkup_\w+)\{check=(\w+)\}\)", advised)
    told = scraped(health)
    assert f'{name}{{check="{check}"}}' in told.text
    return told(name, check=check) != float(name == "linkup_ready")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *((name, "fail") for name in ("bus", "store", "reader", "routes", "persistence", "notify")),
        *((name, "warn") for name in ("persistence", "notify", "email", "smtp", "jwks", "audit")),
    ],
)
def test_s84_the_series_that_a_recommendation_names_shows_its_cause(
    name: str, status: Status
) -> None:
    health = ready("gateway")
    health.checks[name] = lambda: Check(status, "no answer")
    [one] = health.examine().recommendations
    assert shows(health, one.advice)


def test_s84_the_series_that_is_named_for_a_service_shows_that_it_is_silent_or_starts() -> None:
    gateway = ready("gateway")
    gateway.checks["notify"] = lambda: Check("warn", "no answer")
    [silent] = whole(gateway.examine(), unreachable("notify", 1, "no answer")).recommendations
    assert shows(gateway, silent.advice)
    gateway.state = "starting"
    [starts] = [one for one in gateway.examine().recommendations if one.cause == "gateway"]
    assert shows(gateway, starts.advice)


def test_a_value_is_observed_in_its_bucket() -> None:
    health = ready("gateway")
    health.metrics.observer("linkup_ack_seconds")(0.02)
    told = scraped(health)
    assert told("linkup_ack_seconds_bucket", le="0.01") == 0
    assert told("linkup_ack_seconds_bucket", le="0.025") == 1
    assert told("linkup_ack_seconds_sum") == 0.02


def test_s120_switched_off_nothing_is_observed_and_there_is_no_route() -> None:
    health = Health("gateway", metrics=False)
    health.metrics.observer("linkup_ack_seconds")(0.02)
    off().observer("linkup_ack_seconds")(0.02)
    assert exposition.exposition(health) == b""
    assert "/metrics" not in {route.path for route in health.routes()}
    assert "/metrics" in {route.path for route in ready("gateway").routes()}
