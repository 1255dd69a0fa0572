"""Each kind of error alone, injected where it happens: the score falls by the formula, the cause is
named, and both are over when the window is."""

import asyncio
import time
from math import log2

import pytest

from shared import frames
from shared.health import watchdog
from shared.health.defects import Unencodable
from shared.health.endpoints import Health
from shared.health.records import use
from shared.health.report import HealthAnswer
from shared.health.score import level_of
from shared.health.taxonomy import CATEGORIES, Category
from shared.health.watchdog import Watchdog
from tests.support.waiting import eventually

OPERATIONS = 1000
SINGLE = [each for each in CATEGORIES if each != "invariant_violation"]


def health_of(window: float = 300.0) -> Health:
    health = Health("persistence", window)
    health.state = "ready"
    health.operated(OPERATIONS)
    return health


def is_as_the_formula_says(told: HealthAnswer, category: Category, count: float) -> None:
    kind = CATEGORIES[category]
    lost = min(kind.cap, kind.weight * log2(1 + count * 10_000 / OPERATIONS))
    assert abs(told.health_score - (100 - lost)) <= 3
    assert told.status == level_of(told.health_score)


async def test_s82_s98_a_blocked_loop_costs_what_the_formula_says_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    health, noticed = health_of(), list[str]()
    monkeypatch.setattr(watchdog.logger, "warning", lambda said, *_: noticed.append(said))
    with use(health.errors), Watchdog(asyncio.get_running_loop()).watching():
        await asyncio.sleep(0.2)
        while not noticed:  # which is the fault
            time.sleep(0.01)  # noqa: ASYNC251
        await eventually(lambda: health.errors.recent() != [])
    told = health.examine()
    times = health.errors.counts()["async_context_violation"]  # a machine may stop, too
    is_as_the_formula_says(told, "async_context_violation", times)
    assert told.status != "healthy"
    [advice] = [one.advice for one in told.recommendations]
    assert "loop blocked" in advice
    assert "test_injected.py:" in advice


def test_s82_s84_what_cannot_be_encoded_costs_what_the_formula_says_and_is_named() -> None:
    health = health_of()
    with use(health.errors):
        for _ in range(3):
            with pytest.raises(Unencodable):
                frames.encode(frames.Pong(cursor=1, timestamp=object()))  # type: ignore[arg-type]  # which is the fault
    told = health.examine()
    is_as_the_formula_says(told, "json_serialization_error", 3)
    assert told.recommendations[0].cause == "json_serialization_error"
    assert "Pong cannot be encoded" in told.recommendations[0].advice


@pytest.mark.parametrize("category", SINGLE)
@pytest.mark.parametrize("count", [1, 20, 5000])
def test_s82_s84_each_category_alone(category: Category, count: int) -> None:
    health = health_of()
    for _ in range(count):
        health.errors.record(category, "the cause is {reason}", reason="this one")
    told = health.examine()
    is_as_the_formula_says(told, category, count)
    named = {one.cause: one.advice for one in told.recommendations}
    assert set(named) <= {category}
    if told.health_score < 99:
        assert "the cause is this one" in named[category]
    assert health.report()[0] == "pass", "readiness follows what is wrong now, never the score"


def test_s82_it_is_healthy_again_when_the_window_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    health = health_of(300.0)
    monkeypatch.setattr(health.errors, "_monotonic", time.monotonic)
    health.errors.record("persistence_error", "the disk is full")
    now += 290.0
    assert health.examine().status == "warning"
    now += 310.0
    assert health.examine().status == "healthy"
    assert health.examine().recommendations == []
