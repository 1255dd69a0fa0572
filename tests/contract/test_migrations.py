"""One history of the schema for both databases: it runs on each, twice, and gives the same."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.notify import database
from services.notify import migrate as notify
from services.persistence.store import migrate as persistence
from services.persistence.store import schema
from shared.errors import StartError
from tests.support.postgres import postgres_server

Upgrade = Callable[[str], Awaitable[None]]
Schema = dict[str, dict[str, Any]]

ROOT = Path(__file__).parents[2]
ASYNC = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


async def upgrade_notify(url: str) -> None:
    """On SQLite as the service does; this release keeps notify nowhere else."""
    if make_url(url).get_backend_name() == "sqlite":
        await asyncio.to_thread(notify.upgrade, url)
    else:
        await on_connection(url, _notify_to_head)


def _notify_to_head(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(notify.MIGRATIONS))
    command.upgrade(config, "head")


UPGRADES = {"persistence": persistence.upgrade, "notify": upgrade_notify}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Any]:
    if sys.platform == "win32":
        pytest.skip("PostgreSQL from PyPI is not there for Windows")
    with postgres_server() as server:
        yield server


def test_f_t0c_its_lock_is_where_no_other_user_of_the_machine_is(postgresql: Any) -> None:
    folder = type(postgresql).lock_path.parent.parent.stat()
    assert folder.st_uid == os.getuid()
    assert folder.st_mode & 0o077 == 0


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


@pytest.mark.parametrize(
    ("service", "known"), [("persistence", schema.REVISION), ("notify", database.REVISION)]
)
def test_each_service_knows_the_newest_revision(service: str, known: str) -> None:
    history = ROOT / "services" / service / "migrations"
    config = Config()
    config.set_main_option("script_location", str(history))
    assert ScriptDirectory.from_config(config).get_current_head() == known


FEED_OF_0014 = """
INSERT INTO feed (user_id, cursor, writer, n, kind, message_id, conversation_id, actor_id,
  created_at, reaction, change_id, delivered_seq, read_seq)
VALUES ('bob', 7, '1', 12, 'message', 5, NULL, NULL, 90, NULL, NULL, NULL, NULL),
  ('alice', 3, '1', 11, 'receipt', NULL, 'd', 'alice', 80, NULL, NULL, 4, NULL),
  ('bob', 6, '1', 10, 'reaction', 5, NULL, NULL, 70, 2, NULL, NULL, NULL),
  ('alice', 4, '1', 13, 'member_added', NULL, 'g', 'bob', 95, NULL, 6, NULL, NULL)
"""
FEED = """
SELECT n, user_id, cursor, kind, message_id, conversation_id, actor_id, created_at, reaction,
  change_id, delivered_seq, read_seq FROM feed ORDER BY n
"""


async def test_the_feed_of_schema_0014_is_kept_row_by_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"

    def there_and_back(connection: Connection) -> list[Any]:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(ROOT / "services/persistence/migrations"))
        command.upgrade(config, "0014")
        connection.execute(text(FEED_OF_0014))
        found: list[Any] = [connection.execute(text(FEED)).fetchall()]
        for step, revision in ((command.upgrade, "0015"), (command.downgrade, "0014")):
            step(config, revision)
            found.append(connection.execute(text(FEED)).fetchall())
        return found

    before, after, again = await on_connection(url, there_and_back)
    assert [row[0] for row in before] == [10, 11, 12, 13]
    assert before == after == again


def test_a_store_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    store, notes = (f"sqlite:///{tmp_path / name}" for name in ("store.db", "notify.db"))
    asyncio.run(persistence.upgrade(store))
    notify.upgrade(notes)
    script = f"""
import asyncio, sys
from services.notify.database import open_database
from services.persistence.store.schema import bring_up_to_date

async def open_both():
    await bring_up_to_date({store!r})
    async with open_database({notes!r}):
        pass

asyncio.run(open_both())
sys.exit("alembic" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


async def test_the_store_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await persistence.upgrade(f"sqlite:///{path}")
    _make_newer(path)
    with pytest.raises(StartError, match="schema 9999, of a newer release"):
        await schema.bring_up_to_date(f"sqlite:///{path}")


async def test_the_database_of_a_newer_notify_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notify.db"
    notify.upgrade(f"sqlite:///{path}")
    _make_newer(path)
    with pytest.raises(StartError, match="schema 9999, of a newer release"):
        async with database.open_database(f"sqlite:///{path}"):
            pass


def _make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


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
    """Return the parts of the schema on which both databases have to agree, in common terms."""
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
