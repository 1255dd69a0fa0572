"""A database that is written anew has no copy of what was deleted, and leaves none elsewhere."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.sqlite import overwriting
from shared.sqlite.overwriting import empty_the_log, write_anew

CANARY = "canary-5f1c7e"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "one.db", isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("PRAGMA secure_delete=0")
        made.execute("CREATE TABLE said (content TEXT)")
        made.execute("INSERT INTO said VALUES (?)", (CANARY,))
        made.execute("DELETE FROM said")
        yield made


def holding(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir() if CANARY.encode() in one.read_bytes()]


def test_what_was_deleted_is_in_no_file(connection: sqlite3.Connection, tmp_path: Path) -> None:
    assert empty_the_log(connection)
    assert holding(tmp_path) == ["one.db"]
    assert write_anew(connection)
    assert empty_the_log(connection)
    assert holding(tmp_path) == []


@pytest.mark.parametrize("usual", [0, 2], ids=["default", "memory"])
def test_no_temporary_file_is_needed(
    usual: int, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no place for one where only the data directory can be written. Afterwards, temporary
    files are where they were before: notify has none."""
    connection.execute(f"PRAGMA temp_store={usual}")
    for variable in ("SQLITE_TMPDIR", "TMPDIR"):
        monkeypatch.setenv(variable, "/nowhere")
    said: list[str] = []
    connection.set_trace_callback(said.append)
    assert write_anew(connection)
    assert said.index("PRAGMA temp_store=MEMORY") < said.index("VACUUM")
    assert connection.execute("PRAGMA temp_store").fetchone() == (usual,)


def test_a_large_database_and_a_full_disk_are_left_as_they_are(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("INSERT INTO said VALUES (zeroblob(1000000))")
    [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
    with monkeypatch.context() as limited:
        limited.setattr(overwriting, "MOST_BYTES", 4096 * (pages - 1))
        assert not write_anew(connection)
    connection.execute("BEGIN")  # what SQLite refuses then, it refuses as it does for want of room
    assert not write_anew(connection)
    connection.execute("ROLLBACK")
    assert write_anew(connection)


def test_a_reader_keeps_the_log_and_is_not_waited_for(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    connection.execute("PRAGMA busy_timeout=60000")
    with closing(sqlite3.connect(tmp_path / "one.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM said").fetchall()
        connection.execute("INSERT INTO said VALUES ('more')")
        assert not empty_the_log(connection)
        reader.execute("COMMIT")
    assert empty_the_log(connection)
    assert connection.execute("PRAGMA busy_timeout").fetchone() == (60000,)
