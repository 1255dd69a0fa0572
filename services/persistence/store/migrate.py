"""Owns the upgrade of the schema, on an engine that is closed before the writer opens."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


async def upgrade(url: str) -> None:
    """Apply every revision the store has not seen. Only the process that holds the store may.
    Raises what the driver raises."""
    address = make_url(url)
    address = address.set(drivername=DRIVERS[address.get_backend_name()])
    engine = create_async_engine(address, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_to_head)
            await connection.commit()
    except DBAPIError as error:
        raise (error.orig or error) from None
    finally:
        await engine.dispose()


def _to_head(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
