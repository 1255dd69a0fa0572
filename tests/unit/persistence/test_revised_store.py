"""Edits, deletions and reactions in a real SQLite file, and the reads that show them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.persistence.queries import Queries
from services.persistence.store.store import Store
from shared import commands
from shared.commands import (
    Batch,
    DeleteMessage,
    EditMessage,
    History,
    Inbox,
    LogPage,
    LogPageAnswer,
    Marks,
    MarksAnswer,
    MarksRow,
    Question,
    React,
    Refused,
    Result,
    Snapshot,
    Unread,
)
from shared.subjects import direct_conversation_id
from tests.unit.persistence.log import Log
from tests.unit.persistence.reads import feed

AB = direct_conversation_id("alice", "bob")
THUMB = "\U0001f44d"


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        found = connection.execute(sql).fetchall()
    return found


def edit(message_id: int, content: str, user_id: str = "alice") -> EditMessage:
    return EditMessage(user_id=user_id, message_id=message_id, content=content)


def delete(user_id: str, message_id: int, mode: Any = "everyone") -> DeleteMessage:
    return DeleteMessage(user_id=user_id, message_id=message_id, mode=mode)


def react(user_id: str, message_id: int, emoji: str = THUMB, *, remove: bool = False) -> React:
    return React(user_id=user_id, message_id=message_id, emoji=emoji, remove=remove)


async def page(queries: Queries, asked: Question) -> dict[str, Any]:
    answer = await queries.answer(asked)
    found: dict[str, Any] = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return found


async def history(queries: Queries, user_id: str, **asked: Any) -> list[dict[str, Any]]:
    found = await page(queries, History(user_id=user_id, conversation_id=AB, **asked))
    return list(found["messages"])


async def marks(queries: Queries, user_id: str) -> MarksRow:
    asked = Marks(asked=[Unread(user_id=user_id, conversation_id=AB)])
    answer = await queries.answer(asked)
    [row] = commands.open_answer(answer, MarksAnswer).rows
    assert row is not None
    return row


@pytest.fixture
async def talk(log: Log) -> Log:
    """Alice to Bob, messages 1 to 5."""
    await log.people("alice", "bob")
    await log.say("alice", "bob", *"12345")
    return log


async def test_s47_what_a_message_said_before_is_kept(talk: Log, database: Path) -> None:
    await talk.run(edit(1, "one"))
    await talk.run(edit(1, "uno"), edit(1, "eins"))
    assert rows(database, "SELECT version, content FROM versions WHERE message_id = 1") == [
        (1, "1"),
        (2, "one"),
        (3, "uno"),
    ]
    assert rows(database, "SELECT version, content FROM messages WHERE message_id = 1") == [
        (4, "eins")
    ]


async def test_s66_a_wipe_takes_content_versions_and_reactions_along(
    talk: Log, database: Path
) -> None:
    before = rows(database, "SELECT content_hash FROM messages WHERE message_id = 1")
    await talk.run(edit(1, "secret"), react("bob", 1), delete("alice", 1))
    assert rows(database, "SELECT * FROM versions") == []
    assert rows(database, "SELECT * FROM reactions") == []
    after = rows(database, "SELECT content, content_hash FROM messages WHERE message_id = 1")
    assert after == [("", before[0][0])]
    for (table,) in rows(database, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        found = str(rows(database, f"SELECT * FROM {table}"))  # noqa: S608 - a table's name
        assert "secret" not in found
        assert THUMB not in found


async def test_r1_a_late_old_edit_changes_no_row(store: Store, talk: Log, database: Path) -> None:
    def batch(number: int, content: str) -> Batch:
        return Batch(lane="edits", number=number, commands=[edit(1, content)])

    for number, content in ((1, "old"), (2, "new"), (1, "old"), (2, "new")):
        await store.commit([batch(number, content)])
    assert rows(database, "SELECT content, version FROM messages WHERE message_id = 1") == [
        ("new", 3)
    ]


async def test_d18_a_hidden_message_is_in_no_read_of_that_user(talk: Log, queries: Queries) -> None:
    await talk.run(*[delete("bob", message_id, "me") for message_id in (2, 4, 5)])
    assert [m["content"] for m in await history(queries, "bob")] == ["1", "3"]
    assert [m["content"] for m in await history(queries, "bob", after_id=1)] == ["3"]
    assert [m["content"] for m in await history(queries, "bob", before_id=3)] == ["1"]
    assert [m["content"] for m in await history(queries, "bob", before_id=5)] == ["1", "3"]
    assert [m["content"] for m in await history(queries, "alice")] == list("12345")
    [bobs] = (await page(queries, Inbox(user_id="bob")))["conversations"]
    [alices] = (await page(queries, Inbox(user_id="alice")))["conversations"]
    assert (bobs["unread_count"], bobs["last_message"]["content"]) == (2, "3")
    assert alices["last_message"]["content"] == "5"
    told = await marks(queries, "bob")
    assert (told.unread, [preview.content for preview in told.previews]) == (2, ["1", "3"])
    events = (await feed(queries, "bob", 0)).events
    assert [event.cursor for event in events] == list(range(1, 9))
    assert [bool(event.body) for event in events] == [True, False, True, False, False] + [True] * 3
    assert [event.seq for event in events if event.seq] == [1, 3]


async def test_when_everything_is_hidden_the_inbox_shows_no_last_message(
    talk: Log, queries: Queries
) -> None:
    await talk.run(*[delete("bob", message_id, "me") for message_id in range(1, 6)])
    [chat] = (await page(queries, Inbox(user_id="bob")))["conversations"]
    assert (chat["last_message"], chat["unread_count"], chat["last_seq"]) == (None, 0, 5)
    assert await history(queries, "bob") == []


async def test_a_wiped_message_is_not_unread(talk: Log, queries: Queries) -> None:
    await talk.run(delete("alice", 5), delete("alice", 4))
    [chat] = (await page(queries, Inbox(user_id="bob")))["conversations"]
    assert (chat["unread_count"], chat["last_message"]["content"]) == (3, "")
    told = await marks(queries, "bob")
    assert (told.unread, [preview.content for preview in told.previews]) == (3, ["1", "2", "3"])


async def test_a_follower_hears_of_new_messages_only(talk: Log, queries: Queries) -> None:
    await talk.run(edit(1, "one"), react("bob", 1), delete("bob", 1, "me"), delete("alice", 2))
    asked = LogPage(follower="notify", positions={})
    answer = await queries.answer(asked)
    found = commands.open_answer(answer, LogPageAnswer)
    assert [(row.user_id, row.kind, row.seq) for row in found.rows] == [
        ("bob", "message", seq) for seq in range(1, 6)
    ]


async def test_reactions_are_shown_in_their_order_without_what_was_taken_back(
    talk: Log, queries: Queries
) -> None:
    results: list[Result] = []
    for told in (
        react("bob", 1, "b"),
        react("alice", 1, "a"),
        react("alice", 1, "b"),
        react("bob", 1, "b", remove=True),
        react("bob", 1, 'quo"te'),
    ):
        results += await talk.run(told)
    assert not any(isinstance(result, Refused) for result in results)
    [first, *others] = await history(queries, "bob")
    assert first["reactions"] == [
        {"emoji": "a", "user_ids": ["alice"]},
        {"emoji": "b", "user_ids": ["alice"]},
        {"emoji": 'quo"te', "user_ids": ["bob"]},
    ]
    assert all("reactions" not in other for other in others)
    await talk.run(react("bob", 1, "b"))
    [again] = [m for m in await history(queries, "bob") if m["message_id"] == 1]
    assert again["reactions"][0] == {"emoji": "b", "user_ids": ["bob", "alice"]}
