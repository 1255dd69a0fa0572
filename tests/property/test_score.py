"""The health score against its formula, for whatever is counted and whatever is wrong."""

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.health import advice
from shared.health.advice import CATEGORY, Seen
from shared.health.records import CATEGORIES, Category
from shared.health.score import FEWEST, Ceiling, Level, Steady, level_of, loss, score

KINDS = [each for each in CATEGORIES if each != "invariant_violation"]
COUNTS = st.dictionaries(st.sampled_from(KINDS), st.floats(0, 1e7))
OPERATIONS = st.integers(0, 10**9)
CEILINGS = st.lists(st.integers(0, 100).map(lambda most: Ceiling("some", most, "mend it")))
ORDER = ["healthy", "warning", "critical"]
BAD_CLIENTS: list[Category] = ["validation_error", "auth_error", "overload", "connection_error"]

more = settings(max_examples=300, deadline=None)


@more
@given(COUNTS, OPERATIONS, CEILINGS)
def test_s82_the_score_is_the_formula_below_the_lowest_ceiling(
    counts: dict[Category, float], operations: int, ceilings: list[Ceiling]
) -> None:
    expected = 100.0
    if operations >= FEWEST:
        for category, count in counts.items():
            kind = CATEGORIES[category]
            expected -= min(kind.cap, kind.weight * log2(1 + count * 10_000 / operations))
    expected = min([expected, *(each.most for each in ceilings)])
    assert abs(score(counts, operations, ceilings) - max(0.0, expected)) <= 1


@more
@given(COUNTS, OPERATIONS, CEILINGS)
def test_s82_one_violated_invariant_takes_all(
    counts: dict[Category, float], operations: int, ceilings: list[Ceiling]
) -> None:
    assert score({**counts, "invariant_violation": 1}, operations, ceilings) == 0


@more
@given(COUNTS, st.integers(0, FEWEST - 1))
def test_s82_below_fifty_operations_only_what_is_wrong_now_counts(
    counts: dict[Category, float], operations: int
) -> None:
    assert score(counts, operations) == 100
    assert score(counts, operations, [Ceiling("bus", 55, "")]) == 55


@more
@given(st.sampled_from(BAD_CLIENTS), st.floats(0, 1e9), OPERATIONS)
def test_s82_no_flood_of_bad_clients_alone_makes_a_service_unhealthy(
    category: Category, count: float, operations: int
) -> None:
    assert level_of(score({category: count}, operations)) == "healthy"


@more
@given(st.sampled_from(KINDS), st.floats(0, 1e6), st.floats(0, 1e6), st.integers(1, 10**6))
def test_s82_more_errors_never_score_better(
    category: Category, some: float, more: float, operations: int
) -> None:
    assert loss(category, some + more, operations) >= loss(category, some, operations)


@more
@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 100)), min_size=1))
def test_s82_worse_is_told_at_once_and_better_after_a_minute(
    seen: list[tuple[float, int]],
) -> None:
    steady, now = Steady(60), 0.0
    history: list[tuple[float, Level]] = []
    for pause, points in seen:
        now += pause
        history.append((now, level_of(points)))
        within = [level for at, level in history if now - at < 60]
        assert steady.see(points, now) == max(within, key=ORDER.index)


@given(st.sampled_from(list(CATEGORIES)))
def test_s84_each_category_has_one_recommendation_that_names_metric_and_cause(
    category: Category,
) -> None:
    said = CATEGORY[category](Seen(7, 5, "blocked for 310 ms in store.py:212"))
    assert f"linkup_errors_total{{category={category}}}" in said
    assert "7 in 5 minutes" in said
    assert "blocked for 310 ms in store.py:212" in said


CEILINGS_OF: list[tuple[str, Ceiling | None, int | None]] = [
    ("canary", advice.canary("why"), 40),
    ("store", advice.store("why"), 40),
    ("bus", advice.bus("why"), 55),
    ("stopped", advice.stopped("notify", "why"), 55),
    ("subscription", advice.subscription("subjects", "why"), 40),
    ("follower", advice.follower("why"), 70),
    ("loop", advice.loop(100, "why"), None),
    ("loop", advice.loop(101, "why"), 79),
    ("loop", advice.loop(251, "why"), 59),
    ("disk", advice.disk(10, "why"), None),
    ("disk", advice.disk(9.9, "why"), 75),
    ("disk", advice.disk(1.9, "why"), 40),
]


@pytest.mark.parametrize(("name", "ceiling", "most"), CEILINGS_OF)
def test_s82_s84_each_ceiling_names_its_metric_and_cause(
    name: str, ceiling: Ceiling | None, most: int | None
) -> None:
    assert (ceiling and ceiling.most) == most
    assert ceiling is None or ("why" in ceiling.advice and "(linkup_" in ceiling.advice)
