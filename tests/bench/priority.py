"""Owns the precedence of a measurement: other work waits for it where the system allows that.

Under Linux each session is a scheduling group of its own, so a process's nice value says little;
the group's does. One measurement runs at a time: two would measure each other.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NICE = -15
HANDOVER = 0.1  # s: or whoever had it would have it again before the next one woke
LOCK = Path(tempfile.gettempdir()) / "linkup-bench.lock"


def prefer(pids: Iterable[int]) -> None:
    """All threads that these processes have, and their groups; in vain without the privilege."""
    for pid in pids:
        _renice(pid, NICE)


@contextmanager
def preferred() -> Iterator[None]:
    """This process and its session, which gets back what it had."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    group = _group_nice(os.getpid())
    prefer([os.getpid()])
    try:
        yield
    finally:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, before)
            Path("/proc/self/autogroup").write_text(str(group))


@contextmanager
def alone(say: Callable[[str], None]) -> Iterator[None]:
    """Wait until no other measurement runs here. Held for one turn, so that a short measurement
    has its own between those of a long one."""
    with LOCK.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another measurement on this machine")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    time.sleep(HANDOVER)


def _renice(pid: int, nice: int) -> None:
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), nice)
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def _group_nice(pid: int) -> int:
    with suppress(OSError, ValueError):
        return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
    return 0
