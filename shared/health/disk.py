"""Owns the measurement of free disk space."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from shared.health.advice import LITTLE_DISK
from shared.health.report import Check


def disk_check(file: str) -> Callable[[], Check]:
    """Check the disk that contains the file. Only a warning: failed writes make the store unready.

    Each check tells what the look before it found, and begins the next.
    """
    folder = Path(file).parent
    last, looking = Check("pass"), _begin(folder)

    def check() -> Check:
        nonlocal last, looking
        if looking.done():
            last, looking = looking.result(), _begin(folder)
        return last

    return check


def _begin(folder: Path) -> asyncio.Future[Check]:
    return asyncio.get_running_loop().run_in_executor(None, _look, folder)


def _look(folder: Path) -> Check:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return Check("pass")  # the check of the store says what became of it
    free = round(100 * usage.free / usage.total, 1) if usage.total else 100.0
    return Check("warn" if free < LITTLE_DISK else "pass", str(folder), free)
