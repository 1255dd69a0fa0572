"""Search on a real SQLite file: what it finds, what it costs, and what an erasure leaves of it."""

import asyncio
import importlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from services.persistence.migrations.versions import r0012_unseen
from services.persistence.queries import Queries
from services.persistence.store import index, words
from services.persistence.store.connections import WriterConnection
from services.persistence.store.store import Store
from services.persistence.upkeep import indexer
from services.persistence.upkeep.indexer import Indexer
from shared import commands
from shared.commands import (
    AddMembers,
    ClearConversation,
    CreateGroup,
    DeleteMessage,
    EditMessage,
    RemoveMember,
    Search,
    Snapshot,
    Stored,
    StoreMessage,
)
from shared.errors import NotFound
from shared.subjects import direct_conversation_id
from tests.support.background import running
from tests.support.stores import revising
from tests.support.waiting import eventually
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log, message

AB = direct_conversation_id("alice", "bob")
CANARY = "xylophonist"

Find = Callable[..., Awaitable[list[str]]]


async def everything_indexed(store: Store) -> None:
    while await store.index(1000, 1_000_000):
        pass


async def answer(queries: Queries, **asked: Any) -> dict[str, Any]:
    reply = await queries.answer(Search(**asked))
    found: dict[str, Any] = msgspec.json.decode(commands.open_answer(reply, Snapshot).body)
    return found


@pytest.fixture
def find(store: Store, queries: Queries) -> Find:
    """All pages of what a user finds, once everything is indexed."""

    async def find(q: str, user_id: str = "bob", **asked: Any) -> list[str]:
        await everything_indexed(store)
        contents: list[str] = []
        before = None
        while True:
            page = await answer(queries, user_id=user_id, q=q, before=before, **asked)
            contents += [row["content"] for row in page["messages"]]
            before = page["next"]
            if before is None:
                return contents

    return find


@pytest.fixture
async def talk(log: Log) -> Log:
    await log.people("alice", "bob", "carol")
    return log


