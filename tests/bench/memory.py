"""Owns how much memory a process has, as the system counts it."""

from pathlib import Path


def memory_kb(pid: int) -> float:
    """The proportional share: what only this process has, and its part of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return float(line.split()[1])
    raise ValueError(f"no Pss of process {pid}")
