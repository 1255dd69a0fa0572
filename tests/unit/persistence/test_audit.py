"""The auditor finds each of its corruptions in a real store, and nothing in a healthy one."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import get_args

import pytest

from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from services.persistence.upkeep import auditor as auditor_module
from services.persistence.upkeep.audit import Pass
from services.persistence.upkeep.auditor import Auditor
from services.persistence.upkeep.rules import WALKS
from services.persistence.upkeep.violations import SENTENCES, Kind, Violation
from shared.commands import (
    AddMembers,
    CreateGroup,
    DeleteMessage,
    React,
    RemoveMember,
    SetBlock,
    Stored,
    StoreMessage,
)
from shared.health.counters import Counters
from shared.health.records import Ledger, use
from shared.sqlite.held import Held
from shared.subjects import direct_conversation_id
from tests.support.background import running
from tests.support.waiting import eventually
from tests.unit.persistence.log import Log, message

AB = direct_conversation_id("alice", "bob")
SMALL = 3  # rows of a page: what is broken lies across the border of two, too

# What is done to the store by SQL; the violation that is found, and its number.
PLANTED: dict[str, tuple[str, Kind, int | None]] = {
    "a hole in seq": ("DELETE FROM messages WHERE message_id = 5", "seq_hole", 5),
    "the last message away": ("DELETE FROM messages WHERE message_id = 9", "seq_hole", 9),
    "the same seq twice": ("UPDATE messages SET seq = 4 WHERE message_id = 5", "seq_twice", 4),
    "a conversation that counts too few": (
        "UPDATE conversations SET last_seq = 8 WHERE last_seq = 9",
        "last_seq_behind",
        8,
    ),
    "a hole in cursor": (
        "DELETE FROM feed WHERE user_id = 'bob' AND cursor = 4",
        "cursor_hole",
        4,
    ),
    "the last row of a feed away": (
        "DELETE FROM feed WHERE user_id = 'alice' AND cursor = 9",
        "cursor_hole",
        9,
    ),
    "a head below the last cursor": (
        "UPDATE heads SET head = 7 WHERE user_id = 'bob'",
        "head_below_cursor",
        7,
    ),
    "no head": ("DELETE FROM heads WHERE user_id = 'bob'", "head_below_cursor", 0),
    "delivered above last": (
        "UPDATE members SET delivered_seq = 10 WHERE user_id = 'alice'",
        "delivered_above_last",
        10,
    ),
    "read above delivered": (
        "UPDATE members SET read_seq = 5, delivered_seq = 4 WHERE user_id = 'alice'",
        "read_above_delivered",
        5,
    ),
    "a member without a feed row": (
        "DELETE FROM feed WHERE user_id = 'bob' AND cursor = 4;"
        "UPDATE feed SET cursor = cursor - 1 WHERE user_id = 'bob' AND cursor > 4;"
        "UPDATE heads SET head = head - 1 WHERE user_id = 'bob'",
        "member_without_feed_row",
        4,
    ),
    "nobody was told": (
        "DELETE FROM feed WHERE message_id = 4;"
        "UPDATE feed SET cursor = cursor - 1 WHERE user_id IN ('alice', 'bob') AND cursor > 4;"
        "UPDATE heads SET head = head - 1 WHERE user_id IN ('alice', 'bob')",
        "member_without_feed_row",
        4,
    ),
    "a feed row without its message": (
        "INSERT INTO feed (user_id, cursor, n, kind, message_id, created_at)"
        " SELECT 'bob', 10, max(n) + 1, 'reaction', 99, 0 FROM feed;"
        "UPDATE heads SET head = 10 WHERE user_id = 'bob'",
        "feed_row_without_message",
        10,
    ),
    "a client_id twice": (
        "UPDATE messages SET client_id = 'alice-1' WHERE message_id = 5",
        "client_id_twice",
        None,
    ),
    "erased text that is indexed": (
        "UPDATE messages SET content = '', deleted_at = 1 WHERE message_id = 5",
        "erased_text_indexed",
        None,
    ),
}


@pytest.fixture
async def healthy(talk: Log, database: Path) -> Path:
    """Two conversations, all of it in the index, and nobody who has it open."""
    await talk.store.index(1000, 1_000_000)
    await talk.store.close()
    return database


@contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, factory=ReaderConnection, isolation_level=None)) as reader:
        yield reader


def audited(path: Path, rows: int = SMALL, *, all_of_it: bool = True) -> list[Violation]:
    found: list[Violation] = []
    with looking(path) as reader:
        current = Pass(all_of_it)
        while current.walk is not None:
            found += current.step(reader, rows)
    return found


def plant(path: Path, script: str) -> None:
    """As a defect or a bad disk would leave it: no index stands in the way."""
    with closing(sqlite3.connect(path)) as other, other:
        for name, table, columns in (
            ("messages_once", "messages", "sender_id, client_id"),
            ("messages_in_order", "messages", "conversation_id, seq"),
        ):
            other.execute(f"DROP INDEX {name}")
            other.execute(f"CREATE INDEX {name} ON {table} ({columns})")
        other.executescript(script)


@pytest.mark.parametrize("name", PLANTED)
async def test_f_a1_each_corruption_is_found_and_named(healthy: Path, name: str) -> None:
    script, kind, number = PLANTED[name]
    plant(healthy, script)
    for rows in (1, SMALL, 2048):
        found = [one for one in audited(healthy, rows) if one.kind == kind]
        assert number in [one.number for one in found], (rows, found)
        assert len(found) == len(set(found))
    for one in found:
        assert any(
            str(known) in one.text for known in (one.conversation_id, one.message_id, one.user_id)
        )
        assert not re.search("None|[{}]", one.text + one.remedy)


async def test_the_remedy_in_sql_ends_its_finding(healthy: Path) -> None:
    script, kind, _ = PLANTED["erased text that is indexed"]
    plant(healthy, script)
    [remedy] = {one.remedy for one in audited(healthy) if one.kind == kind}
    [statement] = re.findall("`(DELETE .+?)`", remedy)
    with closing(sqlite3.connect(healthy)) as store, store:
        store.execute(statement)
    assert kind not in {one.kind for one in audited(healthy)}


def test_every_kind_has_its_sentence() -> None:
    assert set(SENTENCES) == set(get_args(Kind))


@pytest.mark.parametrize("rows", [1, SMALL, 2048])
async def test_f_a1_nothing_is_found_in_a_healthy_store(healthy: Path, rows: int) -> None:
    assert audited(healthy, rows) == []


async def test_f_a1_nothing_is_found_after_all_that_may_happen(
    talk: Log, database: Path, store: Store
) -> None:
    """Groups that people join and leave, erased messages, reactions, blocks, a pruned feed."""
    await talk.run(
        CreateGroup(user_id="alice", conversation_id="g", title="t", members=["bob", "carol"])
    )
    [first] = await talk.run(_said("alice", "g", "one"))
    await talk.run(
        _said("bob", "g", "two"),
        RemoveMember(user_id="alice", conversation_id="g", member_id="carol"),
    )
    await talk.run(_said("bob", "g", "three"))
    await talk.run(AddMembers(user_id="alice", conversation_id="g", members=["carol", "dave"]))
    await talk.run(_said("dave", "g", "four"))
    assert isinstance(first, Stored)
    await store.index(1000, 1_000_000)
    await talk.run(React(user_id="bob", message_id=first.message_id, emoji="👍", remove=False))
    await talk.run(DeleteMessage(user_id="alice", message_id=first.message_id, mode="everyone"))
    await talk.run(DeleteMessage(user_id="bob", message_id=1, mode="me"))
    await talk.read("bob", "alice", 9)
    await talk.run(SetBlock(user_id="bob", other_id="alice", conversation_id=AB, blocked=True))
    assert audited(database) == []
    with closing(sqlite3.connect(database)) as other:
        [(rows,)] = other.execute("SELECT count(*) FROM feed")
        for upto in range(rows):  # in the midst of a message's rows as well
            with other:
                other.execute("DELETE FROM feed WHERE n <= ?", (upto,))
            assert audited(database) == [], upto


def _said(user_id: str, conversation_id: str, content: str) -> StoreMessage:
    return StoreMessage(
        user_id=user_id,
        connection_id="",
        client_id=content,
        conversation_id=conversation_id,
        content=content,
    )


async def test_f_a1_nothing_is_found_in_ten_thousand_messages_while_more_come(
    log: Log, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor_module, "REST", 0)
    others = [f"u{number}" for number in range(50)]
    await log.people("alice", *others)
    for number in range(20):
        await log.run(*[message("alice", to, f"{number}-{n}") for to in others for n in range(10)])
    await log.store.index(500, 1_000_000)
    held = Held(f"sqlite:///{database}", ReaderConnection)
    auditing = asyncio.create_task(Auditor(held, Counters(), every=1).audit())
    more = 0
    while not auditing.done():
        more += 1
        await log.run(*[message("alice", to, f"more-{more}") for to in others])
    assert (await auditing).total() == 0
    assert more > 2
    await held.close()


async def test_a_clock_that_was_set_back_makes_no_violation(healthy: Path) -> None:
    """A message from before somebody joined, but of a later time."""
    with closing(sqlite3.connect(healthy)) as other, other:
        other.execute("INSERT INTO group_changes VALUES (100, ?, 1, ?, 'a', ?, 0)", _joined())
        other.execute(
            "INSERT INTO members (conversation_id, user_id, delivered_seq, read_seq, updated_at,"
            " joined_at) VALUES (?, 'carol', 9, 9, 0, 1)",
            (AB,),
        )
    assert audited(healthy) == []


def _joined() -> tuple[str, str, str]:
    return AB, "member_added", '["carol"]'


async def test_without_all_of_it_the_slow_walks_are_left_out(healthy: Path) -> None:
    plant(healthy, PLANTED["a client_id twice"][0] + ";" + PLANTED["a hole in cursor"][0])
    assert {one.kind for one in audited(healthy)} >= {"client_id_twice", "cursor_hole"}
    assert "client_id_twice" not in {one.kind for one in audited(healthy, all_of_it=False)}


async def test_no_page_walks_a_whole_table(healthy: Path) -> None:
    """As `test_query_plans` sees to it for what users ask."""
    with looking(healthy) as reader:
        for walk in WALKS:
            place = dict(zip(("a1", "a2", "a3"), walk.begin, strict=True))
            plan = reader.execute(f"EXPLAIN QUERY PLAN {walk.page_end}", {**place, "rows": 1})
            steps = [row[3] for row in plan]
            assert any("SEARCH" in step for step in steps), steps
            assert not any(step.startswith(("SCAN messages", "SCAN feed")) for step in steps)


# ------------------------------------------------------------------ in the background


@pytest.fixture
async def auditor(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Auditor, Counters]]:
    monkeypatch.setattr(auditor_module, "FIRST", 0.01)
    monkeypatch.setattr(auditor_module, "RETRY", 0.01)
    held = Held(f"sqlite:///{healthy}", ReaderConnection)
    counters = Counters()
    yield Auditor(held, counters, every=0.01), counters
    await held.close()


async def test_f_a1_what_the_auditor_finds_is_counted_recorded_and_told(
    auditor: tuple[Auditor, Counters], healthy: Path
) -> None:
    one, counters = auditor
    plant(healthy, PLANTED["a hole in seq"][0])
    with use(Ledger("persistence")) as errors:
        found = await one.audit()
    assert found["seq_hole"] == 1
    assert counters.counts["invariant.seq_hole"] == 1
    kinds = {record.context["code"] for record in errors.recent()}
    assert kinds == set(found)
    assert {record.category for record in errors.recent()} == {"invariant_violation"}
    assert one.check().status == "warn"
    assert "1 of seq_hole" in one.check().output


async def test_what_was_mended_is_no_longer_told(
    auditor: tuple[Auditor, Counters], healthy: Path
) -> None:
    one, _ = auditor
    plant(healthy, "UPDATE heads SET head = 7 WHERE user_id = 'bob'")
    async with running(one.run()):
        await eventually(lambda: one.check().status == "warn")
        plant(healthy, "UPDATE heads SET head = 9 WHERE user_id = 'bob'")
        await eventually(lambda: one.check().status == "pass")


async def test_an_audit_goes_on_after_the_store_was_out_of_reach(
    auditor: tuple[Auditor, Counters], healthy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = auditor
    plant(healthy, "ALTER TABLE conversations RENAME TO away")
    auditing = asyncio.create_task(one.audit())
    await eventually(lambda: "the audit waits" in caplog.text)
    plant(healthy, "ALTER TABLE away RENAME TO conversations")
    assert (await auditing).total() == 0


async def test_with_a_setting_of_0_there_is_no_audit(healthy: Path) -> None:
    held = Held(f"sqlite:///{healthy}", ReaderConnection)
    await asyncio.wait_for(Auditor(held, Counters(), every=0).run(), 1)


@pytest.mark.parametrize(
    ("took", "rows"), [(0.0, 2048), (0.005, 1024), (1.0, 1024)], ids=["quick", "well", "slow"]
)
def test_a_page_takes_some_milliseconds(took: float, rows: int) -> None:
    assert auditor_module.adapted(1024, took) == rows
    assert auditor_module.adapted(4096, 1.0) == 2048
