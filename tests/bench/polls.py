"""Owns how often a process comes back from waiting for events, where `perf` may count it.

A wake that finds several events is one; an event loop that goes round without sleeping is many.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Mapping

RETURNS = "syscalls:sys_exit_epoll_wait,syscalls:sys_exit_epoll_pwait"


async def per_second(pids: Mapping[str, int], seconds: float) -> dict[str, float]:
    """Return the polls per second by process. Without `perf`, or without the right to use its trace
    points, the result is empty."""
    perf = shutil.which("perf")
    if perf is None:
        return {}
    counts = await asyncio.gather(*(_count(perf, pid, seconds) for pid in pids.values()))
    found = dict(zip(pids, counts, strict=True))
    return {name: n / seconds for name, n in found.items() if n is not None}


async def _count(perf: str, pid: int, seconds: float) -> int | None:
    process = await asyncio.create_subprocess_exec(
        *(perf, "stat", "-x", ",", "-e", RETURNS, "-p", str(pid), "--", "sleep", f"{seconds:g}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, said = await process.communicate()
    return total(said.decode(errors="replace")) if process.returncode == 0 else None


def total(said: str) -> int | None:
    """Add up the counts that `perf stat -x,` wrote: each line begins with the count of an event."""
    counts = [line.partition(",")[0] for line in said.splitlines() if "epoll" in line]
    return sum(map(int, counts)) if counts and all(map(str.isdigit, counts)) else None
