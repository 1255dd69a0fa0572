"""Owns the data directory before the start of services: it is writable, private, and has keys."""

import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.errors import StartError

ENOUGH_BYTES = 16 * 1024 * 1024
SECRET_BYTES = 48
OTHERS = 0o077
LONGEST_PATH = 512  # bytes that SQLite takes of a file's whole name
LONGEST_NAME = "linkup.db-journal"
OURS = (
    "linkup.db",
    "notify.db",
    "persistence.lock",
    "run.lock",
    "jwt-secret",
    "vapid-key",
    "operator.json",
    ".probe",
)
FOLDERS = ("attachments", "mail", "nats")


def prepare(path: Path) -> None:
    """Create it when absent, and write to it. Raises StartError."""
    if len(os.fsencode(os.path.realpath(path / LONGEST_NAME))) > LONGEST_PATH:
        raise StartError(_too_long(path))
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _probe(path / ".probe")
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise StartError(_reason(path, error)) from None
    if free < ENOUGH_BYTES:
        raise StartError(_full(path))


def shut(path: Path) -> Iterator[str]:
    """Take from others what they may do in the directory, and in what we made there before.

    One that also holds what is not ours keeps its mode, as one of another user does. That yields
    a warning: others can see what is there, though not read our files.
    """
    path = path.resolve()
    entries = list(path.iterdir())
    try:
        for entry in filter(_is_ours, entries):
            _shut_all(entry)
        if all(map(_is_ours, entries)):
            _shut(path)
    except PermissionError:
        pass  # it is another user's
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        yield (
            f"other users of this machine may enter {path} (its mode is {mode:04o}), and it is "
            "not LinkUp's alone: `chmod 700` it, or set LINKUP_DATA_DIR to a directory of its own"
        )


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
    """Replace a file that only its owner may read; it is never there without its content."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # an existing file would keep its mode
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def jwt_secret(path: Path) -> str:
    """Return the key of this installation's tokens: kept, so that they stay valid after a
    restart."""
    return _kept(path / "jwt-secret", lambda: secrets.token_urlsafe(SECRET_BYTES))


def vapid_key(path: Path) -> str:
    """Return the private key of this installation's web push: kept, as browsers know its public
    key."""
    return _kept(path / "vapid-key", _new_vapid_key)


def _new_vapid_key() -> str:
    from shared import vapid  # it takes long to load, and is needed at the first start only

    return vapid.new_key()


def _kept(file: Path, make: Callable[[], str]) -> str:
    """Return the secret in that file, made when there is none. Raises StartError."""
    if not file.exists():
        write_private(file, make() + "\n")
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        raise StartError(f"{file} contains no secret: restore it, or remove it to get a new one")
    return secret


def _is_ours(entry: Path) -> bool:
    return entry.name in FOLDERS or entry.name.startswith(OURS)


def _shut_all(entry: Path) -> None:
    """A folder once, with all that is in it: afterwards nobody else gets at its files."""
    if entry.is_symlink():
        return  # what it leads to is not in the directory
    if entry.is_dir() and stat.S_IMODE(entry.stat().st_mode) & OTHERS:
        for folder, folders, files in os.walk(entry):
            for name in (*folders, *files):
                _shut(Path(folder, name))
    _shut(entry)


def _shut(path: Path) -> None:
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & OTHERS and not path.is_symlink():
            path.chmod(mode & ~OTHERS)


def _probe(file: Path) -> None:
    with open(file, "wb", buffering=0) as probe:
        probe.write(bytes(4096))
        os.fsync(probe.fileno())
    file.unlink()


def _reason(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path)
    if isinstance(error, FileExistsError):
        return f"{path} is not a directory; set LINKUP_DATA_DIR or --data-dir"
    return f"cannot write to {path}: {error.strerror}; set LINKUP_DATA_DIR or --data-dir"


def _too_long(path: Path) -> str:
    return (
        f"the path of {path} is too long for SQLite, whose files may have {LONGEST_PATH} bytes in "
        "all: set LINKUP_DATA_DIR or --data-dir to a shorter one"
    )


def _full(path: Path) -> str:
    return f"the disk of {path} is full: free {ENOUGH_BYTES // 1024**2} MiB, or set --data-dir"
