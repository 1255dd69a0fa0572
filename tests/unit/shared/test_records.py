"""Errors are noted from anywhere at no cost, counted always, kept by kind, and tell no secrets."""

import gc
import threading
import time
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.health.records import (
    CATEGORIES,
    KEPT,
    LITTLE,
    LONGEST,
    NEW_A_MINUTE,
    Category,
    Ledger,
    record,
    use,
)
from shared.health.sliding import STEPS, WINDOW, Sliding


class Time:
    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at

    def now(self) -> int:
        return int(self.at * 1_000_000)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def ledger(clock: Time) -> Ledger:
    return Ledger("gateway", monotonic=clock.monotonic, now=clock.now)


def test_s78_the_originals_categories_are_there_by_name_with_what_they_cost() -> None:
    assert set(CATEGORIES) == set(get_args(Category))
    originals = {
        "async_context_violation",
        "json_serialization_error",
        "connection_error",
        "routing_error",
    }
    assert originals < set(CATEGORIES)
    figures = [CATEGORIES[category][:2] for category in ("persistence_error", "validation_error")]
    assert figures == [(10, 40), (0.2, 5)]


def test_s80_routing_is_critical_and_sockets_database_and_loop_are_high() -> None:
    grave = {category: kind.severity for category, kind in CATEGORIES.items()}
    high = {"async_context_violation", "connection_error", "persistence_error"}
    assert {c for c, severity in grave.items() if severity == "high"} == high
    critical = {"routing_error", "invariant_violation"}
    assert {c for c, severity in grave.items() if severity == "critical"} == critical
    assert {grave[c] for c in set(grave) - high - critical} == {"medium"}


def test_s53_a_record_says_what_happened_to_whom_when_and_how_often(
    ledger: Ledger, clock: Time
) -> None:
    ledger.record("persistence_error", "nothing stored: {reason}", reason="disk full")
    clock.at += 60
    ledger.record(
        "persistence_error", "nothing stored: {reason}", user="u1", trace="t1", reason="locked"
    )
    [found] = ledger.recent()
    assert (found.message, found.count, found.service) == ("nothing stored: locked", 2, "gateway")
    assert (found.user, found.trace, found.context) == ("u1", "t1", {"reason": "locked"})
    assert (found.first_at, found.occurred_at) == (1_000_000_000, 1_060_000_000)
    assert (found.severity, found.resolved, found.notes) == ("high", False, "")


def test_the_same_error_has_the_same_id_in_every_process_of_a_service(ledger: Ledger) -> None:
    other, third = Ledger("gateway"), Ledger("notify")
    for one in (ledger, other, third):
        one.record("overload", "too many sockets")
    ids = [one.recent()[0].id for one in (ledger, other, third)]
    assert ids[0] == ids[1] != ids[2]


def test_c9_a_record_keeps_only_names_on_the_list_short_and_on_one_line(ledger: Ledger) -> None:
    secret: dict[str, Any] = {"body": "canary", "token": "canary"}
    ledger.record("auth_error", "no {body}", reason="a\nb" + "c" * 999, error=ValueError, **secret)  # type: ignore[arg-type]
    [found] = ledger.recent()
    assert found.message == "no {body}"
    assert found.context == {"reason": ("a?b" + "c" * 999)[:LONGEST], "error": "type"}


def test_only_the_latest_records_are_kept(ledger: Ledger, clock: Time) -> None:
    for number in range(2 * KEPT):
        clock.at += 60
        ledger.record("overload", f"kind {number}")
    assert [found.message for found in ledger.recent()][:: KEPT - 1] == [
        f"kind {2 * KEPT - 1}",
        f"kind {KEPT}",
    ]


def test_a_flood_of_kinds_is_counted_and_not_listed(ledger: Ledger) -> None:
    for number in range(1000):
        ledger.record("overload", f"kind {number}")
    assert len(ledger.recent()) == NEW_A_MINUTE
    assert ledger.unlisted == 1000 - NEW_A_MINUTE
    assert ledger.counts()["overload"] == 1000 == ledger.totals["overload", "medium"]


def test_counts_look_back_five_minutes_and_a_client_weighs_little(
    ledger: Ledger, clock: Time
) -> None:
    ledger.record("connection_error", "disconnected from the bus")
    ledger.record("connection_error", "a client is gone", severity="low")
    assert ledger.counts()["connection_error"] == 1 + LITTLE
    assert ledger.counts(clock.at + WINDOW + 1)["connection_error"] == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 100), max_size=30), st.floats(0, 400))
def test_a_sliding_count_is_exact_to_one_step(pauses: list[float], after: float) -> None:
    sliding, at, times = Sliding(WINDOW), 0.0, []
    for pause in pauses:
        at += pause
        sliding.add(at, 1)
        times.append(at)
    at += after
    within = [sum(at - time < span for time in times) for span in (WINDOW - WINDOW / STEPS, WINDOW)]
    assert within[0] <= sliding.sum(at) <= within[1]


def test_each_occurrence_is_taken_once_and_given_back_when_it_could_not_be_told(
    ledger: Ledger,
) -> None:
    for _ in range(3):
        ledger.record("overload", "too many")
    taken = ledger.take()
    assert [(found.message, found.count) for found in taken] == [("too many", 3)]
    assert ledger.take() == []
    ledger.give_back(taken)
    ledger.record("overload", "too many")
    assert [found.count for found in ledger.take()] == [4]
    assert [found.count for found in ledger.recent()] == [4]


def test_s98_any_thread_may_record_and_a_finalizer_in_the_midst_of_it() -> None:
    class Gone:
        def __del__(self) -> None:
            record("async_context_violation", "found by the collector")

    def work() -> None:
        for number in range(2000):
            gone: list[Any] = [Gone()]
            gone.append(gone)
            record("overload", "kind {times}", times=number)

    with use(Ledger("test")) as ledger:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
    assert ledger.counts()["overload"] == 8000 == ledger.counts()["async_context_violation"]


def test_recording_does_not_wait_for_a_reader_and_costs_microseconds(ledger: Ledger) -> None:
    began = time.process_time()
    for _ in range(20_000):
        ledger.record("validation_error", "a frame was refused: {code}", code="invalid_frame")
    assert time.process_time() - began < 1.0  # 50 µs each; measured: 2 µs
