"""Notify forgets who is erased, and nobody else."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from services.notify.store import erasure as module
from services.notify.store.erasure import Erasure
from services.notify.store.store import Progress, Store, open_store
from shared.commands import EraseNotices, LogRow
from shared.subjects import direct_conversation_id
from tests.support.background import running
from tests.support.files import holding as holding_in
from tests.support.waiting import eventually

CANARY = "canary-5f1c7e"
NOW = 1_700_000_000_000_000
ITEM = """
INSERT INTO items VALUES (?, ?, 'post_liked', '', 'normal', ?, '', ?, '', ?, 0, 0, 1, 0, 1, 1, 0, 0)
"""
DELIVERY = """
INSERT INTO deliveries (delivery_id, channel, user_id, thread, first_seq, last_seq, count, state,
  reason, due_at, claims, attempts, created_at, closed_at)
VALUES (?, 'push', ?, ?, 1, 1, 1, ?, '', 1, 0, 0, 1, 0)
"""
TABLES = (
    *("items", "deliveries", "watches", "preferences", "push_subscriptions", "pushes"),
    "refusals",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notify.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{file}") as store:
        await store.between(filled)
        yield store


@pytest.fixture
def erasure(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> Erasure:
    monkeypatch.setattr(module, "WALKED", 2)
    monkeypatch.setattr(module, "PAUSE", 0)
    letters = file.parent / "mail"
    letters.mkdir()
    (letters / "d1.eml").write_text(CANARY)
    return Erasure(store.between, store.apart, store.erasing, letters, lambda: NOW)


def filled(connection: sqlite3.Connection) -> None:
    """The same of xena and bob, and what others were told of xena."""
    for user_id, said in (("xena", CANARY), ("bob", "stays")):
        put = connection.execute
        put(ITEM, (f"i-{user_id}", user_id, said, "eve", ""))
        put(DELIVERY, (f"d1-{user_id}", user_id, f"n:{said}", "waiting"))
        put(DELIVERY, (f"d2-{user_id}", user_id, f"m:{said}", "failed"))
        put("INSERT INTO pushes VALUES (?, ?, 'sent', 1, 0)", (f"d1-{user_id}", said))
        put("INSERT INTO watches VALUES (?, ?, 'email', 1, 1, 1, 1, 1)", (user_id, said))
        put("INSERT INTO preferences VALUES (?, ?)", (user_id, f'"{said}"'))
        put("INSERT INTO push_subscriptions VALUES (?, ?, 'p', 'a', 1)", (said, user_id))
        put("INSERT INTO refusals VALUES (?, ?, 1)", (user_id, said))
    connection.execute(ITEM, ("j1", "bob", f"{CANARY} likes you", "xena", ""))
    direct = direct_conversation_id("bob", "xena")
    connection.execute(ITEM, ("j2", "bob", CANARY, "xena", direct))
    connection.execute(ITEM, ("j3", "bob", "a group", "xena", "g" * 32))


def told(kind: str, n: int) -> LogRow:
    return LogRow("1", n, "xena", kind, "", 0, 0, "xena", NOW)


def holding(file: Path) -> list[str]:
    return holding_in(file.parent, CANARY)


def counts(file: Path, user_id: str) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as connection:
        owner = {table: f"user_id = '{user_id}'" for table in TABLES}
        owner["pushes"] = f"delivery_id LIKE '%-{user_id}'"
        return {
            table: connection.execute(
                f"SELECT count(*) FROM {table} WHERE {owner[table]}"  # noqa: S608
            ).fetchone()[0]
            for table in TABLES
        }


async def test_nothing_of_who_is_erased_is_left_in_the_files(
    store: Store, erasure: Erasure, file: Path
) -> None:
    bobs = counts(file, "bob")
    await store.follow(Progress("e", {"1": 1}), [told("erasing", 1)], NOW, {})
    assert {"notify.db-wal", "d1.eml"} <= set(holding(file))
    async with running(erasure.run()):
        await eventually(lambda: holding(file) == [])
    assert counts(file, "xena") == dict.fromkeys(TABLES, 0)
    assert counts(file, "bob") == {**bobs, "items": bobs["items"] - 2}


async def test_what_was_made_in_between_goes_when_the_log_says_that_all_is_gone(
    store: Store, erasure: Erasure, file: Path
) -> None:
    await store.follow(Progress("e", {"1": 1}), [told("erasing", 1)], NOW, {})
    await erasure.erase()
    await store.between(lambda raw: raw.execute(ITEM, ("late", "xena", CANARY, "bob", "")))
    await erasure.erase()
    assert counts(file, "xena")["items"] == 1
    await store.follow(Progress("e", {"1": 2}), [told("erased", 2)], NOW, {})
    await erasure.erase()
    assert holding(file) == []


async def test_who_asks_whether_it_is_done_begins_what_the_log_has_not_said(
    store: Store, erasure: Erasure, file: Path
) -> None:
    asked = EraseNotices(user_id="xena", since=NOW)
    assert not (await erasure.state(asked)).finished
    assert not (await erasure.state(asked)).finished
    await erasure.erase()
    assert (await erasure.state(asked)).finished
    assert not (await erasure.state(EraseNotices(user_id="xena", since=NOW + 1))).finished
    await erasure.erase()
    assert holding(file) == []
