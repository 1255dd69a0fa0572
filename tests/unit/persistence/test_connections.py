"""The database is spoken to in the driver's threads alone: the loop never waits for the disk."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from services.notify.database import SyncedConnection
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection, WriterConnection
from shared.commands import Inbox
from shared.sqlite.held import Held
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log


async def test_s98_no_statement_runs_in_the_loops_thread(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(lambda statement: threads.add(threading.get_ident()))

    class Writer(WriterConnection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            watch(self)

    class Reader(ReaderConnection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            watch(self)

    monkeypatch.setattr("services.persistence.store.store.WriterConnection", Writer)
    held = Held(f"sqlite:///{database}", Reader)
    try:
        async with opened(database) as store:
            await Log(store).say("alice", "bob", "hello")
            await Queries(held, store.epoch).answer(Inbox(user_id="bob"))
    finally:
        await held.close()
    assert len(threads) == 2
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("kind", [WriterConnection, ReaderConnection, SyncedConnection])
def test_f_t0b_a_connection_that_cannot_be_set_up_is_closed(
    kind: type[sqlite3.Connection], tmp_path: Path
) -> None:
    made: list[sqlite3.Connection] = []

    class Refusing(kind):  # type: ignore[misc, valid-type]
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            made.append(self)
            if "busy_timeout" in sql:
                raise sqlite3.OperationalError("database is locked")
            return super().execute(sql, parameters)  # type: ignore[no-any-return]

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Refusing(tmp_path / "store.db")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        sqlite3.Connection.execute(made[0], "SELECT 1")
