"""Owns a copy of the project, in which a bug is planted and tests are run."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.plants.plant import ROOT, Plant
from tests.support.processes import tied
from tests.support.waiting import TIMEOUT_FACTOR

RUN_SECONDS = 240 * TIMEOUT_FACTOR
OPTIONS = "-x -q -rfE --tb=short -p no:cacheprovider -p no:xdist --hypothesis-profile=plants"
ANY = "not prove and not bench"  # the slow ones as well
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
SKIPPED = re.compile(r"^\d+ skipped in ", re.MULTILINE)
TESTS_FAILED = 1  # pytest's exit status; another one says that nothing was tried


@dataclass(frozen=True, slots=True)
class Run:
    """The exit status and the output of a run of pytest."""

    status: int
    said: str

    @property
    def red(self) -> list[str]:
        """The tests that failed; an error on the way to a test is no failure of it."""
        return FAILED.findall(self.said) if self.status == TESTS_FAILED else []

    @property
    def skipped(self) -> bool:
        """Nothing was tried: this machine lacks something."""
        return SKIPPED.search(self.said) is not None


class Tree:
    """The files git knows or would add, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in known():
            if (ROOT / name).is_file():  # or it was deleted and not yet committed
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    def take(self, plant: Plant) -> None:
        path = self.root / plant.file
        path.write_text(path.read_text("utf-8").replace(plant.old, plant.new), "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """Every process of a run imports the copy, also where the environment has the original."""
        ours = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        path = os.pathsep.join([str(self.root), str(self.root / "clients" / "python")])
        return ours | {"PYTHONPATH": path}

    def run(self, tests: Sequence[str]) -> Run:
        """Run tests until the first failure."""
        command = (
            "-m",
            "pytest",
            *OPTIONS.split(),
            "-m",
            ANY,
            *[f"tests/{test}" for test in tests],
        )
        return Run(*self.python(*command))

    def python(self, *arguments: str) -> tuple[int, str]:
        """The same interpreter, there: its exit status and what it wrote."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=tied(),
        )
        try:
            said, _ = process.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            return process.returncode, f"{said}\nnot done after {RUN_SECONDS:.0f} s"
        return process.returncode, said


def known() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in listed.stdout.split("\0") if name]
