"""Owns where measurements go: the folder of the results, what a terminal is told meanwhile."""

import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.bench.product import HERE, commit_of

RESULTS = HERE / "bench-results"


class Machine(Struct, frozen=True, kw_only=True):
    """The conditions, apart from the product, on which a figure depends."""

    commit: str
    at: str
    python: str
    cpus: int
    model: str

    def __str__(self) -> str:
        return (
            f"commit {self.commit}, {self.at}, Python {self.python}, {self.cpus} CPUs "
            f"({self.model}) shared with the load generator"
        )


def machine() -> Machine:
    return Machine(
        commit=commit_of(HERE),
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        python=platform.python_version(),
        cpus=os.cpu_count() or 0,
        model=_model(),
    )


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    found = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


@contextmanager
def folder() -> Iterator[Path]:
    """For the data of what is measured. Beside the results: what the system calls temporary may
    be memory, which syncs for nothing."""
    RESULTS.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(dir=RESULTS) as name:
        yield Path(name)


def _end(number: int, frame: object) -> None:
    """As at the end of a measurement: the product stops, its data go."""
    sys.exit(128 + number)


def write(result: Struct, name: str, said: str, file: Path | None) -> None:
    """For programs and for people."""
    text = msgspec.json.format(msgspec.json.encode(result))
    for target in (RESULTS / f"{name}.json", file):
        if target is not None:
            target.write_bytes(text)
    (RESULTS / f"{name}.md").write_text(said, encoding="utf-8")
    print(said)  # noqa: T201 - this is a command


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is a command
