"""Owns the limit on open files, raised as far as the system allows."""

import resource

from shared.errors import StartError

KEPT = 64  # for files, the broker and the database; those are never for a connection
LEAST = 32  # connections, or it is not worth starting
ENOUGH = 1 << 20  # where the system sets no limit


def connections_allowed() -> int:
    """Return the number of connections that the open files allow. Raises StartError below a
    minimum."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY:
        soft = ENOUGH
    if soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
        except (OSError, ValueError):  # macOS has another limit behind this one
            pass
    if soft - KEPT < LEAST:
        raise StartError(
            f"only {soft} files may be open, and {KEPT + LEAST} are needed: raise `ulimit -n`"
        )
    return soft - KEPT
