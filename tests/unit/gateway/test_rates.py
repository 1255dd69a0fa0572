"""Rate limits: a bucket for each key, one timestamp each, and a bounded number of buckets."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import rates as rates_module
from services.gateway.rates import Buckets, Rates, address
from shared.errors import RateLimited
from shared.route import LIMITS, Limit
from shared.routes import ROUTES
from shared.settings import Settings


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("most", [1, 7, 10, 40, 120, 200])
def test_s44_so_many_at_once_and_then_one_by_one(clock: Clock, most: int) -> None:
    buckets = Buckets(most, clock)
    assert [buckets.spend("alice") for _ in range(most)] == [0.0] * most
    wait = buckets.spend("alice")
    assert wait == pytest.approx(60 / most)
    clock.now += wait
    assert buckets.spend("alice") == 0.0
    assert buckets.spend("alice") > 0
    assert buckets.spend("bob") == 0.0


def test_s44_after_a_minute_of_rest_the_bucket_is_full_again(clock: Clock) -> None:
    buckets = Buckets(5, clock)
    while not buckets.spend("alice"):
        pass
    clock.now += 60
    assert [buckets.spend("alice") == 0.0 for _ in range(6)] == [True] * 5 + [False]


def test_what_is_refused_costs_nothing(clock: Clock) -> None:
    buckets = Buckets(2, clock)
    waits = [buckets.spend("alice") for _ in range(50)]
    assert waits[2] == waits[-1] == pytest.approx(30)


def test_with_zero_nobody_waits_and_nothing_is_kept(clock: Clock) -> None:
    buckets = Buckets(0, clock)
    assert not any(buckets.spend("alice") for _ in range(1000))
    assert len(buckets) == 0


def test_c10_full_buckets_are_forgotten(clock: Clock) -> None:
    buckets = Buckets(10, clock)
    for number in range(100):
        buckets.spend(f"user {number}")
    clock.now += 60
    buckets.spend("alice")
    assert len(buckets) == 1


def test_c10_beyond_the_bound_the_one_used_longest_ago_goes(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates_module, "MAX_BUCKETS", 3)
    buckets = Buckets(1, clock)
    for key in ("a", "b", "c", "d"):
        clock.now += 1
        assert buckets.spend(key) == 0.0
    assert len(buckets) == 3
    assert [buckets.wait(key) > 0 for key in ("b", "c", "d")] == [True] * 3
    assert buckets.wait("a") == 0.0


@given(
    most=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 30), min_size=1, max_size=200),
)
def test_s44_in_no_minute_more_than_twice_as_many(most: int, pauses: list[float]) -> None:
    """A burst, and what came back meanwhile; and who waits as told is let through."""
    clock = Clock()
    buckets = Buckets(most, clock)
    let_through: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait = buckets.spend("alice")
        if not wait:
            let_through.append(clock.now)
        else:
            assert wait <= 60 / most + 1e-6
    for start in let_through:
        assert sum(start <= at < start + 60 for at in let_through) <= 2 * most


def test_classes_are_counted_apart_and_the_error_says_when(clock: Clock) -> None:
    rates = Rates(Settings(api_per_minute=1, search_per_minute=1), clock)
    rates.spend("api", "user alice")
    rates.spend("search", "user alice")
    with pytest.raises(RateLimited) as refused:
        rates.spend("api", "user alice")
    assert refused.value.retry_after_ms == 60_000


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "testclient", False),
    ],
)
def test_an_ipv6_network_is_one_address(one: str, other: str, same: bool) -> None:
    assert (address(one) == address(other)) == same


def test_every_class_has_a_setting_and_a_route() -> None:
    assert set(LIMITS) == set(get_args(Limit)) == {r.limit for r in ROUTES if r.limit}
    assert all(hasattr(Settings(), setting) for setting in LIMITS.values())


def test_s44_the_defaults_are_those_of_linkup() -> None:
    settings = Settings()
    found = {limit: getattr(settings, setting) for limit, setting in LIMITS.items()}
    told = {"api": 200, "search": 40, "upload": 20, "auth": 10, "other": 120, "admin": 60}
    assert found == told | {"host": 600}  # which is no route of LinkUp's


def test_only_probes_and_signed_urls_are_free() -> None:
    free = {route.path for route in ROUTES if route.limit is None}
    assert free == {"/livez", "/readyz", "/health", "/v1/attachments/{attachment_id}/content"}
