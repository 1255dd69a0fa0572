"""Owns CPU time as the system counts it: of each server process, and of the machine."""

import os
import re
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
CPU_CLOCK = 2  # CPUCLOCK_SCHED of Linux, in the low bits of a clock's id
SERVICES = {  # what a command line shows → what we call it
    "services.gateway": "gateway",
    "services.persistence": "persistence",
    "services.notify": "notify",
    "nats-server": "nats-server",
}


class Usage:
    """CPU time and wakes of some processes, CPU time of the machine, from `start` on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._before: dict[str, float] = {}
        self._woken: dict[str, int] = {}
        self._own = self._busy = self._began = 0.0

    def start(self) -> None:
        self._before, self._woken = self._now(), self._wakes_now()
        self._own, self._busy, self._began = (
            time.process_time(),
            busy_seconds() or 0.0,
            time.monotonic(),
        )

    def seconds(self) -> dict[str, float]:
        """Return the CPU time of each process since `start`; one that ended or came meanwhile is
        left out."""
        now = self._now()
        return {name: now[name] - t for name, t in self._before.items() if name in now}

    def wakes(self) -> dict[str, int]:
        """Return for each process how often one of its threads had slept and was woken since
        `start`."""
        now = self._wakes_now()
        return {name: max(0, now[name] - n) for name, n in self._woken.items() if name in now}

    def own_seconds(self) -> float:
        """Return the CPU time that this process has used since the beginning."""
        return time.process_time() - self._own

    def others_share(self) -> float | None:
        """Return the part of the machine, 0 to 1, that neither those processes nor this one
        used."""
        busy = busy_seconds()
        if busy is None or not self._pids:
            return None
        theirs = busy - self._busy - sum(self.seconds().values()) - self.own_seconds()
        whole = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return round(max(0.0, theirs / whole), 3)

    def _now(self) -> dict[str, float]:
        spent = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        return {name: seconds for name, seconds in spent.items() if seconds is not None}

    def _wakes_now(self) -> dict[str, int]:
        woken = {name: wakes(pid) for name, pid in self._pids.items()}
        return {name: count for name, count in woken.items() if count is not None}


def cpu_seconds(pid: int) -> float | None:
    """Return the user and system time of all threads of a process; None when there is no such
    process."""
    try:
        # The clock that clock_getcpuclockid(3) names: exact, where /proc counts in ticks of 10 ms.
        return time.clock_gettime((~pid << 3) | CPU_CLOCK)
    except OSError:
        return None


def wakes(pid: int) -> int | None:
    """Return the voluntary context switches of all threads that a process has; None when there is
    no such process."""
    try:
        threads = list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return None
    return sum(_switches(thread) for thread in threads)


def _switches(thread: Path) -> int:
    with suppress(OSError):
        for line in (thread / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                return int(line.split()[1])
    return 0


def busy_seconds() -> float | None:
    """Return the CPU time of all processes since the machine started; None if unknown."""
    try:
        ticks = (PROC / "stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, _steal = map(int, ticks)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def server_pids(url: str) -> dict[str, int]:
    """Return the processes of the server behind `url`, by name; empty where the system does not
    tell.

    They are found by their command lines among the relatives of whoever listens on the URL's port.
    """
    parts = urllib.parse.urlsplit(url)
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    families = {_parent(pid) for pid in _listening(port) if _service(pid) == "gateway"}
    found: dict[str, int] = {}
    for pid in sorted(_all_pids()):
        name = _service(pid)
        if name is not None and _parent(pid) in families:
            found[_unused(name, found)] = pid
    return found


def _unused(name: str, taken: Mapping[str, int]) -> str:
    number = sum(1 for other in taken if other.partition("-#")[0] == name)
    return name if not number else f"{name}-#{number + 1}"


def _service(pid: int) -> str | None:
    try:
        arguments = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    words = {argument.rpartition("/")[2] for argument in arguments[:8]}
    return next((name for mark, name in SERVICES.items() if mark in words), None)


def _parent(pid: int) -> int | None:
    with suppress(OSError):
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return None


def _listening(port: int) -> Iterator[int]:
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in _all_pids():
        if inodes & set(_open_files(pid)):
            yield pid


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError):
            for line in (PROC / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _open_files(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                yield os.readlink(entry)


def _all_pids() -> Iterable[int]:
    with suppress(OSError):
        return [int(entry.name) for entry in PROC.iterdir() if re.fullmatch(r"\d+", entry.name)]
    return []
