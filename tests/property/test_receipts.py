"""Whatever is said, marked, joined, left and pruned: who has a message agrees with the marks, and
a time is the one at which the mark got there, or none."""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.persistence.decide.state import Limits, Member
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from shared import commands, frames
from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    Batch,
    Command,
    CreateGroup,
    PutUser,
    Receipts,
    RemoveMember,
    Snapshot,
    Stored,
    StoreMessage,
)
from shared.sqlite.held import Held
from tests.support.stores import empty_store

PEOPLE = ("alice", "bob", "carol", "dave")  # alice made the group, dave stands by at first
people = st.sampled_from(PEOPLE)
STEPS = st.one_of(
    st.tuples(st.just("say"), people, st.just(0)),
    st.tuples(st.just("say"), people, st.just(0)),
    st.tuples(st.sampled_from(["read", "delivered", "both"]), people, st.integers(1, 4)),
    st.tuples(st.sampled_from(["read", "delivered", "both"]), people, st.integers(1, 4)),
    st.tuples(st.sampled_from(["join", "leave"]), st.sampled_from(PEOPLE[1:]), st.just(0)),
    st.tuples(st.just("prune"), st.just(""), st.integers(1, 20)),
)
Step = tuple[str, str, int]
Marks = tuple[int, int]

# When bob read the first is pruned, when he read the second is not.
FORGOTTEN: list[Step] = [
    ("say", "alice", 0),
    ("say", "alice", 0),
    ("read", "bob", 1),
    ("say", "carol", 0),
    ("prune", "", 20),
    ("read", "bob", 1),
]


@dataclass
class Run:
    """A store with one group, and a diary of when whose marks got where."""

    store: Store
    queries: Queries
    number: int = 0
    sent: dict[int, tuple[Stored, str]] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)
    joined_at: dict[str, int] = field(default_factory=dict)
    got: dict[tuple[str, int], dict[str, int]] = field(default_factory=dict)

    async def commit(self, *told: Command) -> None:
        self.number += 1
        decision = await self.store.commit([Batch(lane="l", number=self.number, commands=[*told])])
        [reply] = decision.replies
        assert isinstance(reply, commands.Results)
        for command, result in zip(told, reply.results, strict=True):
            if isinstance(command, StoreMessage) and isinstance(result, Stored):
                self.sent[result.seq] = (result, command.user_id)
        members = decision.state.conversations["g"].members if self.number > 1 else {}
        self.note(members, decision.state.now)

    def note(self, members: dict[str, Member], now: int) -> None:
        for name in self.joined_at.keys() - members.keys():
            del self.joined_at[name], self.marks[name]
        for name, member in members.items():
            if self.joined_at.get(name) != member.joined_at:
                self.joined_at[name] = member.joined_at
                self.marks[name] = (member.delivered_seq, member.read_seq)
                self.got = {key: at for key, at in self.got.items() if key[0] != name}
            before, after = self.marks[name], (member.delivered_seq, member.read_seq)
            for kind, low, high in zip(("delivered_at", "read_at"), before, after, strict=True):
                for seq in range(low + 1, high + 1):
                    self.got.setdefault((name, seq), {})[kind] = now
            self.marks[name] = after

    async def step(self, what: str, name: str, count: int) -> None:
        place: dict[str, Any] = {"user_id": name, "conversation_id": "g"}
        delivered, read = self.marks.get(name, (0, 0))
        marked: dict[str, Any] = {"connection_id": "", **place}
        forth = AdvanceReceipt(**marked, delivered_seq=delivered + count)
        seen = AdvanceReceipt(**marked, read_seq=read + count)
        said: dict[str, Any] = {"client_id": f"c{self.number}", "content": "x"}
        match what:
            case "say":
                await self.commit(StoreMessage(**marked, **said))
            case "read":
                await self.commit(seen)
            case "delivered":
                await self.commit(forth)
            case "both":
                await self.commit(forth, StoreMessage(**marked, **said), seen)
            case "join":
                owner = {"user_id": "alice", "conversation_id": "g"}
                await self.commit(AddMembers(**owner, members=[name]))
            case "leave":
                await self.commit(RemoveMember(**place, member_id=name))
            case "prune":
                await self.store.between(lambda connection: _prune(connection, count))

    async def check(self) -> None:
        [(oldest,)] = await self.store.between(
            lambda connection: connection.execute(
                "SELECT created_at FROM feed ORDER BY n LIMIT 1"
            ).fetchall()
        )
        for seq, (stored, sender) in self.sent.items():
            if self.joined_at.get(sender, stored.created_at + 1) > stored.created_at:
                continue  # the sender does not see it any more
            page = await self.receipts(sender, stored.message_id)
            listed = {
                name
                for name, at in self.joined_at.items()
                if at <= stored.created_at and name != sender
            }
            assert {one["user_id"] for one in page["receipts"]} == listed
            for one in page["receipts"]:
                self.check_one(one, seq, whole=oldest <= stored.created_at)
            counts = [sum(one[kind] for one in page["receipts"]) for kind in ("delivered", "read")]
            assert [page["delivered_count"], page["read_count"]] == counts

    def check_one(self, one: dict[str, Any], seq: int, *, whole: bool) -> None:
        name = one["user_id"]
        for kind, mark in zip(("delivered", "read"), self.marks[name], strict=True):
            assert one[kind] == (mark >= seq)
            at = self.got.get((name, seq), {}).get(f"{kind}_at")
            told = one[f"{kind}_at"]
            assert told in (None, at and _shown(at))
            assert told is not None or not (whole and one[kind]), "it is known, and not told"
        if one["delivered_at"] and one["read_at"]:
            assert one["delivered_at"] <= one["read_at"]

    async def receipts(self, user_id: str, message_id: int) -> dict[str, Any]:
        asked = Receipts(user_id=user_id, message_id=message_id, limit=100)
        answer = await self.queries.answer(asked)
        page: dict[str, Any] = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
        return page


def _shown(microseconds: int) -> str:
    return str(msgspec.to_builtins(frames.time_of(microseconds)))


def _prune(connection: Any, count: int) -> None:
    """The oldest rows of the log, and never its newest."""
    connection.execute(
        "DELETE FROM feed WHERE n IN (SELECT n FROM feed ORDER BY n LIMIT ?1)"
        " AND n < (SELECT max(n) FROM feed)",
        (count,),
    ).fetchall()


@pytest.mark.timeout(300)
@settings(max_examples=80)
@example(steps=FORGOTTEN)
@given(steps=st.lists(STEPS, min_size=4, max_size=25))
def test_s65_receipts_agree_with_the_marks_and_times_are_true_or_none(
    steps: list[Step],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "linkup.db"
        shutil.copy(empty_store(), path)
        asyncio.run(play(path, steps))


async def play(path: Path, steps: list[Step]) -> None:
    url = f"sqlite:///{path}"
    store, held = Store(url, Limits(1, 0.0)), Held(url, ReaderConnection)
    await store.open()
    try:
        run = Run(store, Queries(held, store.epoch))
        await run.commit(*[PutUser(user_id=name) for name in PEOPLE])
        members = ["bob", "carol"]
        await run.commit(
            CreateGroup(user_id="alice", conversation_id="g", title="T", members=members)
        )
        for step in steps:
            await run.step(*step)
        await run.check()
    finally:
        await held.close()
        await store.close()
