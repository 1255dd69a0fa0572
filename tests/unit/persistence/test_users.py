"""People are found by the words of their names, by those who may write to them."""

import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.persistence.migrations.versions import r0018_names
from services.persistence.queries import Queries
from services.persistence.queries.users import ENOUGH
from services.persistence.store import names, words
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from shared import commands
from shared.commands import (
    EraseUser,
    FindUsers,
    ListUsers,
    PutUser,
    SetBan,
    SetBlock,
    Snapshot,
    TouchUser,
)
from shared.errors import NotFound
from shared.sqlite.held import Held
from shared.subjects import direct_conversation_id
from tests.support.stores import revising
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log
from tests.unit.persistence.test_history_cost import Steps

Find = Callable[..., Awaitable[list[str]]]
Page = dict[str, Any]

FEW, MANY = 100, 100_000  # people
FIRST = ("Anna", "Björn", "Chloé", "Dmitri", "Émile", "Fatima", "Göran", "Hélène", "İpek", "John")
LAST = ("Adams", "Brown", "Cohen", "Dubois", "Evans", "Fischer", "Garcia", "Holm", "Ivanov", "Li")


async def page(queries: Queries, q: str, user_id: str = "me", **asked: Any) -> Page:
    reply = await queries.answer(FindUsers(user_id=user_id, q=q, **asked))
    found: Page = msgspec.json.decode(commands.open_answer(reply, Snapshot).body)
    return found


async def everything(queries: Queries, q: str, user_id: str = "me", limit: int = 50) -> list[str]:
    """The users of all pages, in order."""
    found: list[str] = []
    after = ""
    while True:
        one = await page(queries, q, user_id, after=after, limit=limit)
        assert len(one["users"]) <= limit
        found += [user["user_id"] for user in one["users"]]
        if one["next"] is None:
            return found
        after = one["next"]


@pytest.fixture
def find(queries: Queries) -> Find:
    async def found(q: str, user_id: str = "me", limit: int = 50) -> list[str]:
        return await everything(queries, q, user_id, limit)

    return found


async def put(log: Log, **named: str | None) -> None:
    await log.run(*[PutUser(user_id=user_id, name=name) for user_id, name in named.items()])


@pytest.mark.parametrize(
    ("name", "queries_that_find", "queries_that_do_not"),
    [
        ("Zoë Müller-Lüdenscheidt", ["zoe", "MULL", "ludens", "müller zo"], ["oe", "zoe x"]),
        ("Łukasz Żółć", ["lukasz", "zol", "ŁUK"], ["ukasz"]),
        ("Søren Ærø", ["soren", "aero", "Sør Ær"], ["oren"]),
        ("O'Brien, Seán", ["brien", "sean o"], ["obrien"]),
        ("李小明", ["李", "小明", "李小明"], ["大"]),
        ("\u0130pek Y\u0131ld\u0131z", ["ipek", "yildiz", "\u0130PEK"], ["pek"]),
        ("Anna Ann", ["ann", "ann anna", "anna ann"], ["annab"]),
        ("Ли Ольга", ["ольга л", "ОЛЬ"], ["льга"]),
    ],
)
async def test_s87_each_word_of_the_query_begins_a_word_of_the_name(
    log: Log,
    find: Find,
    name: str,
    queries_that_find: list[str],
    queries_that_do_not: list[str],
) -> None:
    await put(log, one=name, other="Somebody Else")
    for q in queries_that_find:
        assert await find(q) == ["one"], q
    for q in (*queries_that_do_not, "?!", "\u200b."):
        assert await find(q) == [], q


async def test_they_are_found_by_their_name_of_now_and_by_their_id_without_one(
    log: Log, find: Find
) -> None:
    await put(log, u1="Grace Hopper", u2=None)
    assert (await find("grace"), await find("u1"), await find("u2")) == (["u1"], [], ["u2"])
    await put(log, u1="Grace Murray", u2="Ada")
    assert (await find("hopper"), await find("murray")) == ([], ["u1"])
    assert (await find("u2"), await find("ada")) == ([], ["u2"])
    await put(log, u1="", u2=None)  # an empty name removes it, none leaves it
    assert (await find("grace"), await find("u1"), await find("ada")) == ([], ["u1"], ["u2"])


