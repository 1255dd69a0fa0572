"""Owns the checks of this machine: directory, disk, open files, ports. They need no service."""

import errno
import os
import resource
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median

from linkup.doctor.seen import Seen
from linkup.doctor.verdict import Verdict, failed, passed, skipped, warned
from shared.settings import variable

LITTLE, NEXT_TO_NOTHING = 10.0, 2.0  # per cent of the disk, as the score has them
SYNCS = 20
SYNC_FOR = 1.0  # seconds, after which those that were made must do
SLOW, TOO_SLOW = 0.02, 0.2  # seconds: every message waits for one
KEPT_FILES = 64  # for files, the bus and the database
OTHERS = 0o077
PORTS = ("gateway_port", "metrics_port", "persistence_port", "notify_port")
REPLACEABLE = frozenset({"persistence_port", "notify_port"})
REPLACED = (
    "`linkup run` will select free ports; a service that you start by itself needs other ports"
)


def directory(seen: Seen) -> Verdict:
    path = seen.settings.data
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return passed("directory", f"{path} will be made by the first start")
    except OSError as error:
        return failed("directory", f"{path}: {error.strerror}", "Set LINKUP_DATA_DIR to another.")
    if not stat.S_ISDIR(mode):
        return failed("directory", f"{path} is not a directory", "Set LINKUP_DATA_DIR to one.")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return failed(
            "directory", f"{path} is another user's", "Run this as the user that LinkUp runs as."
        )
    if mode & OTHERS:
        found = f"others may enter {path} ({stat.S_IMODE(mode):04o})"
        return warned("directory", found, f"Run chmod 700 {path}.")
    return passed("directory", str(path))


def disk(seen: Seen) -> Verdict:
    usage = shutil.disk_usage(_existing(seen.settings.data))
    free = 100 * usage.free / usage.total if usage.total else 100.0
    value = f"{free:.0f} % free, {usage.free / 2**30:.1f} GiB"
    if free < NEXT_TO_NOTHING:
        return failed("disk", value, "Free space, or move the data directory to a larger disk.")
    if free < LITTLE:
        return warned("disk", value, "Free space, or move the data directory to a larger disk.")
    return passed("disk", value)


def sync(seen: Seen) -> Verdict:
    """Check how long it takes to sync 4 KiB to the disk of the data directory."""
    file = _existing(seen.settings.data) / f".doctor-{os.getpid()}"
    try:
        took = _sync_seconds(file)
    except OSError as error:
        return failed("sync", f"{file}: {error.strerror}", "Make the data directory writable.")
    finally:
        with suppress(OSError):
            file.unlink()
    value = f"{1000 * took:.1f} ms to write and sync 4 KiB"
    if took > TOO_SLOW:
        return failed("sync", value, "Put the data directory on a local disk.")
    if took > SLOW:
        return warned("sync", value, "Use a faster disk: every message waits for a sync.")
    return passed("sync", value)


def _sync_seconds(file: Path) -> float:
    times: list[float] = []
    with open(file, "xb", buffering=0) as written:
        while len(times) < SYNCS and sum(times) < SYNC_FOR:
            began = time.monotonic()
            written.write(bytes(4096))
            os.fsync(written.fileno())
            times.append(time.monotonic() - began)
    return median(times)


def _existing(path: Path) -> Path:
    """Return the directory, or the nearest one above it that exists."""
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path


def files(seen: Seen) -> Verdict:
    """Check the hard limit on open files, to which services raise the soft limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = seen.settings.connections
    if hard == resource.RLIM_INFINITY or hard - KEPT_FILES >= wanted:
        return passed("files", f"{hard if hard >= 0 else 'any number of'} files may be open")
    return warned(
        "files",
        f"{hard} files may be open, too few for LINKUP_CONNECTIONS={wanted}",
        f"Raise the limit (`ulimit -Hn {wanted + KEPT_FILES}`), or lower LINKUP_CONNECTIONS.",
    )


def ports(seen: Seen) -> Verdict:
    if seen.where is not None:
        return skipped("ports", "they are used by what runs")
    host = seen.settings.host
    if _is_absent(_fault(host, 0)):
        found = f"LINKUP_HOST={host} is no address of this machine"
        return failed("ports", found, "Set LINKUP_HOST to one of its addresses.")
    faults = {name: fault for name in PORTS if (fault := _fault(host, _port(seen, name)))}
    needed = [name for name in faults if name not in REPLACEABLE or name in seen.chosen]
    if needed:
        found = _said(seen, {name: faults[name] for name in needed})
        return failed("ports", found, "Stop what uses them, or set others.")
    if faults:
        return passed("ports", f"not set, and {_said(seen, faults)}. {REPLACED}")
    return passed("ports", "all free")


def _port(seen: Seen, name: str) -> int:
    port: int = getattr(seen.settings, name)
    return port


def _said(seen: Seen, faults: Mapping[str, int]) -> str:
    """Return the settings whose ports cannot be used, by the reason."""
    spelt = {name: f"{variable(name)}={_port(seen, name)}" for name in faults}
    taken = ", ".join(spelt[name] for name, fault in faults.items() if fault == errno.EADDRINUSE)
    others = [
        f"{spelt[name]}: {os.strerror(fault)}"
        for name, fault in faults.items()
        if fault != errno.EADDRINUSE
    ]
    return "; ".join([*([f"taken: {taken}"] if taken else []), *others])


def _fault(host: str, port: int) -> int:
    """Return the number of the error of listening there, or 0 if it succeeds."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family):
            return 0
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EIO


def _is_absent(fault: int) -> bool:
    return fault in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def checks(seen: Seen) -> Iterator[Verdict]:
    for check in (directory, disk, sync, files, ports):
        yield check(seen)
