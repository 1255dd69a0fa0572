"""A conversation's pages, on a real SQLite file."""

from pathlib import Path
from typing import Any

import pytest

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from shared.commands import (
    AddMembers,
    ClearConversation,
    CreateGroup,
    DeleteMessage,
    StoreMessage,
)
from shared.errors import InvalidRequest, NotFound
from shared.sqlite.held import Held
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log
from tests.unit.persistence.reads import AB, contents, fails, feed, history, inbox


async def test_the_newest_page_comes_oldest_first(talk: Log, queries: Queries) -> None:
    page = await history(queries, limit=3)
    assert contents(page) == ["7", "8", "9"]
    assert [message["seq"] for message in page["messages"]] == [7, 8, 9]
    assert (page["has_more"], page["conversation_id"]) == (True, AB)
    assert (page["epoch"], page["cursor"]) == (talk.store.epoch, 9)


async def test_pages_backwards_and_forwards_meet_without_gap(talk: Log, queries: Queries) -> None:
    back: list[str] = []
    page = await history(queries, limit=2)
    while True:
        back = contents(page) + back
        if not page["has_more"]:
            break
        page = await history(queries, limit=2, before_id=page["messages"][0]["message_id"])
    assert back == [str(number) for number in range(1, 10)]
    page = await history(queries, before_id=2)
    forth = contents(page)
    while page["has_more"] or forth == ["1"]:
        page = await history(queries, limit=2, after_id=page["messages"][-1]["message_id"])
        forth += contents(page)
    assert forth == back


async def test_a_page_of_exactly_the_limit_has_no_more(talk: Log, queries: Queries) -> None:
    assert (await history(queries, limit=9))["has_more"] is False
    assert (await history(queries, limit=8))["has_more"] is True
    assert contents(await history(queries, after_id=9)) == []
    assert contents(await history(queries, before_id=1)) == []


@pytest.mark.parametrize("parameter", ["before_id", "after_id"])
@pytest.mark.parametrize("message_id", [10, 11, 0, 2**53 - 1])  # 10: Carol's
async def test_an_id_of_another_conversation_is_as_one_that_does_not_exist(
    talk: Log, queries: Queries, parameter: str, message_id: int
) -> None:
    asked: dict[str, Any] = {parameter: message_id}
    error = await fails(history(queries, **asked))
    assert isinstance(error, InvalidRequest)
    assert error.message == f"`{parameter}` is not a message of this conversation"


async def test_absent_and_forbidden_answer_alike(talk: Log, queries: Queries) -> None:
    forbidden = await fails(history(queries, "carol"))
    absent = await fails(history(queries, "carol", conversation_id="nowhere"))
    by_id = await fails(history(queries, "carol", before_id=1))
    unknown = await fails(history(queries, "nobody"))
    assert {repr(error) for error in (forbidden, absent, by_id, unknown)} == {repr(absent)}
    assert isinstance(absent, NotFound)


@pytest.mark.parametrize("limit", [-5, 0])
async def test_a_limit_below_one_is_one(talk: Log, queries: Queries, limit: int) -> None:
    assert contents(await history(queries, limit=limit)) == ["9"]
    assert len((await inbox(queries, limit=limit))["conversations"]) == 1
    assert len((await feed(queries, "alice", 0, limit)).events) == 1


@pytest.mark.parametrize("letter", ["\U0001f600", "\u4e2d", "\x01"])
async def test_r18_a_page_fits_the_bus_whatever_its_messages_hold(
    log: Log, queries: Queries, letter: str
) -> None:
    """A control character takes six bytes in JSON: fifty messages made a page that never came."""
    await log.people("alice", "bob")
    texts = [f"{number:0>4}" + letter * 4996 for number in range(60)]
    await log.say("alice", "bob", *texts)
    newest = await history(queries, limit=100)
    assert newest["has_more"]
    assert contents(newest) == texts[-len(newest["messages"]) :]
    older = await history(queries, before_id=newest["messages"][0]["message_id"], limit=100)
    found = contents(older) + contents(newest)
    assert found == texts[-len(found) :]
    after = await history(queries, after_id=1, limit=100)
    assert after["has_more"]
    assert contents(after) == texts[1 : 1 + len(after["messages"])]


# ------------------------------------------------------------------ what a page may go on from


async def refused(queries: Queries, message_id: int) -> list[str]:
    """Carol's, either way."""
    errors = [
        await fails(history(queries, "carol", conversation_id="g", **{name: message_id}))
        for name in ("before_id", "after_id")
    ]
    assert all(isinstance(error, InvalidRequest) for error in errors)
    return [error.message for error in errors]


async def page(queries: Queries, **anchor: int) -> list[str]:
    return contents(await history(queries, "carol", conversation_id="g", **anchor))


@pytest.fixture
async def club(talk: Log) -> Log:
    """Carol came late to a group of Alice's: 11 and 12 were said before, 14 and 15 after."""
    await talk.run(CreateGroup(user_id="alice", conversation_id="g", title="T", members=["bob"]))
    await talk.run(told("early"))
    await talk.run(told("earlier than carol"))
    await talk.run(AddMembers(user_id="alice", conversation_id="g", members=["carol"]))
    await talk.run(told("one"))
    await talk.run(told("two"))
    return talk


def told(content: str) -> StoreMessage:
    return StoreMessage(
        user_id="alice",
        connection_id="",
        client_id=f"{len(content)}{content[:3]}",
        conversation_id="g",
        content=content,
    )


async def ids(queries: Queries) -> dict[str, int]:
    """As Bob sees them."""
    found = await history(queries, "bob", conversation_id="g")
    return {message["content"]: message["message_id"] for message in found["messages"]}


async def test_d19_what_was_said_before_joining_is_as_what_does_not_exist(
    club: Log, queries: Queries
) -> None:
    absent = await refused(queries, 2**53 - 1)
    known = await ids(queries)
    for content in ("early", "earlier than carol"):
        assert await refused(queries, known[content]) == absent
    await club.run(ClearConversation(user_id="carol", conversation_id="g"))
    assert await refused(queries, known["early"]) == absent
    assert await page(queries, before_id=known["two"]) == []


async def test_d19_a_page_goes_on_from_what_was_hidden_or_cleared_meanwhile(
    club: Log, queries: Queries
) -> None:
    """A device shows it still, while another one of theirs has hidden it."""
    known = await ids(queries)
    hidden = DeleteMessage(user_id="carol", message_id=known["two"], mode="me")
    await club.run(hidden)
    assert await page(queries, before_id=known["two"]) == ["one"]
    await club.run(ClearConversation(user_id="carol", conversation_id="g"))
    await club.run(told("new"))
    assert await page(queries, after_id=known["one"]) == ["new"]


async def test_d19_who_sees_what_was_before_pages_from_it(database: Path) -> None:
    """A setting of the server: a group's newcomers see all of it."""
    async with opened(database, Limits(1, 0.0, group_history=True)) as store:
        log = Log(store)
        await log.people("alice", "bob", "carol")
        await log.run(CreateGroup(user_id="alice", conversation_id="g", title="T", members=["bob"]))
        await log.run(told("early"))
        await log.run(AddMembers(user_id="alice", conversation_id="g", members=["carol"]))
        held = Held(f"sqlite:///{database}", ReaderConnection)
        try:
            queries = Queries(held, store.epoch)
            assert await page(queries, before_id=(await ids(queries))["early"]) == []
        finally:
            await held.close()
