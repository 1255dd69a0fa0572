"""Owns the check of the store's schema version, which rarely needs an upgrade.

Loading Alembic takes as long as all the rest of a start, and a start after a crash is one that
users wait for: it is loaded only when there is something to apply.
"""

import sqlite3

from databases import Database

from shared.errors import StartError

REVISION = "0017"  # the newest of migrations/versions


async def bring_up_to_date(url: str) -> None:
    """Raises StartError when a newer release has been at the store."""
    found = await _revision(url)
    if found == REVISION:
        return
    if found is not None and found > REVISION:
        raise StartError(
            f"the store has schema {found}, of a newer release (this one: {REVISION}); "
            "start that release, or restore a backup from before it"
        )
    from services.persistence.store.migrate import upgrade

    await upgrade(url)


async def _revision(url: str) -> str | None:
    """None of a store that is yet to be made."""
    async with Database(url) as database:
        try:
            found: str | None = await database.fetch_val("SELECT version_num FROM alembic_version")
        except sqlite3.OperationalError:  # no such table; whatever else it is, Alembic meets it too
            return None
    return found
