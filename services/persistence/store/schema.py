"""Owns the version of the store's schema."""

from pathlib import Path

from shared.settings.addresses import path_of
from shared.sqlite import schema

REVISION = "0024"  # the newest of migrations/versions


async def bring_up_to_date(url: str) -> None:
    """Raises StartError when a newer release has been at the store."""

    async def upgrade() -> None:
        from services.persistence.store.migrate import upgrade

        await upgrade(url)

    await schema.bring_up_to_date(Path(path_of(url)), REVISION, "the store", upgrade)
