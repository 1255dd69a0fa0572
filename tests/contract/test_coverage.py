"""The table of what is covered names tests that exist and says of each row how far it goes."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^\| ([SD]\d+) \| [^|]+ \| ([^|]+) \| (.*)\|$", re.MULTILINE)
STATE = re.compile(r"covered|partial: .+|open")
NAME = re.compile(r"`(test_\w+)`")
NUMBER = re.compile(r"(?<=_)([sd]\d+)(?=_)")  # as in test_s31_d11_…
FINDING = re.compile(r"^test_f_[a-z]\d+")  # another list's numbers
FIGURES = re.compile(r"\*\*Of (\d+) rows (\d+) are covered, (\d+) partial and (\d+) open\.\*\*")


class Row(NamedTuple):
    number: str
    state: str
    cell: str

    @property
    def tests(self) -> set[str]:
        return set(NAME.findall(self.cell))


def text() -> str:
    return (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")


def rows() -> list[Row]:
    return [Row(number, state.strip(), cell) for number, state, cell in LINE.findall(text())]


@cache
def known() -> frozenset[str]:
    """Every test function there is, and every machine Hypothesis runs."""
    return frozenset(name for path in ROOT.glob("tests/**/test_*.py") for name in named(path))


def named(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_test_named_exists() -> None:
    assert {name for row in rows() for name in row.tests} - known() == set()


def test_f_t6_a_row_is_covered_or_partial_by_tests_or_open_without() -> None:
    wrong = [
        row
        for row in rows()
        if not STATE.fullmatch(row.state) or (row.state == "open") == bool(row.tests)
    ]
    assert wrong == []


def test_f_t6_no_row_is_open_while_a_test_carries_its_number() -> None:
    names = {name for name in known() if not FINDING.match(name)}
    numbers = {number.upper() for name in names for number in NUMBER.findall(name)}
    assert [row.number for row in rows() if row.state == "open" and row.number in numbers] == []


def test_f_t6_the_figures_above_the_table_are_its_own() -> None:
    states = Counter(row.state.partition(":")[0] for row in rows())
    found = FIGURES.search(text())
    assert found is not None
    counted = (len(rows()), states["covered"], states["partial"], states["open"])
    assert tuple(map(int, found.groups())) == counted


@pytest.mark.parametrize(("letter", "last"), [("S", 124), ("D", 40)])
def test_f_t6_no_row_is_left_out_and_none_is_there_twice(letter: str, last: int) -> None:
    listed = [row.number for row in rows() if row.number.startswith(letter)]
    assert listed == [f"{letter}{number}" for number in range(1, last + 1)]
