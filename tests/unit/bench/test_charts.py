"""The charts are well-formed pictures on which nothing hides anything else."""

import itertools
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.charts import Bar, bars, curves
from tests.bench.svg import WIDTH, ticks

SVG = "{http://www.w3.org/2000/svg}"
values = st.floats(0, 1e9)


def parsed(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return root


def texts(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def test_a_label_is_text_whatever_it_holds() -> None:
    label = """a <b> & "c" 'd' µs"""
    root = parsed(bars(label, [label], [Bar(label, (1.0,))]))
    assert root.get("aria-label") == label
    assert texts(root).count(label) == 3


def test_bars_are_as_long_as_their_values_in_each_column() -> None:
    rows = [Bar("one", (10.0, 4.0)), Bar("two", (5.0, None), 1, inner=True)]
    root = parsed(bars("both", ["left", "right"], rows))
    widths = [float(one.get("width") or 0) for one in root.iter(f"{SVG}rect")][1:]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01)
    assert len(widths) == 3
    assert widths[0] == widths[2]


@given(st.lists(values, min_size=1, max_size=30))
def test_nothing_leaves_the_sheet(found: list[float]) -> None:
    root = parsed(bars("all", [""], [Bar("x", (value,)) for value in found]))
    height = float((root.get("viewBox") or "").split()[3])
    for one in root.iter(f"{SVG}rect"):
        assert float(one.get("x") or 0) + float(one.get("width") or 0) <= WIDTH
        assert float(one.get("y") or 0) + float(one.get("height") or 0) <= height


@given(st.lists(st.lists(values, min_size=3, max_size=3), min_size=1, max_size=8))
def test_the_names_of_curves_do_not_hide_each_other(series: list[list[float]]) -> None:
    named = {f"name-{n}": found for n, found in enumerate(series)}
    root = parsed(curves("c", [10, 100, 1000], named, "messages", "ms"))
    heights = sorted(
        float(one.get("y") or 0)
        for one in root.iter(f"{SVG}text")
        if (one.text or "").startswith("name-")
    )
    assert len(heights) == len(series)
    assert all(b - a > 16 for a, b in itertools.pairwise(heights))


def test_a_point_stands_where_its_value_is() -> None:
    root = parsed(curves("c", [1, 10, 100], {"y": [0.0, 5.0, 10.0]}, "x", "y"))
    points = [(float(c.get("cx") or 0), float(c.get("cy") or 0)) for c in root.iter(f"{SVG}circle")]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y0 - y1 == pytest.approx(y1 - y2)
    assert y0 > y2


@given(st.floats(1e-6, 1e9))
def test_the_scale_reaches_the_largest_value(most: float) -> None:
    marks = ticks(most)
    assert marks[0] == 0
    assert marks[-1] >= most * (1 - 1e-6)
    assert 2 <= len(marks) <= 6


def test_a_scale_of_nothing_is_a_scale() -> None:
    assert ticks(0) == [0, 1]
