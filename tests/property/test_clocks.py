"""Quiet hours and digest windows, against a model that looks at the clock minute by minute."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.ladder.clocks import EPOCH, MICROSECOND, quiet_until, window_end
from shared.commands import QuietHours

MINUTE = 60_000_000
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",  # its clock is set by half an hour
        "America/Havana",  # and this one at midnight
        "Asia/Kathmandu",
        "Africa/Casablanca",
    )
]
# The hours around which clocks are set, and any others.
JUMPS = [
    datetime(2025, 3, 30, tzinfo=UTC),
    datetime(2025, 10, 26, tzinfo=UTC),
    datetime(2025, 3, 9, tzinfo=UTC),
    datetime(2025, 11, 2, tzinfo=UTC),
    datetime(2025, 4, 5, tzinfo=UTC),
    datetime(2025, 10, 4, tzinfo=UTC),
]
moments = st.builds(
    lambda day, seconds, micro: int((day - EPOCH) / MICROSECOND) + seconds * 1_000_000 + micro,
    st.sampled_from(JUMPS)
    | st.builds(datetime.fromtimestamp, st.integers(10**9, 2 * 10**9), st.just(UTC)),
    st.integers(-86_400, 2 * 86_400),
    st.integers(0, 999_999),
)
clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
hours = st.builds(lambda start, end: QuietHours(start=start, end=end), clock_times, clock_times)


def shown(at: int, zone: tzinfo) -> datetime:
    return (EPOCH + at * MICROSECOND).astimezone(zone)


def is_quiet(asked: QuietHours, at: int, zone: tzinfo) -> bool:
    minute = shown(at, zone).strftime("%H:%M")
    if asked.start < asked.end:
        return asked.start <= minute < asked.end
    return asked.start != asked.end and (minute >= asked.start or minute < asked.end)


def ended(asked: QuietHours, at: int, zone: tzinfo) -> int:
    while is_quiet(asked, at, zone):
        at += MINUTE - at % MINUTE
    return at


@settings(max_examples=400)
@given(hours, moments, st.sampled_from(ZONES))
def test_s71_quiet_hours_delay_exactly_to_their_end(
    asked: QuietHours, now: int, zone: tzinfo
) -> None:
    assert quiet_until(asked, now, zone) == ended(asked, now, zone)


@given(clock_times, moments, st.sampled_from(ZONES))
def test_s71_quiet_hours_that_end_when_they_begin_are_none(
    time: str, now: int, zone: tzinfo
) -> None:
    assert quiet_until(QuietHours(start=time, end=time), now, zone) == now
    assert quiet_until(None, now, zone) == now


@pytest.mark.parametrize(
    ("zone", "start", "end", "now", "expected"),
    [
        # 2025-03-30 02:00 → 03:00: the end is jumped over
        ("Europe/Berlin", "22:00", "02:30", "2025-03-30T00:30+00:00", "2025-03-30T01:00+00:00"),
        # 2025-10-26 03:00 → 02:00: the clock shows the hour twice
        ("Europe/Berlin", "22:00", "02:30", "2025-10-26T00:10+00:00", "2025-10-26T00:30+00:00"),
        ("Europe/Berlin", "22:00", "02:30", "2025-10-26T01:10+00:00", "2025-10-26T01:30+00:00"),
        ("Europe/Berlin", "22:00", "03:00", "2025-10-26T00:10+00:00", "2025-10-26T02:00+00:00"),
        ("Europe/Berlin", "22:00", "07:00", "2025-03-29T22:00+00:00", "2025-03-30T05:00+00:00"),
        ("Europe/Berlin", "22:00", "07:00", "2025-10-25T21:00+00:00", "2025-10-26T06:00+00:00"),
        ("America/Havana", "23:00", "00:30", "2025-03-09T04:30+00:00", "2025-03-09T05:00+00:00"),
        ("UTC", "22:00", "07:00", "2025-06-01T07:00+00:00", "2025-06-01T07:00+00:00"),
        ("UTC", "22:00", "07:00", "2025-06-01T06:59:59+00:00", "2025-06-01T07:00+00:00"),
        ("UTC", "09:00", "17:00", "2025-06-01T08:59+00:00", "2025-06-01T08:59+00:00"),
    ],
)
def test_s71_the_clock_is_set_within_quiet_hours(
    zone: str, start: str, end: str, now: str, expected: str
) -> None:
    at, due = (int((datetime.fromisoformat(one) - EPOCH) / MICROSECOND) for one in (now, expected))
    assert quiet_until(QuietHours(start=start, end=end), at, ZoneInfo(zone)) == due


@given(st.sampled_from(["hourly", "daily", "weekly"]), moments, st.sampled_from(ZONES))
def test_s75_a_window_ends_after_now_and_no_later_than_the_next_one(
    digest: str, now: int, zone: tzinfo
) -> None:
    end = window_end(digest, now, zone)  # type: ignore[arg-type]
    longest = {"hourly": 1, "daily": 24, "weekly": 168}[digest]
    assert now < end <= now + (longest + 2) * 60 * MINUTE, "two hours, where the clock is set"
    wall = shown(end, zone)
    if digest == "hourly":
        assert end % MINUTE == 0
        assert wall.utcoffset() != shown(now, zone).utcoffset() or wall.minute == 0
    else:
        assert wall.strftime("%H:%M") == "08:00"
        assert digest == "daily" or wall.weekday() == 0
    assert window_end(digest, end - 1, zone) == end  # type: ignore[arg-type]
    assert window_end(digest, end, zone) - end > timedelta(minutes=30) / MICROSECOND  # type: ignore[arg-type]
