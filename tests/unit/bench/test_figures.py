"""The comparison of two products prints its figures."""

import pytest

from tests.bench.against import Comparison, aligned, words
from tests.bench.figures import FIGURES, compare, plain, rows
from tests.bench.results import Machine
from tests.bench.turn import Found, summed


def test_the_medians_of_the_turns_are_compared() -> None:
    before = [{"full.cpu": 300.0}, {"full.cpu": 100.0}, {"full.cpu": 120.0}]
    [one] = compare(before, [{"full.cpu": 60.0}, {"full.cpu": 54.0}, {"full.cpu": 66.0}])
    assert (one.before, one.now, one.ratio) == (120.0, 60.0, 0.5)


def test_what_only_one_side_has_is_left_out() -> None:
    assert compare([{"full.rate": 1.0}], [{"full.cpu": 1.0}]) == []


def test_the_processes_stand_below_their_sum() -> None:
    turn = summed("quiet.cpu", {"gateway": 300.0, "notify": 100.0})
    assert turn == {"quiet.cpu": 400.0, "quiet.cpu/gateway": 300.0, "quiet.cpu/notify": 100.0}
    told = list(rows(compare([turn], [turn])))
    assert told[1:] == [
        ("  gateway", "300", "300", "1.00", ""),
        ("  notify", "100", "100", "1.00", ""),
    ]


@pytest.mark.parametrize(
    ("key", "now", "said"),
    [
        ("full.cpu", 65.0, "≤ 0.65 pass"),
        ("full.cpu", 66.0, "≤ 0.65 FAIL"),
        ("full.rate", 140.0, "≥ 1.40 pass"),
        ("full.rate", 139.0, "≥ 1.40 FAIL"),
        ("quiet.ack_p99", 1.0, ""),
    ],
)
def test_a_target_is_met_or_not(key: str, now: float, said: str) -> None:
    [row] = rows(compare([{key: 100.0}], [{key: now}]))
    assert row[-1] == said


def test_a_process_that_slept_gives_no_ratio() -> None:
    turn = {"idle.cpu": 0.0, "idle.cpu/notify": 0.0}
    assert [row[3] for row in rows(compare([turn], [turn]))] == ["", ""]


def test_every_figure_has_a_key_and_a_name_of_its_own() -> None:
    assert len({one.key for one in FIGURES}) == len({one.name for one in FIGURES}) == len(FIGURES)


@pytest.mark.parametrize(("value", "said"), [(1234.5, "1,234"), (12.34, "12.3"), (0.456, "0.46")])
def test_a_value_has_as_many_digits_as_it_can_mean(value: float, said: str) -> None:
    assert plain(value) == said


def test_the_table_names_both_commits_and_is_aligned() -> None:
    turn: Found = {"full.rate": 1000.0}
    machine = Machine(commit="new", at="now", python="3", cpus=2, model="one")
    found = Comparison(machine=machine, other_commit="old", before=[turn], now=[turn])
    said = words(found)
    assert said.startswith("against commit old, medians of 1 round in turns; commit new, now")
    assert "  1,000  1,000   1.00  ≥ 1.40 FAIL" in said
    assert aligned([("a", "b"), ("long", "12")]) == ["a      b", "long  12"]
