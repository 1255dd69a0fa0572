"""Every planted bug turns its tests red: what they promise is what they try."""

import sys
from pathlib import Path

import pytest

from tests.plants.plant import Plant, tables
from tests.plants.tree import Tree

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]

PLANTS = tables()
NAMED = {test for plant in PLANTS for test in plant.red}
PACKAGES = ("services.persistence.writer", "shared", "linkup", "linkup_client", "tests")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree")


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.id)
def test_a_planted_bug_turns_its_tests_red(
    plant: Plant, tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    tree.take(plant)
    for test in plant.red:
        run = tree.run([test])
        if run.skipped:
            pytest.skip(f"{test} is skipped here")
        assert run.red, f"{test} does not see that {plant.wrong}:\n{run.said}"
        with capsys.disabled():
            sys.stdout.write(f"\n{plant.id} -> {run.red[0]} ")


@pytest.mark.parametrize("file", sorted({test.partition("::")[0] for test in NAMED}))
def test_without_a_bug_the_same_tests_pass(file: str, tree: Tree) -> None:
    run = tree.run(sorted(test for test in NAMED if test.startswith(file)))
    assert run.status == 0, run.said


def test_every_process_of_a_run_imports_the_copy(tree: Tree) -> None:
    """As `linkup run` starts a service, with -P, which leaves out the current directory."""
    for name in PACKAGES:
        status, said = tree.python("-P", "-c", f"import {name}; print({name}.__file__)")
        assert (status, said.startswith(str(tree.root))) == (0, True), said
