"""The report of one service, and the report on all of them."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared.commands import Examination, Readiness, encode, open_answer
from shared.health import advice
from shared.health.catalogue import TABLE
from shared.health.disk import disk_check
from shared.health.endpoints import Check, Health
from shared.health.records import Category, Ledger
from shared.health.report import HealthAnswer, State, Status, ceilings, unreachable
from shared.health.whole import whole
from shared.process.readiness import tell
from tests.support.waiting import eventually


def health_of(service: str = "gateway") -> Health:
    health = Health(service)
    health.state = "ready"
    return health


CASES: list[tuple[str, Check, int]] = [
    ("bus", Check("fail", "no connection"), 55),
    ("store", Check("fail", "the disk is full"), 40),
    ("reader", Check("fail", "locked"), 40),
    ("canary", Check("fail", "committed, not told"), 40),
    ("persistence", Check("fail", "no answer"), 55),
    ("log", Check("fail", "not read for 12 s"), 70),
    ("subjects", Check("fail", "linkup.store is there twice"), 40),
    ("routes", Check("fail", "GET / is there twice"), 40),
    ("disk", Check("warn", "/data", 7.5), 75),
    ("disk", Check("warn", "/data", 1.5), 40),
]


@pytest.mark.parametrize(("name", "check", "most"), CASES)
def test_s82_s84_what_is_wrong_now_is_a_ceiling_and_named_with_its_cause(
    name: str, check: Check, most: int
) -> None:
    health = health_of()
    health.checks[name] = lambda: check
    told = health.examine()
    assert told.health_score == most
    assert told.recommendations[0].cause == name
    assert check.output in told.recommendations[0].advice


@pytest.mark.parametrize(
    ("status", "state"), [("pass", "ready"), ("warn", "ready"), ("fail", "not ready")]
)
def test_s85_a_service_whose_readyz_is_503_is_not_called_ready(
    status: Status, state: State
) -> None:
    health = health_of()
    health.checks["persistence"] = lambda: Check(status, "no answer")
    assert (health.report()[0], health.examine().state) == (status, state)
    health.state = "draining"
    assert health.examine().state == "draining", "a stop says more than a failing check"


@pytest.mark.parametrize(("lag", "most"), [(0.09, 100), (0.12, 79), (0.31, 59)])
def test_s82_s98_a_late_loop_is_a_ceiling_that_names_what_held_it_up(lag: float, most: int) -> None:
    health = health_of()
    health.window = 0.0  # the start is over
    health.lag = lambda: lag
    health.errors.record("async_context_violation", "loop blocked {ms} ms in store.py:212", ms=310)
    told = health.examine()
    assert told.health_score == most
    assert "loop blocked 310 ms in store.py:212" in told.recommendations[0].advice


def test_d32_whatever_makes_a_service_unready_lowers_its_score() -> None:
    """Readiness follows ceilings: there is no failing check without one."""
    names = {name for name, _, _ in CASES} - {"disk"} | {"state", "never heard of"}
    for name in names:
        assert [each.most < 80 for each in ceilings("notify", {name: Check("fail", "x")})] == [True]


def test_s82_a_flood_of_bad_clients_is_named_and_makes_nothing_unready() -> None:
    floods: list[Category] = ["validation_error", "auth_error", "connection_error", "overload"]
    for category in floods:
        health = health_of()
        health.operated(10_000)
        for _ in range(30_000):
            health.errors.record(category, "from one address")
        told = health.examine()
        assert (told.status, health.report()[0]) == ("healthy", "pass")
        assert [each.cause for each in told.recommendations] == [category]


def test_s83_the_report_has_what_the_original_told() -> None:
    health = health_of()
    health.figures["sockets"] = lambda: 3
    health.operated(1000)
    health.errors.record("async_context_violation", "blocked for {ms} ms in store.py:212", ms=310)
    health.errors.record("connection_error", "gone")
    told = health.examine()
    assert told.recent_errors_count == 2
    assert told.error_summary == {"async_context_violation": 1, "connection_error": 1}
    assert told.async_context_check.count == 1
    assert told.async_context_check.has_sync_only_errors
    assert told.async_context_check.errors == ["blocked for 310 ms in store.py:212"]
    assert (told.websocket_check.connections, told.websocket_check.errors) == (3, 1)
    assert told.health_score == 100 - 28 - 7  # 8 and 2 times log2(11), of 10 in 10,000 each
    assert told.status == "warning"
    assert "store.py:212" in told.recommendations[0].advice


def test_s84_each_metric_that_a_recommendation_names_is_there_to_be_watched() -> None:
    named = set(re.findall(r"linkup_[a-z_]+", Path(advice.__file__).read_text()))
    assert named <= {metric.name for metric in TABLE}


def test_s83_errors_leave_the_summary_after_an_hour_and_the_score_after_the_window() -> None:
    now = 0.0
    ledger = Ledger("gateway", monotonic=lambda: now)
    ledger.record("routing_error", "nobody listens")
    now = 310.0
    assert ledger.counts()["routing_error"] == 0
    assert ledger.last_hour() == {"routing_error": 1}
    now = 3700.0
    assert ledger.last_hour() == {}


def test_s82_the_whole_is_as_good_as_the_worst_of_them() -> None:
    health = health_of()
    health.checks["notify"] = lambda: Check("warn", "no answer")  # said better by itself
    health.operated(100)
    told = whole(health.examine(), unreachable("notify", 1, "no answer"))
    assert (told.health_score, told.status, told.state) == (55, "critical", "ready")
    assert told.operations == 100
    assert [(each.service, each.cause) for each in told.recommendations] == [("notify", "notify")]
    assert list(told.services) == ["gateway", "notify"]
    assert told.services["notify"].state == "unreachable"


def test_s84_a_cause_has_one_recommendation_whoever_reports_it() -> None:
    """Three services lose the bus at once; each of two has a store of its own."""
    told = []
    for service in ("gateway", "persistence", "notify"):
        health = health_of(service)
        health.operated(1000)
        health.errors.record("connection_error", "disconnected from the bus")
        health.checks["bus"] = lambda: Check("fail", "nats-server: no answer")
        if service != "gateway":
            health.checks["store"] = lambda: Check("fail", "locked")
        told.append(health.examine())
    found = {(one.service, one.cause): one.advice for one in whole(*told).recommendations}
    everybody = "persistence, notify, gateway"
    assert list(found) == [
        ("persistence", "store"),
        (everybody, "bus"),
        (everybody, "connection_error"),
        ("notify", "store"),
    ]
    assert "3 in 5 minutes" in found[everybody, "connection_error"]
    words = r"the last \d+ s ago: disconnected from the bus"
    assert re.search(words, found[everybody, "connection_error"])


@pytest.mark.parametrize(("state", "cause"), [("starting", "persistence"), ("ready", "store")])
def test_s84_what_a_service_says_of_itself_is_not_said_by_the_others_again(
    state: State, cause: str
) -> None:
    gateway, persistence = health_of(), health_of("persistence")
    persistence.state = state
    if cause == "store":
        persistence.checks["store"] = lambda: Check("fail", "locked")
    gateway.checks["persistence"] = lambda: Check("fail", "persistence: it is not ready")
    [found] = whole(gateway.examine(), persistence.examine()).recommendations
    assert (found.service, found.cause) == ("persistence", cause)
    persistence.state = "ready"
    persistence.checks.clear()
    [found] = whole(gateway.examine(), persistence.examine()).recommendations
    assert (found.service, found.cause) == ("gateway", "persistence"), "it does not know it itself"


def test_s84_without_the_bus_nothing_behind_it_is_blamed() -> None:
    health = health_of()
    health.checks["bus"] = lambda: Check("fail", "no connection")
    health.checks["persistence"] = lambda: Check("warn", "not known")
    health.checks["log"] = lambda: Check("fail", "not read for 12 s")
    health.checks["email"] = lambda: Check("warn", "2 e-mails were refused")
    told = health.examine()
    assert [each.cause for each in told.recommendations] == ["bus", "email"]
    assert "LINKUP_SMTP_HOST" in told.recommendations[1].advice
    assert told.health_score == 55


def test_s82_over_the_bus_a_service_is_asked_for_its_report_or_whether_it_is_ready() -> None:
    health = health_of("notify")
    health.checks["store"] = lambda: Check("fail", "locked")
    told = open_answer(tell(health, encode(Examination())), HealthAnswer)
    assert (told.service, told.health_score, told.checks["store"].output) == (
        "notify",
        40,
        "locked",
    )
    assert b"locked" in tell(health, encode(Readiness()))


@pytest.mark.parametrize(("free", "most"), [(12.0, 100), (9.0, 75), (1.5, 40)])
async def test_s82_little_room_on_the_disk_is_a_ceiling(
    free: float, most: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = SimpleNamespace(total=1000, used=0, free=int(10 * free))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    health = health_of("persistence")
    health.checks["disk"] = disk_check(str(tmp_path / "linkup.db"))
    await eventually(lambda: health.examine().health_score == most)
    assert health.report()[0] != "fail"
    assert all(str(tmp_path) in each.advice for each in health.examine().recommendations)


async def test_s82_a_disk_that_is_gone_is_for_the_store_to_tell(tmp_path: Path) -> None:
    check = disk_check(str(tmp_path / "gone" / "linkup.db"))
    assert check().status == "pass"
