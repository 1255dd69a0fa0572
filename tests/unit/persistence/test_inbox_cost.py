"""An inbox costs a page, however many conversations it has, and is in order all the same."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.persistence.decide import transaction
from services.persistence.migrations.versions import r0014_recency
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from shared.commands import AddMembers, Command, CreateGroup, RemoveMember, Stored
from shared.sqlite.held import Held
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.place import Place
from tests.unit.persistence.reads import inbox
from tests.unit.persistence.test_history_cost import Steps

FEW, MANY = 600, 3_000  # conversations
PEOPLE = ("alice", "bob", "carol", "dave")
AFRESH = "UPDATE members SET recency = 0"


async def steps_of(path: Path, conversations: int, old: bool) -> list[int]:
    """Return the steps of the first page, and of a page in the middle of the list."""
    async with opened(path) as store:
        log, held = Log(store), Held(f"sqlite:///{path}", ReaderConnection)
        others = [f"user{number}" for number in range(conversations)]
        await log.people("alice", *others)
        sent = await log.run(*[message("alice", other, f"hi {other}") for other in others])
        if old:
            await store.between(_rank_anew)
        middle = sent[conversations // 2]
        assert isinstance(middle, Stored)
        queries, steps, taken = Queries(held, store.epoch), Steps(), []
        try:
            await inbox(queries)
            await held.run(steps.watch)
            for before in (None, middle.message_id):
                steps.taken = 0
                page = await inbox(queries, limit=20, before=before)
                assert len(page["conversations"]) == 20
                taken.append(steps.taken)
        finally:
            await held.close()
        return taken


def _rank_anew(connection: sqlite3.Connection) -> None:
    """As the migration does with a store of before."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(AFRESH)
    connection.execute(r0014_recency.RANK)
    connection.execute("COMMIT")


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True], ids=["new", "of before"])
async def test_f_s15_an_inbox_costs_a_page_and_not_the_list(
    empty: Path, tmp_path: Path, old: bool
) -> None:
    few, many = [
        await steps_of(Path(shutil.copy(empty, tmp_path / f"{size}.db")), size, old)
        for size in (FEW, MANY)
    ]
    assert [much < 1.5 * little for little, much in zip(few, many, strict=True)] == [True, True]


people = st.sampled_from(PEOPLE)
events = st.lists(
    st.one_of(
        st.tuples(st.just("say"), people, people),
        st.tuples(st.just("group"), people, st.integers(0, 2)),
        st.tuples(st.sampled_from(["join", "leave"]), people, st.integers(0, 2)),
    ),
    max_size=25,
)
BY_HAND = """
SELECT c.conversation_id FROM members AS b JOIN conversations AS c USING (conversation_id)
WHERE b.user_id = ?1 AND c.last_message_id > 0 AND c.created_at > 0
ORDER BY c.last_message_id DESC
"""


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(told=events, limit=st.integers(1, 4), stretch=st.sampled_from([1, 2, 3, 256]))
def test_f_s15_pages_of_an_inbox_are_in_order_whatever_happened(
    place: Place, told: Any, limit: int, stretch: int
) -> None:
    """People of their own for each example, in one store; the stretches have any length."""
    place.number += 1
    names = {name: f"{name}{place.number}" for name in PEOPLE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "RECENCY", stretch)
        place.runner.run(_in_order(place, names, told, limit))


async def _in_order(place: Place, names: dict[str, str], told: Any, limit: int) -> None:
    one, number = place.one, place.number
    await one.log.people(*names.values())
    await one.log.run(*[_command(names, number, n, *event) for n, event in enumerate(told)])
    for user_id in (names["alice"], names["bob"]):
        by_hand = [found for (found,) in await one.held.fetch(BY_HAND, (user_id,))]
        pages: list[str] = []
        before = None
        for _ in range(len(by_hand) // limit + 1):
            page = await inbox(one.queries, user_id, limit=limit, before=before)
            pages += [view["conversation_id"] for view in page["conversations"]]
            before = page["next"]
            if before is None:
                break
        assert (pages, before) == (by_hand, None)


def _command(names: dict[str, str], number: int, n: int, kind: str, by: str, other: Any) -> Command:
    user_id = names[by]
    if kind == "say":
        return message(user_id, names[other], f"{number}-{n}")
    group = f"{number}-{other}"
    if kind == "group":
        members = [names["alice"], names["bob"]]
        return CreateGroup(user_id=user_id, conversation_id=group, title="T", members=members)
    if kind == "join":
        return AddMembers(user_id=names["alice"], conversation_id=group, members=[user_id])
    return RemoveMember(user_id=user_id, conversation_id=group, member_id=user_id)