async def test_f_s13_a_store_of_before_finds_what_cannot_be_seen_in_words(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of an erased message are forgotten too: no row of the older index stays."""
    texts = [
        "zu\u00adsam\u00admen",
        "plain",
        "ein \u2764\ufe0f",
        "\u0131s\u200bparta\x01",
        "a\u3164b",
    ]
    async with opened(database) as store:
        log = Log(store)
        await log.people("alice", "bob")
        sent = await log.say("alice", "bob", *texts)
        monkeypatch.setattr(words, "_plain", r0012_unseen._plain_before)  # noqa: SLF001
        await everything_indexed(store)
        monkeypatch.undo()
        late = await log.say("alice", "bob", "spa\u00adeter")
    with revising(database):
        r0012_unseen.upgrade()
    async with opened(database) as store:
        log.store, queries = store, Queries(store._held, store.epoch)  # noqa: SLF001
        for word, text in (("zusammen", texts[0]), ("plain", "plain"), ("isparta", texts[3])):
            found = await answer(queries, user_id="bob", q=word)
            assert [row["content"] for row in found["messages"]] == [text]
        for one in (*sent, *late):
            assert isinstance(one, Stored)
            gone = DeleteMessage(user_id="alice", message_id=one.message_id, mode="everyone")
            await log.run(gone)
        [(left,)] = await store._held.fetch("SELECT count(*) FROM words")  # noqa: SLF001
        assert left == 0


def edit(message_id: int, content: str) -> EditMessage:
    return EditMessage(user_id="alice", message_id=message_id, content=content)


def delete(message_id: int, user_id: str = "alice", mode: Any = "everyone") -> DeleteMessage:
    return DeleteMessage(user_id=user_id, message_id=message_id, mode=mode)


def rows(path: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def test_s46_all_words_newest_first_in_own_conversations_only(talk: Log, find: Find) -> None:
    await talk.say("alice", "bob", "the kraken wakes", "the whale wakes", "a kraken")
    await talk.say("alice", "carol", "kraken for carol")
    await talk.say("bob", "carol", "the kraken of bob")
    assert await find("kraken") == ["the kraken of bob", "a kraken", "the kraken wakes"]
    assert await find("the kraken") == ["the kraken of bob", "the kraken wakes"]
    assert await find("wakes th") == ["the whale wakes", "the kraken wakes"]
    assert await find("kraken", conversation_id=AB) == ["a kraken", "the kraken wakes"]
    assert await find("kraken", "alice") == ["kraken for carol", "a kraken", "the kraken wakes"]
    assert await find("kraken", "nobody") == []


async def test_s46_a_foreign_conversation_is_as_one_that_does_not_exist(
    talk: Log, queries: Queries
) -> None:
    await talk.say("alice", "bob", "between us")
    refused = []
    for place in (AB, "nowhere"):
        with pytest.raises(NotFound) as caught:
            await answer(queries, user_id="carol", q="between", conversation_id=place)
        refused.append(str(caught.value))
    assert refused[0] == refused[1]


@pytest.mark.parametrize("limit", [7, 100])
async def test_pages_meet_without_gap_over_conversations(talk: Log, find: Find, limit: int) -> None:
    """One conversation is busier, so that what the index proposes of it ends earlier."""
    said = [f"page {number} of {'some' if number % 9 else 'few'}" for number in range(400)]
    told = [
        message("alice", "carol" if number % 10 else "bob", text)
        for number, text in enumerate(said)
    ]
    await talk.run(*told)
    said.reverse()
    assert await find("page", "alice", limit=limit) == said
    few = [text for text in said if text.endswith("few")]
    assert await find("page few", "alice", limit=limit) == few
    assert await find("o s", "alice", limit=limit) == []
    assert await find("page o", "alice", limit=limit) == said


async def test_what_is_common_apart_and_rare_together_is_found_page_by_page(
    talk: Log, find: Find, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that would take too long comes empty, and the search goes on with the next one."""
    texts = [f"{'salt' if number % 2 else 'pepper'} {number}" for number in range(6000)]
    texts[7] = "salt and pepper"
    for start in range(0, len(texts), 1000):
        await talk.say("alice", "bob", *texts[start : start + 1000])
    module = importlib.import_module("services.persistence.queries.search")
    monkeypatch.setattr(module, "AT_MOST", 1000)
    assert await find("salt pepper") == ["salt and pepper"]
    page = await answer(queries, user_id="bob", q="salt pepper")
    assert page["messages"] == []
    assert page["next"] > 1


@pytest.mark.parametrize(
    ("q", "hit", "later"),
    [
        ("ok", "ok", "nothing of the kind"),
        ("o", "ok", "that is it"),
        ("salt pepper", "salt and pepper", "salt"),
        ("informational", "informational", "information"),
        ("\U0001f44d ok", "ok \U0001f44d", "good \U0001f44d"),
    ],
)
async def test_f_s14_the_first_page_holds_the_hit_however_far_back(
    talk: Log, store: Store, queries: Queries, q: str, hit: str, later: str
) -> None:
    await talk.say("alice", "bob", hit)
    await talk.say("alice", "carol", hit)
    told = [message("alice", "carol" if n % 50 else "bob", f"{later} {n}") for n in range(6000)]
    for start in range(0, len(told), 1000):
        await talk.run(*told[start : start + 1000])
    await everything_indexed(store)
    for place in (AB, None):
        page = await answer(queries, user_id="alice", q=q, conversation_id=place)
        assert page["messages"][0]["content"] == hit


async def test_f_s14_what_one_may_not_see_does_not_empty_the_page(
    talk: Log, store: Store, queries: Queries
) -> None:
    for start in range(0, 3000, 1000):
        await talk.say("alice", "bob", *[f"zebra {n}" for n in range(start, start + 1000)])
    await talk.run(*[delete(n, "bob", "me") for n in range(2, 3001)])
    await everything_indexed(store)
    page = await answer(queries, user_id="bob", q="zebra")
    assert [row["content"] for row in page["messages"]] == ["zebra 0"]


async def test_s66_d18_what_is_hidden_cleared_edited_or_wiped_is_not_found(
    talk: Log, find: Find
) -> None:
    await talk.say("alice", "bob", "zebra one", "zebra two", "zebra three", "zebra four")
    assert len(await find("zebra")) == 4
    await talk.run(edit(1, "a horse"), delete(2), delete(3, "bob", "me"))
    assert await find("zebra") == ["zebra four"]
    assert await find("horse") == ["a horse"]
    assert await find("zebra", "alice") == ["zebra four", "zebra three"]
    await talk.run(ClearConversation(user_id="bob", conversation_id=AB))
    assert await find("zebra") == []
    assert await find("horse") == []
    assert await find("horse", "alice") == ["a horse"]


async def test_s46_in_a_group_one_finds_what_was_said_while_one_was_in_it(
    talk: Log, find: Find
) -> None:
    def say(content: str) -> StoreMessage:
        return replace(message("alice", "bob", content), conversation_id="g", to=None)

    title = "Team"
    await talk.run(
        CreateGroup(user_id="alice", conversation_id="g", title=title, members=["bob"]),
        say("zebra before"),
        AddMembers(user_id="alice", conversation_id="g", members=["carol"]),
        say("zebra after"),
    )
    assert await find("zebra", "bob") == ["zebra after", "zebra before"]
    assert await find("zebra", "carol") == ["zebra after"]
    await talk.run(RemoveMember(user_id="alice", conversation_id="g", member_id="carol"))
    assert await find("zebra", "carol") == []


async def test_an_edit_before_the_index_comes_by_leaves_one_set_of_rows(
    talk: Log, store: Store, find: Find, database: Path
) -> None:
    await talk.say("alice", "bob", "alpha beta")
    await talk.run(edit(1, "gamma"), edit(1, "delta"))
    await everything_indexed(store)
    assert await find("delta") == ["delta"]
    edited = rows(database, "SELECT word FROM words ORDER BY word")
    await talk.say("alice", "bob", "delta")
    await everything_indexed(store)
    again = rows(database, "SELECT word FROM words WHERE message_id = 2 ORDER BY word")
    assert edited == again


async def test_s66_a_wipe_leaves_no_row_and_no_word_in_the_file(database: Path) -> None:
    """In the midst of a thousand others, so that pages were split before."""
    said = [message("alice", "bob", f"{CANARY}{n} and filler {n}", f"c{n}") for n in range(500)]
    async with opened(database) as store:
        log = Log(store)
        await log.people("alice", "bob")
        await log.run(*said)
        await everything_indexed(store)
        assert rows(database, "SELECT count(*) FROM words") > [(2000,)]
        await log.run(*[edit(n, f"{CANARY} edited {n}") for n in range(1, 501, 5)])
        await log.run(*[delete(n) for n in range(1, 501)])
        assert rows(database, "SELECT count(*) FROM words") == [(0,)]
    assert CANARY.encode() not in await asyncio.to_thread(database.read_bytes)


async def test_the_index_holds_numbers_and_no_words(store: Store, database: Path) -> None:
    log = Log(store)
    await log.people("alice", "bob")
    await log.say("alice", "bob", CANARY)
    await everything_indexed(store)
    types = "SELECT DISTINCT typeof(word), typeof(message_id) FROM words"
    assert rows(database, types) == [("integer", "integer")]


async def test_rows_and_cursor_are_of_one_transaction(
    talk: Log, store: Store, database: Path, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 between them is the same as a statement that fails: both or neither."""
    await talk.say("alice", "bob", "one word")

    monkeypatch.setattr(index, "PUT_CURSOR", "INSERT INTO nowhere VALUES (?)")
    with pytest.raises(sqlite3.OperationalError):
        await store.index(10, 1000)
    assert rows(database, "SELECT count(*) FROM words") == [(0,)]
    monkeypatch.undo()
    await talk.say("alice", "bob", "another word")
    assert await find("word") == ["another word", "one word"]


async def test_what_was_stored_before_the_upgrade_is_indexed_after_a_restart(
    database: Path, queries: Queries
) -> None:
    async with opened(database) as store:
        log = Log(store)
        await log.people("alice", "bob")
        await log.say("alice", "bob", *[f"old words {n}" for n in range(100)])
        assert (await answer(queries, user_id="bob", q="words"))["messages"] == []
    async with opened(database) as store:
        await found_by_and_by(store, queries, "words", 100)


async def test_the_index_goes_on_after_an_error_of_the_database(
    talk: Log, store: Store, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()
    index_them = store.index

    async def locked_once(messages: int, characters: int) -> bool:
        if not failed.is_set():
            failed.set()
            raise sqlite3.OperationalError("database is locked")
        return await index_them(messages, characters)

    monkeypatch.setattr(store, "index", locked_once)
    monkeypatch.setattr(indexer, "RETRY", 0.01)
    await talk.say("alice", "bob", "found in the end")
    await found_by_and_by(store, queries, "found", 1)
    assert failed.is_set()


async def found_by_and_by(store: Store, queries: Queries, q: str, count: int) -> None:
    async def all_found() -> bool:
        page = await answer(queries, user_id="bob", q=q, limit=100)
        return len(page["messages"]) == count

    async with running(Indexer(store).run()):
        await eventually(all_found)


async def test_one_long_message_is_a_slice_of_its_own(talk: Log, store: Store) -> None:
    long = " ".join(f"w{n}" for n in range(900))
    told: list[StoreMessage] = [message("alice", "bob", long, f"long-{n}") for n in range(3)]
    await talk.run(*told)
    assert [await store.index(10, 1000) for _ in range(4)] == [True, True, False, False]


async def test_erased_rows_are_overwritten_in_the_file(database: Path) -> None:
    connection = WriterConnection(database)
    try:
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
    finally:
        connection.close()
