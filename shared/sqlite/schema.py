"""Owns the check of a database's schema version, which rarely needs an upgrade.

Loading Alembic takes as long as all the rest of a start, and a start after a crash is one that
users wait for: it is loaded only when there is something to apply.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from shared.errors import StartError

VERSION = "SELECT version_num FROM alembic_version"


async def bring_up_to_date(
    path: Path, newest: str, what: str, upgrade: Callable[[], Awaitable[None]]
) -> None:
    """Raises StartError when a newer release has been at the database; `what` names it."""
    found = await asyncio.to_thread(_version, path)
    if found == newest:
        return
    if found is not None and found > newest:
        raise StartError(
            f"{what} has schema {found}, of a newer release (this one: {newest}); "
            "start that release, or restore a backup from before it"
        )
    await upgrade()


def _version(path: Path) -> str | None:
    """None of a database that is yet to be made."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute(VERSION).fetchall()
    except sqlite3.OperationalError:  # no such table; whatever else it is, Alembic meets it too
        return None
    return str(found[0][0]) if found else None
