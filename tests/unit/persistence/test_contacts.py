"""Contacts: what ends with them, what goes on, and what they cost where everybody may write."""

import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from shared import commands
from shared.commands import (
    AddMembers,
    BeginConversation,
    Command,
    CreateGroup,
    DeleteMessage,
    Done,
    FindUsers,
    ReadUser,
    Refused,
    Result,
    SetContact,
    Snapshot,
    Stored,
    StoreMessage,
)
from shared.errors import NotFound
from shared.frames import MAX_MEMBERS
from shared.reserved import SYSTEM
from shared.sqlite.held import Held
from shared.subjects import direct_conversation_id
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.test_history_cost import Steps
from tests.unit.persistence.test_users import fill

LISTED = Limits(burst=1, rate=0.0, contacts_only=True)


def contact(one: str, other: str, allowed: bool = True) -> SetContact:
    return SetContact(user_id=one, other_id=other, allowed=allowed)


def code(result: Result) -> str:
    return result.code if isinstance(result, Refused) else "ok"


async def test_c9_d35_what_ends_with_a_contact_and_what_goes_on(database: Path) -> None:
    async with opened(database, LISTED) as store:
        log = Log(store)
        await log.people("ann", "ben", "cleo")
        assert await log.run(contact("ann", "ben"), contact("ben", "ann")) == [Done(), Done()]
        [first] = await log.say("ben", "ann", "hello")
        assert isinstance(first, Stored)
        await log.run(
            CreateGroup(user_id="ann", conversation_id="g", title="Two", members=["ben"]),
            contact("ben", "ann", allowed=False),
        )
        refused, again = await log.run(
            message("ben", "ann", "still there?"), message("ben", "ann", "hello")
        )
        assert code(refused) == "forbidden"
        assert isinstance(again, Stored)  # a repeat of what was stored
        assert again.duplicate
        in_group = StoreMessage(
            user_id="ben", connection_id="", client_id="g1", conversation_id="g", content="hi"
        )
        wiped = DeleteMessage(user_id="ben", message_id=first.message_id, mode="everyone")
        assert [code(one) for one in await log.run(in_group, wiped)] == ["ok", "ok"]


def approaches(to: str) -> list[Command]:
    """All that ann can begin with somebody."""
    place = direct_conversation_id("ann", to)
    return [
        message("ann", to, "hello"),
        BeginConversation(user_id="ann", conversation_id=place, to=to),
        CreateGroup(user_id="ann", conversation_id=f"g-{to}", title="T", members=[to]),
    ]


async def test_the_system_is_everybody_s_contact_and_nobody_is_its(database: Path) -> None:
    async with opened(database, LISTED) as store:
        log = Log(store)
        await log.people("ann", SYSTEM)
        told, answered = await log.run(message(SYSTEM, "ann", "hi"), message("ann", SYSTEM, "hi"))
    assert (code(told), code(answered)) == ("ok", "forbidden")


async def test_a_stranger_is_answered_as_if_the_other_were_not_there(database: Path) -> None:
    async with opened(database, LISTED) as store:
        log = Log(store)
        await log.people("ann", "ben")
        assert await log.run(*approaches("ben")) == await log.run(*approaches("nobody"))
        [to_oneself] = await log.say("ann", "ann", "note")
        assert isinstance(to_oneself, Stored)
        await log.people("linkup--a", "linkup--b")
        assert isinstance((await log.say("linkup--a", "linkup--b", "ping"))[0], Stored)


async def test_a_full_group_does_not_tell_whether_a_stranger_is_there(database: Path) -> None:
    crowd = [f"u{number}" for number in range(MAX_MEMBERS - 1)]
    async with opened(database, LISTED) as store:
        log = Log(store)
        await log.people("ann", "ben", *crowd)
        await log.run(*(contact("ann", one) for one in crowd))
        create = CreateGroup(user_id="ann", conversation_id="g", title="T", members=crowd)
        assert [code(one) for one in await log.run(create)] == ["ok"]
        for other in ("ben", "nobody"):
            added = AddMembers(user_id="ann", conversation_id="g", members=[other])
            larger = replace(create, conversation_id="h", members=[*crowd, other])
            assert [code(one) for one in await log.run(added, larger)] == ["not_found"] * 2


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        ("ann", "ann", "invalid_request"),
        ("nobody", "ann", "not_found"),
        ("ann", "nobody", "not_found"),
        ("ann", "linkup--a", "not_found"),
    ],
)
async def test_who_is_unknown_is_nobody_s_contact(
    log: Log, one: str, other: str, refused: str
) -> None:
    await log.people("ann", "linkup--a")
    assert code((await log.run(contact(one, other)))[0]) == refused


@pytest.mark.parametrize("listed", [False, True])
async def test_contacts_are_read_once_in_a_transaction_and_never_where_everybody_may_write(
    database: Path, listed: bool
) -> None:
    async with opened(database, LISTED if listed else Limits(1, 0.0)) as store:
        log, told = Log(store), list[str]()
        people = [f"u{number}" for number in range(10)]
        await log.people("ann", *people)
        await log.run(*[contact("ann", one) for one in people])

        def watch(connection: sqlite3.Connection) -> None:
            connection.set_trace_callback(told.append)

        await store.between(watch)
        for _ in range(2):  # new conversations, then those that are there
            sent = [message("ann", one, f"{one} {len(told)}") for one in people]
            assert {type(result) for result in await log.run(*sent)} == {Stored}
        assert sum("contacts" in statement for statement in told) == (2 if listed else 0)


async def test_who_is_neither_a_contact_nor_met_in_a_conversation_is_not_there(
    database: Path,
) -> None:
    async with opened(database) as store:
        log = Log(store)
        await log.people("ann", "ben", "cleo", "dora")
        await log.run(contact("ann", "ben"))
        await log.say("cleo", "ann", "hello")
        held = Held(f"sqlite:///{database}", ReaderConnection)
        queries = Queries(held, store.epoch, contacts_only=True)
        for other in ("ann", "ben", "cleo"):
            answer = await queries.answer(ReadUser(user_id="ann", other_id=other))
            assert f'"{other}"'.encode() in commands.open_answer(answer, Snapshot).body
        with pytest.raises(NotFound):
            await queries.answer(ReadUser(user_id="ann", other_id="dora"))
        await held.close()


async def test_f_i13m5_to_find_a_contact_costs_as_much_among_many_people(
    empty: Path, tmp_path: Path
) -> None:
    """Counted in steps of SQLite, for somebody with fifty contacts."""
    taken = []
    for count in (100, 10_000):
        path = Path(shutil.copy(empty, tmp_path / f"{count}.db"))
        fill(path, count)
        with sqlite3.connect(path) as connection:
            rows = [("user-0", f"user-{count - number}", 0) for number in range(1, 51)]
            connection.executemany("INSERT INTO contacts VALUES (?, ?, ?)", rows)
        connection.close()
        async with opened(path) as store:
            held, steps = Held(f"sqlite:///{path}", ReaderConnection), Steps()
            queries = Queries(held, store.epoch, contacts_only=True)
            await held.run(steps.watch)
            answer = await queries.answer(FindUsers(user_id="user-0", q="anna", limit=20))
            body = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
            assert len(body["users"]) == 5  # of fifty, each tenth
            taken.append(steps.taken)
            await held.close()
    assert taken[1] < 1.5 * taken[0] + 100
