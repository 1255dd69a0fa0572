"""Owns the description of a database copy, and the replacement of a database by a copy."""

import errno
import os
import shutil
from pathlib import Path

from msgspec import Struct


class Copied(Struct, frozen=True, kw_only=True, tag_field="event", tag="copied"):
    """A copy was made. `positions` has the last row of the log by writer, at which the whole backup
    is cut."""

    schema: str
    epoch: str = ""
    positions: dict[str, int] = {}


class Restored(Struct, frozen=True, kw_only=True, tag_field="event", tag="restored"):
    """A store was restored: its new epoch, and the last row of its log by writer."""

    epoch: str
    positions: dict[str, int]


def install(new: Path, target: Path) -> None:
    """Move a file to the target, also from another disk. After a crash, the target is the old file
    or the whole new one."""
    beside = target.with_name(target.name + ".new")
    shutil.move(new, beside)
    sync(beside)
    os.replace(beside, target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Sync a file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
