"""Tests that compare durations run in a step of their own, in which no other test runs."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PYTEST = """#!/bin/sh
printf "%s\\n" "$*"
case "$*" in *"--alone never"*) exit $FIRST ;; *) exit $SECOND ;; esac
"""


@pytest.fixture
def conftest(request: pytest.FixtureRequest) -> Any:
    """The hooks of all tests, as pytest has loaded them."""
    path = str(ROOT / "tests" / "conftest.py")
    loaded = request.config.pluginmanager.get_plugins()
    return next(one for one in loaded if getattr(one, "__file__", None) == path)


def item(name: str, alone: bool) -> Any:
    return SimpleNamespace(name=name, get_closest_marker=lambda _: alone or None)


@pytest.mark.parametrize(
    ("alone", "left"), [("also", ["a", "b"]), ("never", ["a"]), ("only", ["b"])]
)
def test_one_step_has_the_tests_that_the_other_leaves_out(
    conftest: Any, alone: str, left: list[str]
) -> None:
    items, deselected = [item("a", False), item("b", True)], list[Any]()
    hook = SimpleNamespace(pytest_deselected=lambda items: deselected.extend(items))
    conftest.select(SimpleNamespace(option=SimpleNamespace(alone=alone), hook=hook), items)
    assert [one.name for one in items] == left
    assert {one.name for one in deselected} == {"a", "b"} - {*left}


def test_the_second_step_reads_only_the_files_that_have_such_tests(
    conftest: Any, tmp_path: Path
) -> None:
    with_one, without, other = (tmp_path / name for name in ("a.py", "b.py", "c.txt"))
    with_one.write_text("@pytest.mark.alone\n")
    without.write_text("@pytest.mark.slow\n")
    for alone, ignored in (("only", True), ("never", None)):
        config = SimpleNamespace(option=SimpleNamespace(alone=alone))
        assert conftest.pytest_ignore_collect(with_one, config) is None
        assert conftest.pytest_ignore_collect(without, config) is ignored
        assert conftest.pytest_ignore_collect(other, config) is None


@pytest.mark.parametrize(
    ("first", "second", "steps", "passes"),
    [
        (0, 0, 2, True),
        (0, 5, 2, True),  # none of the selected tests is for this step
        (5, 0, 2, True),
        (5, 5, 2, False),
        (1, 0, 2, False),
        (1, 5, 2, False),
        (0, 1, 2, False),
        (2, 0, 1, False),  # interrupted
    ],
)
def test_make_fails_if_one_of_the_steps_does(
    tmp_path: Path, first: int, second: int, steps: int, passes: bool
) -> None:
    for name in ("uv", "pytest", "installed"):
        (tmp_path / name).write_text(PYTEST)
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [
            *("make", "--no-print-directory", "slow", f"BIN={tmp_path}", "ARGS=-k c3"),
            *(f"INSTALLED={tmp_path / 'installed'}", f"FIRST={first}", f"SECOND={second}"),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},  # this may run below make itself
        capture_output=True,
        text=True,
    )
    told = done.stdout.splitlines()
    assert [line.endswith("-m slow -k c3") for line in told] == [True] * steps
    assert (done.returncode == 0) == passes
