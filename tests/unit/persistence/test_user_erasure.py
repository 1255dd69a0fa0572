"""A user is erased: nothing of them is left in the store, and all else stays as it is."""

import random
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.persistence.queries import Queries
from services.persistence.queries.followers import Followers
from services.persistence.store.store import Store
from services.persistence.upkeep import user_erasure as module
from services.persistence.upkeep.audit import Pass
from services.persistence.upkeep.user_erasure import UserErasure
from shared import commands
from shared.commands import (
    AddMembers,
    BeginConversation,
    ClearConversation,
    Command,
    CommitAttachment,
    CreateGroup,
    DeleteMessage,
    Done,
    EditMessage,
    EraseUser,
    Erasure,
    ErasureAnswer,
    Export,
    ExportAnswer,
    ExportPart,
    FeedPageAnswer,
    FileReport,
    FindUsers,
    IssueTicket,
    ListUsers,
    LogPage,
    LogPageAnswer,
    PutUser,
    React,
    ReadUser,
    Refused,
    ReserveAttachment,
    SetBlock,
    Snapshot,
    Standing,
    Stored,
    StoreMessage,
    TouchUser,
)
from shared.errors import InvalidRequest, NotFound
from shared.reserved import SYSTEM
from shared.sqlite.overwriting import empty_the_log, write_anew
from shared.subjects import direct_conversation_id
from tests.support.background import running
from tests.support.files import holding as holding_in
from tests.support.waiting import eventually
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.reads import feed, joins

export = import_module("services.persistence.queries.export")
CANARY = "canary-5f1c7e"
GROUP = "g" * 32
AX = direct_conversation_id("alice", "xavier")


@pytest.fixture
async def life(log: Log) -> Log:
    """Fill every table that can hold something of a user with data of xavier."""
    await log.people("alice", "bob", "carol")
    name = {"name": f"{CANARY} Smith", "email": f"{CANARY}@example.com", "locale": "de"}
    await log.run(PutUser(user_id="xavier", avatar=f"https://example.com/{CANARY}", **name))
    [first] = await log.run(message("xavier", "alice", f"{CANARY} one", f"{CANARY}-1"))
    assert isinstance(first, Stored)
    edited = f"{CANARY} two " + "long " * 50
    await log.run(EditMessage(user_id="xavier", message_id=first.message_id, content=edited))
    await log.run(message("xavier", "xavier", f"{CANARY} to myself"))
    await log.run(message("alice", "xavier", "what alice says stays"))
    await log.people(SYSTEM)
    await log.run(React(user_id="xavier", message_id=first.message_id + 2, emoji="👍"))
    await log.run(DeleteMessage(user_id="xavier", message_id=first.message_id + 2, mode="me"))
    await upload(log, "a" * 32, send=True)
    await upload(log, "b" * 32, send=False)
    members = ["alice", "bob"]
    title = f"{CANARY} alone"
    await log.run(CreateGroup(user_id="xavier", conversation_id=GROUP, title="t", members=members))
    await log.run(CreateGroup(user_id="xavier", conversation_id="h" * 32, title=title, members=[]))
    await log.run(said_in_group("xavier", f"{CANARY} to all"), said_in_group("bob", "bob stays"))
    await log.run(
        SetBlock(
            user_id="xavier",
            conversation_id=direct_conversation_id("xavier", "bob"),
            other_id="bob",
            blocked=True,
        ),
        IssueTicket(user_id="xavier", ticket_hash=f"{CANARY}h", token_expires_at=2**50),
        TouchUser(user_id="xavier", at=5),
    )
    await log.run(message(SYSTEM, "xavier", f"Dear {CANARY}", f"{CANARY}-s"))
    await log.run(message(SYSTEM, "bob", "Dear Bob"))
    for reporter, other in (("xavier", "bob"), ("bob", "xavier")):
        await log.run(
            FileReport(
                user_id=reporter,
                report_id=f"r-{reporter}",
                other_id=other,
                message_id=None,
                reason="spam",
                comment=CANARY,
            )
        )
    await log.store.index(1000, 1_000_000)
    await log.store.between(note_an_error)
    return log


