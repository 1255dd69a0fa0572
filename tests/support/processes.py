"""Owns the question whether a process still runs."""

import os
from pathlib import Path


def runs(pid: int) -> bool:
    """A zombie, which only its parent's absence keeps, does not run."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