async def test_s54_nobody_finds_whom_they_cannot_write_to(log: Log, find: Find) -> None:
    await put(log, me="Ann Me", other="Ann Other", far="Ann Far")
    await put(log, **{"linkup--canary-1": "Ann Canary", "linkup--system": "Ann System"})
    assert await find("ann") == ["far", "other"]
    for blocker, blocked in (("me", "far"), ("other", "me")):
        conversation_id = direct_conversation_id(blocker, blocked)
        await log.run(
            SetBlock(
                user_id=blocker, conversation_id=conversation_id, other_id=blocked, blocked=True
            )
        )
    assert await find("ann") == []
    assert await find("ann", "far") == ["other"]
    assert await find("ann", "linkup--canary-1") == []
    assert await find("ann", "somebody new") == ["far", "me", "other"]


async def listed(queries: Queries, **asked: Any) -> Page:
    reply = await queries.answer(ListUsers(**asked))
    found: Page = msgspec.json.decode(commands.open_answer(reply, Snapshot).body)
    return found


async def test_the_host_lists_and_finds_everybody_with_their_profile(
    log: Log, queries: Queries
) -> None:
    await put(log, zoe="Zoë Ann", ann="Ann", bob="Bob", **{"linkup--load-1": "Ann"})
    await log.run(PutUser(user_id="ann", email="ann@example.com", time_zone="Europe/Rome"))
    await log.run(TouchUser(user_id="ann", at=1_700_000_000_000_000))
    first = await listed(queries, limit=2)
    assert [user["user_id"] for user in first["users"]] == ["ann", "bob"]
    rest = await listed(queries, limit=2, after=first["next"])
    assert ([user["user_id"] for user in rest["users"]], rest["next"]) == (["zoe"], None)
    found = await listed(queries, q="ann", limit=1)
    assert [user["user_id"] for user in found["users"]] == ["ann"]
    found = await listed(queries, q="ann", limit=1, after=found["next"])
    assert ([user["user_id"] for user in found["users"]], found["next"]) == (["zoe"], None)
    ann = await listed(queries, user_id="ann")
    assert ann == first["users"][0]
    assert (ann["email"], ann["tz"], ann["avatar"]) == ("ann@example.com", "Europe/Rome", None)
    assert ann["last_seen"] == "2023-11-14T22:13:20Z"
    assert ann["created_at"].endswith("Z")
    assert ann["banned"] is False
    await log.run(SetBan(user_id="ann", banned=True))
    assert (await listed(queries, user_id="ann"))["banned"] is True
    await log.run(EraseUser(user_id="ann"))
    assert [user["user_id"] for user in (await listed(queries))["users"]] == ["bob", "zoe"]
    for gone in ("ann", "nobody"):
        with pytest.raises(NotFound):
            await listed(queries, user_id=gone)


async def test_pages_are_ordered_by_the_word_that_was_found(
    log: Log, find: Find, queries: Queries
) -> None:
    await put(log, u1="Zed Anders", u2="Ann Anders", u3="Anne", u4="Ander Ann", u5="Bo")
    assert await find("an") == ["u4", "u1", "u2", "u3"]
    assert await find("an", limit=1) == ["u4", "u1", "u2", "u3"]
    assert (await page(queries, "an", limit=4))["next"] is None
    one = await page(queries, "an", limit=2)
    assert one["next"] == "anders u1"
    assert one["users"][0] == {"user_id": "u4", "name": "Ander Ann", "avatar": None}
    for odd in ("anders", "zzz u9", " ", "an", "anders u1 x"):  # marks of nobody's pages
        assert set(await _ids(queries, "an", odd)) <= {"u1", "u2", "u3", "u4"}


async def _ids(queries: Queries, q: str, after: str) -> list[str]:
    return [user["user_id"] for user in (await page(queries, q, after=after))["users"]]


NAMES = st.lists(
    st.text("aábcé ", min_size=1, max_size=8).filter(lambda name: bool(name.strip())),
    min_size=1,
    max_size=30,
)


