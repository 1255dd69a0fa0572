"""`make bench` says what is wrong with how it was called, and measures a product from outside."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import __main__ as command
from tests.bench.product import HERE


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    return command.main()


def test_a_checkout_that_cannot_be_measured_ends_it_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--against", str(tmp_path), "--quick") == 2
    assert "is no checkout of LinkUp messaging" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--quick",),
        ("--against", ".", "--only", "speed"),
        ("--against", ".", "--only", "metrics"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, *arguments)
    assert ended.value.code == 2
    assert "error: --" in capsys.readouterr().err


@pytest.mark.bench
def test_a_product_is_as_dear_as_itself(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    asked: list[str | Path] = [
        "--against",
        HERE,
        "--only",
        "history",
        "--rounds",
        "1",
        "--quick",
        "--json",
        found,
    ]
    subprocess.run([sys.executable, "-m", "tests.bench", *asked], cwd=HERE, check=True, timeout=60)
    told: dict[str, Any] = json.loads(found.read_bytes())
    [before], [now] = told["before"], told["now"]
    assert before.keys() == now.keys()
    assert 0.2 < now["history.cpu"] / before["history.cpu"] < 5
