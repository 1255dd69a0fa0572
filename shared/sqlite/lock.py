"""Owns the lock that keeps a second process off the same files: two writers are more than a log
of SQLite bears.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from shared.errors import StartError


@asynccontextmanager
async def locked(path: Path, taken: str, remedy: str) -> AsyncIterator[None]:
    """Hold the file at `path` for this process. Raises StartError: `taken` says who has it when
    another process does, `remedy` what to set when there is no writing."""
    try:
        lock = await asyncio.to_thread(_opened, path)
    except OSError as error:
        raise StartError(f"cannot write to {path.parent}: {error.strerror}; set {remedy}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"{taken}; stop it first") from None
        yield


def is_held(path: Path) -> bool:
    """Return whether some process holds it."""
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.open("w")
