"""The table of planted bugs is whole and fits the code: each can be planted, none is left out."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.contract.test_coverage import rows
from tests.plants.plant import ROOT, Plant, tables

PLANTS = tables()
COVERED = {row.number: row.tests for row in rows() if row.number.startswith("D")}
RULES = [
    *(f"C{number}" for number in range(1, 11)),
    *(row for row, tests in COVERED.items() if tests),
    *(f"R{number}" for number in range(1, 20)),
]

each = pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.id)


@each
def test_the_old_text_stands_there_once_and_the_new_one_parses(plant: Plant) -> None:
    text = (ROOT / plant.file).read_text(encoding="utf-8")
    assert text.count(plant.old) == 1
    assert plant.new != plant.old
    if plant.file.endswith(".py"):
        compile(text.replace(plant.old, plant.new), plant.file, "exec")


@each
def test_every_test_named_exists(plant: Plant) -> None:
    assert plant.red
    for test in plant.red:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in named(ROOT / "tests" / file)


@cache
def named(path: Path) -> set[str]:
    """The tests of a file, and the machines Hypothesis runs as one."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    machines = [node.targets[0] for node in body if isinstance(node, ast.Assign)]
    return {node.name for node in body if isinstance(node, functions)} | {
        target.id for target in machines if isinstance(target, ast.Name)
    }


@each
def test_a_plant_of_a_defect_is_seen_by_a_test_of_its_row(plant: Plant) -> None:
    names = {re.split(r"::|\[", test)[1] for test in plant.red}
    assert plant.rule[0] != "D" or names & COVERED[plant.rule]


def test_every_rule_has_a_plant_and_every_plant_a_rule() -> None:
    assert {plant.rule for plant in PLANTS} == set(RULES)


def test_every_plant_has_a_name_of_its_own() -> None:
    assert [id for id, times in Counter(plant.id for plant in PLANTS).items() if times > 1] == []


def test_the_plants_stand_in_the_order_of_their_rules() -> None:
    order = [RULES.index(plant.rule) for plant in PLANTS]
    assert order == sorted(order)
