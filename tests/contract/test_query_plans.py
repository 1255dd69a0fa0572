"""No statement of the store reads a whole table: SQLite's own plan of each says so."""

import asyncio
import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from types import ModuleType

import pytest

from services.persistence import queries
from services.persistence.store import index, statements
from services.persistence.store.migrate import upgrade

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
SHORT = re.compile(r"^services\.persistence\.(?:store\.)?")
PARAMETER = re.compile(r"\?(\d*)")
SCAN = re.compile(r"^SCAN (\w+)(?! VIRTUAL TABLE)|AUTOMATIC (?:COVERING )?INDEX")
OWN_STEP = re.compile(r"^(?:CO-ROUTINE|MATERIALIZE) (\w+)")  # of the plan itself: narrow already
AT_START = {"statements.FORGET_LANES"}  # once, over at most the lanes kept and one start's more


def modules() -> Iterator[ModuleType]:
    yield from (statements, index)
    for found in pkgutil.iter_modules(queries.__path__):
        yield importlib.import_module(f"{queries.__name__}.{found.name}")


def found_statements() -> dict[str, str]:
    return {
        f"{SHORT.sub('', module.__name__)}.{name}": text
        for module in modules()
        for name, text in vars(module).items()
        if name.isupper()
        and name[0] != "_"  # a part: what is made of it is tried
        and isinstance(text, str)
        and text.strip().startswith(VERBS)
    }


STATEMENTS = found_statements()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("plans") / "linkup.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def scans(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The steps that walk a table, or build an index of it on the fly."""
    numbers = PARAMETER.findall(sql)
    count = max((int(number) for number in numbers if number), default=len(numbers))
    asked = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count)
    steps = [row[3] for row in asked]
    own = {found[1] for step in steps if (found := OWN_STEP.match(step))}
    return [
        step
        for step in steps
        if (found := SCAN.search(step)) and found[1] not in {*own, "CONSTANT"}
    ]


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - AT_START))
def test_d3_d26_no_statement_reads_a_whole_table(store: sqlite3.Connection, name: str) -> None:
    assert scans(store, STATEMENTS[name]) == []


def test_all_the_statements_are_tried() -> None:
    assert {"statements.LAST", "index.NEXT", "queries.inbox.INBOX"} <= STATEMENTS.keys()
    assert len(STATEMENTS) > 50


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM messages WHERE content = ?",
        "SELECT count(*) FROM messages",
        "DELETE FROM feed WHERE message_id = ?1",
        "SELECT 1 FROM members AS b JOIN messages AS m ON m.content = b.user_id"
        " WHERE b.conversation_id = ?1",
        *[STATEMENTS[name] for name in sorted(AT_START)],
    ],
)
def test_a_statement_that_does_is_found_out(store: sqlite3.Connection, sql: str) -> None:
    assert scans(store, sql) != []
