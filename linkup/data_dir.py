"""Owns the data directory before the services do: that it is writable, ours alone, and has keys."""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import StartError

ENOUGH_BYTES = 16 * 1024 * 1024
SECRET_BYTES = 48


def prepare(path: Path) -> None:
    """Create it when absent, and write to it. Raises StartError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _probe(path / ".probe")
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise StartError(_reason(path, error)) from None
    if free < ENOUGH_BYTES:
        raise StartError(_full(path))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the directory for this process. Raises StartError when another one does."""
    with open(path / "run.lock", "a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartError(
                f"another `linkup run` (pid {lock.read().strip() or 'unknown'}) uses {path}; "
                "stop it, or choose another --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    path.unlink(missing_ok=True)  # an existing file would keep its mode
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def jwt_secret(path: Path) -> str:
    """The key of this installation's tokens: kept, so that they stay valid after a restart."""
    file = path / "jwt-secret"
    if not file.exists():
        write_private(file, secrets.token_urlsafe(SECRET_BYTES) + "\n")
    return file.read_text(encoding="utf-8").strip()


def _probe(file: Path) -> None:
    with open(file, "wb", buffering=0) as probe:
        probe.write(bytes(4096))
        os.fsync(probe.fileno())
    file.unlink()


def _reason(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path)
    return f"cannot write to {path}: {error.strerror}; set LINKUP_DATA_DIR or --data-dir"


def _full(path: Path) -> str:
    return f"the disk of {path} is full: free {ENOUGH_BYTES // 1024**2} MiB, or set --data-dir"
