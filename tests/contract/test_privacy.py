"""The operator finds each table in the list of what is stored of a user."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.stores import empty_store

DOCUMENT = Path(__file__).parents[2] / "docs/privacy.md"
# What has nothing of a user's.
OTHERS = {
    "linkup.db": {"alembic_version", "meta", "followers", "report_numbers", "sqlite_sequence"},
    "notify.db": {"alembic_version", "progress", "keys", "webhooks", "sqlite_sequence"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_table_is_in_the_list_of_personal_data(name: str) -> None:
    with closing(sqlite3.connect(empty_store().with_name(name))) as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    [listed] = [
        part for part in DOCUMENT.read_text("utf-8").split("\n## ") if f"(`{name}`)" in part[:40]
    ]
    missing = [table for (table,) in found if f"`{table}`" not in listed]
    assert set(missing) <= OTHERS[name], f"not in docs/privacy.md: {missing}"
