"""Owns the processes of tests: how they are tied to ours, and whether they still run."""

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from linkup.run.orphans import KernelLeash


def tied(most_files: int | None = None) -> Callable[[], None]:
    """Return what a child runs before its program, so that it dies with us and heeds Ctrl-C.

    A shell's background job ignores SIGINT, and so would its children. `most_files`: how many it
    may ever have open, as by `ulimit -n`.
    """
    die_with_parent = KernelLeash().preexec if sys.platform == "linux" else None

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if die_with_parent is not None:
            die_with_parent()
        if most_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))

    return prepare


def runs(pid: int) -> bool:
    """A zombie, which only its parent's absence keeps, does not run."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def stopped(pid: int) -> bool:
    """Return whether SIGSTOP has stopped the process, which takes a moment. True without /proc."""
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "T"


def open_files(pid: int) -> Iterator[str]:
    """Yield the files that the process has open, as /proc names them. They may change meanwhile."""
    for link in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            yield os.readlink(f"/proc/{pid}/fd/{link}")
