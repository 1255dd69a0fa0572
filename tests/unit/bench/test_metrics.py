"""The cost of metrics is taken from windows that follow each other."""

import pytest

from tests.bench.metrics import Cost, words
from tests.bench.results import machine


def test_windows_that_came_one_after_the_other_are_compared() -> None:
    cost = Cost(machine=machine(), on=[102.0, 206.0, 52.0], off=[100.0, 200.0, 50.0])
    assert cost.ratio == pytest.approx(1.03)
    assert "ratio 1.030, target ≤ 1.05" in words(cost)
