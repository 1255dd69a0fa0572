"""C9: whatever users block, take back and say, in whatever order: a real store agrees with a set
of pairs about what is stored, and every read about who may know of whom.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from shared import commands
from shared.commands import (
    Acquaintances,
    AcquaintancesAnswer,
    AddMembers,
    AdvanceReceipt,
    Batch,
    BeginConversation,
    Blocks,
    Command,
    CreateGroup,
    DeleteMessage,
    EditMessage,
    Inbox,
    Members,
    MembersAnswer,
    PutUser,
    Question,
    React,
    Refused,
    Results,
    SetBlock,
    Snapshot,
    StoreMessage,
)
from shared.errors import NotFound
from shared.subjects import direct_conversation_id
from tests.support.mined import InlineHeld
from tests.support.stores import empty_store

USERS = ("alice", "bob", "carol")
GROUP = "g"  # of all of them
TALKING = direct_conversation_id("alice", "bob")  # from the beginning
Say = tuple[str, str, str]


ALONE = (
    "block",
    "block",
    "unblock",
    "say",
    "say",
    "say",
    "begin",
    "edit",
    "react",
    "wipe",
    "read",
    "read",
)
TOGETHER = ("group", "invite", "say in the group")

deeds = st.sampled_from([*ALONE, *TOGETHER])
turns = st.lists(
    st.lists(
        st.tuples(deeds, st.sampled_from(USERS), st.sampled_from(USERS)), min_size=1, max_size=5
    ),
    min_size=1,
    max_size=8,
)


class Model:
    """Pairs that block, conversations that have begun, and in each the messages by sender."""

    def __init__(self) -> None:
        self.blocked: set[tuple[str, str]] = set()
        self.begun: set[str] = set()
        self.said: dict[tuple[str, str], int] = {}  # place, sender → their first message there
        self.last_id = 0
        self.wiped: set[int] = set()
        self.read: dict[tuple[str, str], int] = {}
        self.last_seq: dict[str, int] = {}
        self.clients = 0

    def barred(self, user_id: str, other_id: str, absent: str = "not_found") -> str:
        if user_id != other_id and (user_id, other_id) in self.blocked:
            return "forbidden"
        return absent if (other_id, user_id) in self.blocked else "ok"

    def command(self, say: Say) -> tuple[Command, str] | None:  # noqa: C901 - one case a deed
        """The question and the code of its answer, or None if there is nothing to ask."""
        deed, one, other = say
        place = direct_conversation_id(one, other)
        mine = self.said.get((place, one), 0)
        self.clients += 1
        match deed:
            case "block" | "unblock":
                return self.set_block(one, other, place, deed == "block")
            case "say":
                return self.message(one, other, place)
            case "say in the group":
                self.last_id += 1
                said = StoreMessage(
                    user_id=one,
                    connection_id="",
                    client_id=str(self.clients),
                    conversation_id=GROUP,
                    content="x",
                )
                return said, "ok"
            case "begin":
                return self.begin(one, other, place)
            case "edit" if mine and mine not in self.wiped:
                edit = EditMessage(user_id=one, message_id=mine, content="y")
                return edit, self.barred(one, other)
            case "react" if mine and mine not in self.wiped:
                react = React(user_id=one, message_id=mine, emoji=str(self.clients))
                return react, self.barred(one, other)
            case "wipe" if mine:
                self.wiped.add(mine)
                return DeleteMessage(user_id=one, message_id=mine, mode="everyone"), "ok"
            case "read" if place in self.begun:
                return self.mark(one, other, place)
            case "group" | "invite" if one != other:
                return self.gather(deed, one, other)
        return None

    def set_block(self, one: str, other: str, place: str, blocked: bool) -> tuple[Command, str]:
        command = SetBlock(user_id=one, conversation_id=place, other_id=other, blocked=blocked)
        if one == other:
            return command, "invalid_request"
        (self.blocked.add if blocked else self.blocked.discard)((one, other))
        return command, "ok"

    def message(self, one: str, other: str, place: str) -> tuple[Command, str]:
        said = StoreMessage(
            user_id=one,
            connection_id="",
            client_id=f"{one} {self.clients}",
            conversation_id=place,
            content="x",
            to=other,
        )
        code = self.barred(one, other)
        if code == "ok":
            self.last_id += 1
            self.begun.add(place)
            self.said.setdefault((place, one), self.last_id)
            seq = self.last_seq[place] = self.last_seq.get(place, 0) + 1
            if self.read.get((place, one), 0) == seq - 1:
                self.read[place, one] = seq
        return said, code

    def begin(self, one: str, other: str, place: str) -> tuple[Command, str]:
        code = "ok" if place in self.begun else self.barred(one, other)
        if code == "ok":
            self.begun.add(place)
        return BeginConversation(user_id=one, conversation_id=place, to=other), code

    def mark(self, one: str, other: str, place: str) -> tuple[Command, str]:
        """Advance a receipt; it stays where it is if its user blocks the other one."""
        if (one, other) not in self.blocked:
            self.read[place, one] = self.last_seq.get(place, 0)
        told = AdvanceReceipt(user_id=one, connection_id="", conversation_id=place, read_seq=2**40)
        return told, "ok"

    def gather(self, deed: str, one: str, other: str) -> tuple[Command, str]:
        code = self.barred_group(one, other)
        self.last_id += code == "ok"
        if deed == "group":
            place = f"{GROUP}{self.clients}"
            group = CreateGroup(user_id=one, conversation_id=place, title="T", members=[other])
            return group, code
        den = f"den of {one}"
        if (den, other) in self.said:
            self.last_id -= code == "ok"
            return AddMembers(user_id=one, conversation_id=den, members=[other]), "ok"
        if code == "ok":
            self.said[den, other] = self.last_id
        return AddMembers(user_id=one, conversation_id=den, members=[other]), code

    def barred_group(self, one: str, other: str) -> str:
        if (other, one) in self.blocked:
            return "not_found"
        return "forbidden" if (one, other) in self.blocked else "ok"

    def apart(self, one: str, other: str) -> bool:
        return bool({(one, other), (other, one)} & self.blocked)


@given(turns=turns)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_c9_a_store_keeps_blocks_as_they_are_asked(turns: list[list[Say]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "linkup.db"
        shutil.copy(empty_store(), path)
        with mock.patch("services.persistence.store.store.Held", InlineHeld):
            asyncio.run(played(f"sqlite:///{path}", turns))


async def played(url: str, turns: list[list[Say]]) -> None:
    store, model = Store(url, Limits(1, 0.0)), Model()
    held = InlineHeld(url, ReaderConnection)
    await store.open()
    try:
        await furnish(store, model)
        for number, turn in enumerate(turns, start=2):
            asked = [found for say in turn if (found := model.command(say)) is not None]
            codes = await answers(store, number, [command for command, _ in asked])
            assert codes == [code for _, code in asked], [command for command, _ in asked]
        queries = Queries(held, store.epoch)
        for user_id in USERS:
            await look(queries, model, user_id)
    finally:
        await held.close()
        await store.close()


async def furnish(store: Store, model: Model) -> None:
    known: list[Command] = [PutUser(user_id=user_id, name=user_id) for user_id in USERS]
    groups: list[Command] = [
        CreateGroup(user_id="alice", conversation_id=GROUP, title="All", members=list(USERS)),
        *[
            CreateGroup(user_id=one, conversation_id=f"den of {one}", title="D", members=[])
            for one in USERS
        ],
    ]
    model.last_id = len(groups)
    said = [model.message(*pair, TALKING)[0] for pair in (("alice", "bob"), ("bob", "alice"))]
    assert set(await answers(store, 1, [*known, *groups, *said])) == {"ok"}


async def answers(store: Store, number: int, told: list[Command]) -> list[str]:
    [reply] = (await store.commit([Batch(lane="l", number=number, commands=told)])).replies
    assert isinstance(reply, Results)
    return [one.code if isinstance(one, Refused) else "ok" for one in reply.results]


async def look(queries: Queries, model: Model, user_id: str) -> None:
    """Every read as this user."""
    others = [other for other in USERS if other != user_id]
    page = await read(queries, Blocks(user_id=user_id))
    mine = [other for other in USERS if (user_id, other) in model.blocked]
    assert [one["user_id"] for one in page["blocks"]] == mine
    asked = Acquaintances(user_id=user_id, asked=list(USERS))
    answer = await queries.answer(asked)
    known = commands.open_answer(answer, AcquaintancesAnswer).last_seen.keys()
    close = {other for other in others if not model.apart(user_id, other)}
    assert known == {user_id} | close
    assert await hearers(queries, user_id, GROUP) == {user_id} | close
    for other in others:
        place = direct_conversation_id(user_id, other)
        if place in model.begun:
            wanted = Inbox(user_id=user_id, conversation_id=place)
            [row] = (await read(queries, wanted))["conversations"]
            judge(model, row, user_id, other)
            heard = await hearers(queries, user_id, place)
            assert (other in heard) is not model.apart(user_id, other)


def judge(model: Model, row: dict[str, Any], user_id: str, other: str) -> None:
    place = row["conversation_id"]
    assert row["blocked"] is ((user_id, other) in model.blocked)
    assert row["last_seq"] == model.last_seq.get(place, 0)
    assert row["read_seq"] == model.read.get((place, user_id), 0)
    assert row["peer_read_seq"] == model.read.get((place, other), 0)
    assert not row["blocked"] or row["unread_count"] == 0


async def hearers(queries: Queries, user_id: str, place: str) -> Sequence[str] | set[str]:
    asked = Members(user_id=user_id, conversation_id=place)
    try:
        answer = await queries.answer(asked)
    except NotFound:
        return set()
    return set(commands.open_answer(answer, MembersAnswer).user_ids)


async def read(queries: Queries, asked: Question) -> dict[str, Any]:
    answer = await queries.answer(asked)
    found: dict[str, Any] = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return found
