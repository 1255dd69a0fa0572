"""The states of a breaker, as its check and its log lines show them."""

import pytest

from shared.breaker import THRESHOLD, Breaker
from shared.health.endpoints import Check
from shared.retry import Retries


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def failing(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.begin()
        breaker.end(worked=False, reason="smtp_421")


def test_s121_a_breaker_opens_probes_and_closes(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    breaker = Breaker("the mail server", Retries(base=4.0, cap=6.0), clock)
    failing(breaker, THRESHOLD - 1)
    assert (breaker.state, breaker.room(3), breaker.check()) == ("closed", 3, Check("pass", "", 0))
    failing(breaker, 1)
    told = "the mail server fails: smtp_421; tried once in 4 s"
    assert (breaker.state, breaker.room(3)) == ("open", 0)
    assert breaker.check() == Check("warn", told, 2)
    clock.now += 4
    assert (breaker.state, breaker.room(3)) == ("half_open", 1)
    failing(breaker, 1)
    assert breaker.wait() == 6.0, "the pauses grow, up to the cap"
    clock.now += 6
    breaker.begin()
    assert breaker.room(10) == 0, "the probe is on its way"
    breaker.end(worked=True)
    assert (breaker.state, breaker.room(10)) == ("closed", 10)
    assert caplog.text.count("the mail server fails") == 1


def test_s121_failures_between_successes_open_nothing() -> None:
    breaker = Breaker("it", Retries(), Clock())
    for _ in range(THRESHOLD):
        failing(breaker, THRESHOLD - 1)
        breaker.begin()
        breaker.end(worked=True)
    assert breaker.state == "closed"


def test_s121_calls_that_show_nothing_change_nothing() -> None:
    clock = Clock()
    breaker = Breaker("it", Retries(base=1.0), clock)
    failing(breaker, THRESHOLD)
    clock.now += 1
    breaker.begin()
    breaker.end(worked=None)
    assert (breaker.state, breaker.room(1)) == ("half_open", 1)


def test_s121_what_was_begun_before_it_opened_does_not_lengthen_the_pause() -> None:
    clock = Clock()
    breaker = Breaker("it", Retries(base=8.0, cap=100.0), clock)
    breaker.begin()
    failing(breaker, THRESHOLD)
    clock.now += 1
    breaker.end(worked=False, reason="late")
    assert breaker.wait() == 7.0
