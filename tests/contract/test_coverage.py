"""The table of what is covered names only tests that exist, and leaves out no row."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([SD]\d+) \| [^|]+ \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"`(test_\w+)`")
NUMBER = re.compile(r"(?<=_)(?<!_f_)([sd]\d+)(?=_)")  # as in test_s31_d11_…; f_s16: a finding
ABSENT = "not in this release"
PAGE = (*range(87, 92), 94, 95, 96)
ELSEWHERE = {"D14", "D31", "D32", "D33", "D37"}  # notifications, monitoring, how it is started


def rows() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    return [(row, cell) for row, cell in ROW.findall(text)]


def known() -> set[str]:
    """Every test function there is, and every machine Hypothesis runs."""
    return {name for path in ROOT.glob("tests/**/test_*.py") for name in named(path)}


def named(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_test_named_exists() -> None:
    missing = {name for _, cell in rows() for name in NAME.findall(cell)} - known()
    assert not missing


def test_every_row_names_a_test_or_says_that_it_is_absent() -> None:
    assert [row for row, cell in rows() if not NAME.search(cell) and ABSENT not in cell] == []


def test_no_row_is_called_absent_while_a_test_carries_its_number() -> None:
    numbers = {number.upper() for name in known() for number in NUMBER.findall(name)}
    assert [row for row, cell in rows() if cell.startswith(ABSENT) and row in numbers] == []


@pytest.mark.parametrize(("letter", "numbers"), [("S", [*range(1, 67), *PAGE, *range(98, 120)]),
                                                 ("D", range(1, 41))])  # fmt: skip
def test_no_row_is_left_out_and_none_is_there_twice(letter: str, numbers: list[int]) -> None:
    listed = [row for row, _ in rows() if row.startswith(letter)]
    wanted = [f"{letter}{n}" for n in numbers if f"{letter}{n}" not in ELSEWHERE]
    assert listed == wanted
