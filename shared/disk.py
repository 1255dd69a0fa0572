"""Owns the look at how much of a disk is free."""

import shutil
from collections.abc import Callable
from pathlib import Path

from shared.advice import LITTLE_DISK
from shared.report import Check


def disk_check(file: str) -> Callable[[], Check]:
    """Of the disk that holds the file. It warns only: the store is unready when a write fails."""
    folder = Path(file).parent

    def check() -> Check:
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            return Check("pass")  # the check of the store says what became of it
        free = round(100 * usage.free / usage.total, 1) if usage.total else 100.0
        return Check("warn" if free < LITTLE_DISK else "pass", str(folder), free)

    return check
