"""Runs the unit tests of the page and the JavaScript client, in node's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import TIMEOUT_FACTOR

FILES = sorted(path.name for path in (Path(__file__).parent / "javascript").glob("*.test.mjs"))


@pytest.mark.parametrize("name", FILES)
def test_a_module_of_the_page_keeps_its_word(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the page's modules in")
    file = Path(__file__).parent / "javascript" / name
    run = subprocess.run(
        [node, "--test", file], capture_output=True, text=True, timeout=60 * TIMEOUT_FACTOR
    )
    assert run.returncode == 0, run.stdout
    assert "# pass 0" not in run.stdout