@given(given_names=NAMES, q=st.text("abce ", min_size=1, max_size=6), limit=st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_all_pages_together_are_everybody_whose_name_fits_once(
    place: Any, given_names: list[str], q: str, limit: int
) -> None:
    """Against a plain look at every name, on one store whose people change their names."""
    one, run = place.one, place.runner.run
    people = {f"n{number}": name for number, name in enumerate(given_names)}
    gone = {f"n{number}": "xx" for number in range(len(given_names), 30)}
    run(one.log.run(*[PutUser(user_id=u, name=n) for u, n in {**people, **gone}.items()]))
    prefixes = names.prefixes(q)
    fits = [
        user_id
        for user_id, name in people.items()
        if prefixes and all(any(w.startswith(p) for w in words.words(name)) for p in prefixes)
    ]
    found = run(everything(one.queries, q, "nobody", limit))
    assert sorted(one for one in found if one in people) == sorted(fits)
    assert len(found) == len(set(found))


# ------------------------------------------------------------------ what it costs


ADD = "INSERT INTO users (user_id, name, created_at, updated_at) VALUES (?, ?, 0, 0)"
LEARN_ALL = "INSERT INTO names (word, user_id) VALUES (?, ?)"
ASKED = ("a", "ann", "john li", "a b", "chlo dub", "user7 ", "anna zzz", "nobody", "e f")


def fill(path: Path, count: int) -> None:
    """Everybody has a first name, a last name, and a word of their own."""
    people = [(f"user-{n}", f"{FIRST[n % 10]} {LAST[n // 10 % 10]} User{n}") for n in range(count)]
    learnt = sorted((word, one) for one, name in people for word in names.words_of(one, name))
    with sqlite3.connect(path) as connection:
        connection.executemany(ADD, people)
        connection.executemany(LEARN_ALL, learnt)
    connection.close()


async def steps_of(path: Path, count: int) -> dict[str, int]:
    """Steps of SQLite's machine for the first page of each query and for one behind it."""
    fill(path, count)
    steps, taken = Steps(), {}
    async with opened(path) as store:
        held = Held(f"sqlite:///{path}", ReaderConnection)
        queries = Queries(held, store.epoch)
        try:
            await page(queries, "warm")
            await held.run(steps.watch)
            for q in ASKED:
                steps.taken = 0
                first = await page(queries, q, limit=20)
                taken[q] = steps.taken
                if first["next"]:
                    steps.taken = 0
                    await page(queries, q, limit=20, after=first["next"])
                    taken[f"{q}, next"] = steps.taken
        finally:
            await held.close()
    return taken


@pytest.mark.parametrize("many", [10_000, pytest.param(MANY, marks=pytest.mark.slow)])
async def test_f_i13m5_a_page_of_100_000_people_costs_what_one_of_100_costs(
    empty: Path, tmp_path: Path, many: int
) -> None:
    """Counted in steps of SQLite, which no busy machine changes. Who asks for two words that many
    have, but few have together, gets what is found among a bounded number of people; the times of
    whole requests are for `make bench ARGS="--only people"`."""
    little, much = [
        await steps_of(Path(shutil.copy(empty, tmp_path / f"{count}.db")), count)
        for count in (FEW, many)
    ]
    said = json.dumps({"few": little, "many": much}, indent=1)
    alone = [q for q in little if " " not in q]
    assert [q for q in alone if much[q] > 3 * little[q]] == [], said
    assert max(much.values()) < 110 * ENOUGH + 3_000, said


# ------------------------------------------------------------------ a store of before


async def test_a_store_of_before_gets_the_words_of_its_names(
    log: Log, store: Store, database: Path, find: Find
) -> None:
    people = {f"u{number}": f"Person {number}" for number in range(1100)}
    await put(log, **people, **{"linkup--load": "Person Load"})
    await store.between(lambda connection: connection.execute("DROP TABLE names").fetchall())
    with revising(database):
        r0018_names.upgrade()
    assert await find("person", limit=100) == sorted(people)
    assert await find("person 1099") == ["u1099"]
