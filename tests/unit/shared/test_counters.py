"""A reached limit is counted each time and logged once a minute."""

import logging

import pytest

from shared.health.counters import EVERY, Counters


def test_c10_one_line_a_minute_and_name_says_how_many(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    counters = Counters(lambda: now)
    with caplog.at_level(logging.WARNING):
        for second in range(1000):
            now = second * EVERY / 500
            counters.hit("frames", "too many", user="u1")
        counters.hit("others", "too many others")
        counters.add("quiet")
    assert [(record.message, vars(record)["times"]) for record in caplog.records] == [
        ("too many", 1),
        ("too many", 500),
        ("too many others", 1),
    ]
    assert counters.counts == {"frames": 1000, "others": 1, "quiet": 1}