def note_an_error(connection: sqlite3.Connection) -> None:
    row = ("e1", "c", "s", "gateway", "m", CANARY, "xavier", CANARY, 1, 1, 1, 0, "")
    connection.execute(f"INSERT INTO errors VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


async def upload(log: Log, attachment_id: str, *, send: bool) -> None:
    name = f"{CANARY}.txt"
    await log.run(ReserveAttachment(user_id="xavier", attachment_id=attachment_id, name=name))
    await log.run(
        CommitAttachment(
            user_id="xavier", attachment_id=attachment_id, media_type="text/plain", size=3
        )
    )
    if send:
        told = message("xavier", "alice", "", f"{CANARY}-file")
        await log.run(msgspec.structs.replace(told, attachments=[attachment_id]))


def said_in_group(user_id: str, content: str) -> StoreMessage:
    return StoreMessage(
        user_id=user_id,
        connection_id="",
        client_id=content,
        conversation_id=GROUP,
        content=content,
    )


def holding(database: Path) -> list[str]:
    return holding_in(database.parent, CANARY)


def frames_of(page: FeedPageAnswer) -> list[dict[str, Any]]:
    return [msgspec.json.decode(event.body) for event in page.events if event.body]


def looked_up(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


async def erase(log: Log, erasure: UserErasure, user_id: str = "xavier") -> None:
    assert await log.run(EraseUser(user_id=user_id)) == [Done()]
    await erasure.erase()


async def test_nothing_of_an_erased_user_is_in_the_files(
    life: Log, erasure: UserErasure, database: Path
) -> None:
    assert "linkup.db-wal" in holding(database)
    await erase(life, erasure)
    assert holding(database) == []


async def test_what_others_said_stays_and_all_numbers_do(
    life: Log, erasure: UserErasure, database: Path
) -> None:
    numbers = "SELECT message_id, conversation_id, seq, sender_id FROM messages"
    others = """
    SELECT message_id, client_id, content, content_hash, created_at, reply_to, deleted_at
    FROM messages WHERE sender_id IN ('alice', 'bob') OR content = 'Dear Bob'
    """
    heads = "SELECT head FROM heads WHERE user_id = 'bob'"
    before = [looked_up(database, sql) for sql in (numbers, others)]
    [[bobs]] = looked_up(database, heads)
    await erase(life, erasure)
    assert [looked_up(database, sql) for sql in (numbers, others)] == before
    assert looked_up(database, heads) >= [(bobs,)]
    with closing(sqlite3.connect(database)) as connection:
        audit = Pass()
        found = []
        while audit.walk is not None:
            found += audit.step(connection, 1024)
    assert found == []


async def test_the_others_are_told_and_see_only_tombstones(
    life: Log, erasure: UserErasure, queries: Queries
) -> None:
    [before] = await joins(queries, "bob")
    await erase(life, erasure)
    told = frames_of(await feed(queries, "bob", before.head))
    kinds = [frame["type"] for frame in told]
    assert kinds == ["conversation", "conversation", "message_deleted"]
    assert [frame.get("change") for frame in told[:2]] == ["left", "role"]


async def test_an_erased_id_is_nobodys_and_cannot_come_back(
    life: Log, erasure: UserErasure, queries: Queries, database: Path
) -> None:
    await erase(life, erasure)
    late: list[Command] = [
        message("xavier", "alice", f"{CANARY} one", f"{CANARY}-1"),  # a repeat of what is erased
        PutUser(user_id="xavier", name=CANARY),
        ReserveAttachment(user_id="xavier", attachment_id="c" * 32, name=CANARY),
        message("alice", "xavier", "are you there?"),
        message("carol", "xavier", "are you there?"),
        BeginConversation(
            user_id="carol",
            conversation_id=direct_conversation_id("carol", "xavier"),
            to="xavier",
        ),
        AddMembers(user_id="alice", conversation_id=GROUP, members=["xavier"]),
    ]
    for command in late:
        [refused] = await life.run(command)
        assert isinstance(refused, Refused), command
        assert (refused.code, refused.error().temporary) == ("not_found", False), command
    for kind in (FindUsers(user_id="alice", q="xavier"), ListUsers(), ListUsers(q="xavier")):
        found = commands.open_answer(await queries.answer(kind), Snapshot)
        assert b"xavier" not in found.body
    for stranger in (ReadUser(user_id="carol", other_id="xavier"), ListUsers(user_id="xavier")):
        with pytest.raises(NotFound):
            await queries.answer(stranger)
    seen = ReadUser(user_id="alice", other_id="xavier")
    shown = commands.open_answer(await queries.answer(seen), Snapshot)
    assert msgspec.json.decode(shown.body) == {"user_id": "xavier", "name": None, "avatar": None}
    xavier, alice = await joins(queries, "xavier", "alice")
    assert (xavier.profile, alice.profile is None) == (None, False)
    assert (xavier.standing, alice.standing) == (Standing(banned=True), None)
    assert holding(database) == []


async def test_erasing_is_asked_for_once_and_repeated_without_harm(
    life: Log, erasure: UserErasure, queries: Queries, database: Path
) -> None:
    await life.run(EraseUser(user_id="xavier"))
    [before] = looked_up(database, "SELECT * FROM erasures")
    assert await life.run(EraseUser(user_id="xavier")) == [Done()]
    assert looked_up(database, "SELECT * FROM erasures") == [before]
    await erasure.erase()
    answer = await queries.answer(Erasure(user_id="xavier"))
    done = commands.open_answer(answer, ErasureAnswer)
    assert done.finished_at is not None
    assert done.files == 2  # until a gateway has deleted their bytes
    assert await life.run(EraseUser(user_id="xavier")) == [Done()]
    assert await life.run(EraseUser(user_id="nobody")) == [
        Refused("not_found", "There is no such user")
    ]
    with pytest.raises(NotFound):
        await queries.answer(Erasure(user_id="alice"))


async def test_followers_are_told_at_the_beginning_and_at_the_end(
    life: Log, erasure: UserErasure, queries: Queries
) -> None:
    asked = LogPage(follower="notify", positions={})
    before = commands.open_answer(await queries.answer(asked), LogPageAnswer)
    await erase(life, erasure)
    asked = LogPage(follower="notify", positions=before.positions, epoch=before.epoch)
    rows = commands.open_answer(await queries.answer(asked), LogPageAnswer).rows
    own = [row.kind for row in rows if row.user_id == "xavier"]
    assert [kind for kind in own if kind.startswith("eras")] == ["erasing", "erased"]


async def test_r16_what_a_follower_has_not_read_stays_in_the_feed(
    life: Log, erasure: UserErasure, queries: Queries, followers: Followers, database: Path
) -> None:
    """The newest row stays as well: the numbers go on from it."""
    asked = LogPage(follower="slow", positions={}, limit=4)
    read = commands.open_answer(await queries.answer(asked), LogPageAnswer)
    rows = "SELECT n FROM feed WHERE user_id = 'xavier' AND kind = 'message'"
    before = [n for (n,) in looked_up(database, rows)]
    reached = read.positions["1"]
    asked = LogPage(follower="slow", positions=read.positions, epoch=read.epoch)
    await queries.answer(asked)  # which is when it says that it has stored the page
    await erase(life, erasure)
    assert before[0] <= reached < before[-1]
    assert [n for (n,) in looked_up(database, rows)] == [n for n in before if n > reached]


async def test_r15_numbers_of_the_log_go_on_when_the_newest_rows_are_the_erased_users(
    log: Log, erasure: UserErasure, database: Path
) -> None:
    await log.people("xavier")
    await log.say("xavier", "xavier", "one", "two")
    assert await log.run(EraseUser(user_id="xavier")) == [Done()]
    [(last,)] = looked_up(database, "SELECT max(n) FROM feed")
    await erasure.erase()
    newest = "SELECT n - 1, kind FROM feed ORDER BY n DESC LIMIT 1"
    assert looked_up(database, newest) == [(last, "erased")]


async def test_a_process_that_dies_after_any_step_leaves_the_rest_to_the_next(
    life: Log, store: Store, erasure: UserErasure, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt gets a transaction further than the one before."""
    between, left = store.between, 0

    class Died(BaseException):
        pass

    async def dying(work):  # type: ignore[no-untyped-def]
        nonlocal left
        if not left:
            raise Died
        left -= 1
        return await between(work)

    await life.run(EraseUser(user_id="xavier"))
    monkeypatch.setattr(store, "between", dying)
    attempts = 0
    while not looked_up(database, "SELECT 1 FROM erasures WHERE finished_at > 0"):
        attempts = left = attempts + 1
        try:
            await erasure.erase()
        except Died:
            continue
    assert attempts > 5
    assert holding(database) == []


async def test_it_begins_with_what_an_earlier_process_left(
    life: Log, store: Store, erasure: UserErasure, database: Path
) -> None:
    await life.run(EraseUser(user_id="xavier"))
    store.erasing.clear()
    async with running(erasure.run()):
        await eventually(lambda: holding(database) == [])


async def test_secure_delete_alone_leaves_copies_of_rows_that_moved(
    life: Log, database: Path, erasure: UserErasure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`write_anew` is needed: rows that grow move to other pages, and leave copies."""
    await churn(life, random.Random(3))
    with monkeypatch.context() as without:
        without.setattr(module, "write_anew", lambda connection: True)
        await erase(life, erasure)
        assert holding(database) == ["linkup.db"]
    await life.store.between(write_anew)
    await life.store.between(empty_the_log)
    assert holding(database) == []


async def churn(log: Log, chance: random.Random) -> None:
    """Many messages of two users to each other, many of them edited and longer than before."""
    sent: list[tuple[int, str]] = []
    for start in range(0, 300, 50):
        pairs = [("xavier", "alice"), ("alice", "xavier")] * 25
        told = [
            message(*pair, words(chance, pair[0]), f"n{start + number}")
            for number, pair in enumerate(pairs)
        ]
        for one, stored in zip(told, await log.run(*told), strict=True):
            assert isinstance(stored, Stored)
            sent.append((stored.message_id, one.user_id))
        edits = [
            EditMessage(user_id=author, message_id=old, content=words(chance, author))
            for old, author in chance.sample(sent, 50)
        ]
        await log.run(*edits)


def words(chance: random.Random, sender: str) -> str:
    return (CANARY if sender == "xavier" else "other") + "y" * chance.randrange(5, 600)


async def test_all_reactions_are_taken_back_also_when_steps_become_shorter(
    log: Log, erasure: UserErasure, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "adapted", lambda limit, took: max(1, limit // 2))
    await log.people("alice", "xavier")
    await log.say("alice", "xavier", *map(str, range(40)))
    await log.run(*[React(user_id="xavier", message_id=n, emoji="👍") for n in range(1, 41)])
    await erase(log, erasure)
    assert looked_up(database, "SELECT count(*) FROM reactions WHERE NOT removed") == [(0,)]


async def test_what_is_cleared_or_hidden_by_others_stays_so(
    life: Log, erasure: UserErasure, queries: Queries
) -> None:
    """Nobody is told of the end of a message that they do not see."""
    await life.run(ClearConversation(user_id="alice", conversation_id=AX))
    [before] = await joins(queries, "alice")
    await erase(life, erasure)
    told = frames_of(await feed(queries, "alice", before.head))
    assert [frame["conversation_id"] for frame in told if frame["type"] == "message_deleted"] == [
        GROUP
    ]


@pytest.mark.parametrize("most", [1, 2, 100])
async def test_an_export_has_everything_of_a_user_page_by_page(
    life: Log, queries: Queries, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {name: part._replace(most=most) for name, part in export.PARTS.items()}
    monkeypatch.setattr(export, "PARTS", parts)
    await life.run(React(user_id="alice", message_id=1, emoji="👍"))
    await life.read("xavier", "alice", 2)
    texts = {one["content"] for one in await exported(queries, "messages")}
    long = f"{CANARY} two " + "long " * 50
    assert texts == {long, f"{CANARY} to myself", "", f"{CANARY} to all"}
    [told] = await exported(queries, "system_messages")
    assert told["content"] == f"Dear {CANARY}"
    [version] = await exported(queries, "versions")
    assert (version["content"], version["version"]) == (f"{CANARY} one", 1)
    [reaction] = await exported(queries, "reactions")
    assert (reaction["message_id"], reaction["emoji"]) == (3, "👍")
    files = await exported(queries, "files")
    assert [one["attachment_id"][0] for one in files] == ["a", "b"]
    assert [one["message_id"] is None for one in files] == [False, True]
    conversations = await exported(queries, "conversations")
    assert {one["other_id"] for one in conversations} == {"alice", "xavier", SYSTEM, None}
    assert {one["title"] for one in conversations} == {None, "t", f"{CANARY} alone"}
    [block] = await exported(queries, "blocks")
    assert block["user_id"] == "bob"
    [report] = await exported(queries, "reports")
    assert (report["user_id"], report["comment"]) == ("bob", CANARY)
    [hidden] = await exported(queries, "hidden")
    assert hidden["message_id"] == 3
    receipts = await exported(queries, "receipts")
    assert [one["read_seq"] for one in receipts] == [2]
    assert await exported(queries, "contacts") == []


async def test_a_page_of_an_export_is_what_the_bus_carries(
    life: Log, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await exported(queries, "messages")
    monkeypatch.setattr(export, "MAX_PAGE_BYTES", 300)
    assert await exported(queries, "messages") == whole
    with pytest.raises(InvalidRequest):
        await queries.answer(Export(user_id="xavier", part="messages", after="no place"))


async def exported(queries: Queries, part: ExportPart) -> list[dict[str, Any]]:
    rows: list[bytes] = []
    after, more = "", True
    while more:
        asked = Export(user_id="xavier", part=part, after=after)
        page = commands.open_answer(await queries.answer(asked), ExportAnswer)
        rows, after = rows + page.rows, page.next
        more = bool(after)
    return [msgspec.json.decode(row) for row in rows]
