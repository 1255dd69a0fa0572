"""Unread counts, and their cost: one's own messages are skipped, not counted through."""

import shutil
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.persistence.migrations.versions import r0013_runs
from shared.commands import (
    AdvanceReceipt,
    Command,
    CreateGroup,
    DeleteMessage,
    StoreMessage,
)
from tests.unit.persistence.log import message
from tests.unit.persistence.place import PEOPLE, Place, reader
from tests.unit.persistence.reads import AB
from tests.unit.persistence.test_history_cost import Steps

BY_HAND = """
SELECT m.seq FROM messages AS m JOIN members AS b USING (conversation_id)
WHERE conversation_id = ?1 AND b.user_id = ?2 AND m.sender_id <> ?2 AND m.seq > b.read_seq
  AND m.deleted_at IS NULL AND m.seq > b.cleared_seq
  AND m.message_id NOT IN (SELECT h.message_id FROM hidden AS h WHERE h.user_id = ?2)
ORDER BY m.seq
"""


senders = st.sampled_from(PEOPLE)
runs = st.lists(st.tuples(senders, st.integers(1, 20)), max_size=8)
seqs = st.integers(0, 60)


@settings(max_examples=200, deadline=None)
@given(
    before=runs,
    after=runs,
    read=st.dictionaries(senders, seqs),
    gone=st.lists(st.tuples(seqs, st.sampled_from(["everyone", "me"]), senders), max_size=5),
    old=st.sampled_from(["new", "of before", "filled"]),
    who=senders,
)
def test_f_s15_counts_are_those_counted_by_hand(
    place: Place, before: Any, after: Any, read: Any, gone: Any, old: str, who: str
) -> None:
    """`old`: the first part was stored by a release that did not keep where runs begin."""
    place.runner.run(_counts(place, before, after, read, gone, old, who))


async def _counts(
    place: Place, before: Any, after: Any, read: Any, gone: Any, old: str, who: str
) -> None:
    place.number += 1
    one, group = place.one, f"g{place.number}"
    await one.log.run(
        CreateGroup(user_id="alice", conversation_id=group, title="T", members=["bob", "carol"])
    )
    sent = await one.log.run(*_said(group, "a", before))
    if old != "new":
        forget = partial(_forget_runs, group=group, fill=old == "filled")
        await one.log.store.between(forget)
    sent += await one.log.run(*_said(group, "b", after))
    ids = [result.message_id for result in sent]  # type: ignore[union-attr]
    senders = [by for by, count in (*before, *after) for _ in range(count)]
    told: list[Command] = [
        AdvanceReceipt(user_id=user_id, connection_id="", conversation_id=group, read_seq=seq)
        for user_id, seq in read.items()
    ]
    for seq, mode, by in gone:
        if 0 < seq <= len(ids):
            by = senders[seq - 1] if mode == "everyone" else by
            told.append(DeleteMessage(user_id=by, message_id=ids[seq - 1], mode=mode))
    await one.log.run(*told)
    by_hand = [seq for (seq,) in await one.held.fetch(BY_HAND, (group, who))]
    assert await one.counted(who, group) == (len(by_hand), len(by_hand), by_hand[-3:])
    if by_hand:  # the latest conversation is the first item
        assert (await one.total(who))["items"][0]["seq"] == by_hand[-1]
    leave = "DELETE FROM members WHERE conversation_id = ?"  # the next example counts its own
    await one.log.store.between(lambda connection: connection.execute(leave, (group,)).fetchall())


def _said(group: str, name: str, told: list[tuple[str, int]]) -> list[StoreMessage]:
    texts = [(by, f"{name}{run}-{n}") for run, (by, count) in enumerate(told) for n in range(count)]
    return [
        StoreMessage(
            user_id=by,
            connection_id="",
            client_id=f"{group}-{content}",
            conversation_id=group,
            content=content,
        )
        for by, content in texts
    ]


def _forget_runs(connection: sqlite3.Connection, group: str, fill: bool) -> None:
    connection.execute("BEGIN IMMEDIATE")
    forget = "UPDATE messages SET others_seq = NULL WHERE conversation_id = ?"
    connection.execute(forget, (group,))
    if fill:
        these = f"FROM messages WHERE conversation_id = '{group}')"
        connection.execute(r0013_runs.FILL.replace("FROM messages)", these))
    connection.execute("COMMIT")


@pytest.mark.parametrize("what", ["total", "inbox", "counted"])
async def test_f_s15_own_messages_above_an_unread_one_are_not_walked(
    empty: Path, tmp_path: Path, what: str
) -> None:
    """SQLite's own steps: as many above 5,000 own messages as above 100."""
    taken = []
    for own in (100, 5_000):
        path = Path(shutil.copy(empty, tmp_path / f"{own}.db"))
        async with reader(path) as one:
            await one.log.say("bob", "alice", "you have not read this")
            for start in range(0, own, 500):
                texts = [f"mine {n}" for n in range(start, start + min(own, 500))]
                await one.log.run(*[message("alice", "bob", said) for said in texts])
            asked = ("alice", AB) if what == "counted" else ("alice",)
            await getattr(one, what)(*asked)
            steps = Steps()
            await one.held.run(steps.watch)
            found = await getattr(one, what)(*asked)
            if what == "total":
                assert (found["unread_count"], found["items"][0]["seq"]) == (1, 1)
            taken.append(steps.taken)
    assert taken[1] <= taken[0] + 100


async def test_f_s15_what_is_hidden_is_walked_once(empty: Path, tmp_path: Path) -> None:
    """Twice as many cost twice as much, and not four times."""
    taken = []
    for count in (500, 1_000):
        path = Path(shutil.copy(empty, tmp_path / f"{count}.db"))
        async with reader(path) as one:
            await one.log.run(*[message("bob", "alice", f"said {n}") for n in range(count)])
            gone = range(2, count + 1)
            hide = [DeleteMessage(user_id="alice", message_id=n, mode="me") for n in gone]
            await one.log.run(*hide)
            steps = Steps()
            await one.held.run(steps.watch)
            assert (await one.total("alice"))["unread_count"] == 1
            await one.counted("alice", AB)
            taken.append(steps.taken)
    assert taken[1] < 2.5 * taken[0]
