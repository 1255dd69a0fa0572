"""C9: whoever becomes a contact of whom, and says what, in whatever order: a real store agrees with
a set of pairs about what is stored, and about who finds whom.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from shared import commands
from shared.commands import (
    AddMembers,
    BeginConversation,
    Command,
    Contacts,
    CreateGroup,
    EditMessage,
    FindUsers,
    PutUser,
    React,
    SetBlock,
    SetContact,
    Snapshot,
    StoreMessage,
)
from shared.subjects import direct_conversation_id
from tests.property.test_blocks import answers
from tests.support.mined import InlineHeld
from tests.support.stores import empty_store

USERS = ("alice", "bob", "carol")
Say = tuple[str, str, str]

deeds = st.sampled_from(
    ["allow", "allow", "end", "say", "say", "begin", "edit", "react", "group", "invite", "block"]
)
turns = st.lists(
    st.lists(
        st.tuples(deeds, st.sampled_from(USERS), st.sampled_from(USERS)), min_size=1, max_size=5
    ),
    min_size=1,
    max_size=8,
)


class Model:
    """Pairs that are contacts or block, and the conversations that have begun."""

    def __init__(self, *, listed: bool) -> None:
        self.listed = listed
        self.contacts: set[frozenset[str]] = set()
        self.blocked: set[tuple[str, str]] = set()
        self.begun: set[str] = set()
        self.said: dict[tuple[str, str], int] = {}
        self.last_id = self.clients = 0

    def strangers(self, one: str, other: str) -> bool:
        return self.listed and one != other and frozenset((one, other)) not in self.contacts

    def code(self, one: str, other: str, known: bool) -> str:
        """`known`: the two have a conversation."""
        if (one, other) in self.blocked:
            return "not_found" if not known and self.strangers(one, other) else "forbidden"
        if (other, one) in self.blocked:
            return "not_found"
        if self.strangers(one, other):
            return "forbidden" if known else "not_found"
        return "ok"

    def command(self, say: Say) -> tuple[Command, str] | None:
        deed, one, other = say
        place = direct_conversation_id(one, other)
        self.clients += 1
        match deed:
            case "allow" | "end":
                return self.contact(one, other, deed == "allow")
            case "block" if one != other:
                self.blocked.add((one, other))
                told = SetBlock(user_id=one, conversation_id=place, other_id=other, blocked=True)
                return told, "ok"
            case "say":
                return self.message(one, other, place)
            case "begin":
                known = place in self.begun
                code = "ok" if known else self.code(one, other, known=False)
                self.begun |= {place} if code == "ok" else set()
                return BeginConversation(user_id=one, conversation_id=place, to=other), code
            case "edit" | "react" if (place, one) in self.said:
                return self.revision(deed, one, other, self.said[place, one])
            case "group" | "invite" if one != other:
                return self.gather(deed, one, other)
        return None

    def contact(self, one: str, other: str, allowed: bool) -> tuple[Command, str]:
        command = SetContact(user_id=one, other_id=other, allowed=allowed)
        if one == other:
            return command, "invalid_request"
        (self.contacts.add if allowed else self.contacts.discard)(frozenset((one, other)))
        return command, "ok"

    def message(self, one: str, other: str, place: str) -> tuple[Command, str]:
        code = self.code(one, other, place in self.begun)
        if code == "ok":
            self.last_id += 1
            self.begun.add(place)
            self.said.setdefault((place, one), self.last_id)
        said = StoreMessage(
            user_id=one,
            connection_id="",
            client_id=str(self.clients),
            conversation_id=place,
            content="x",
            to=other,
        )
        return said, code

    def revision(self, deed: str, one: str, other: str, message_id: int) -> tuple[Command, str]:
        told: Command = EditMessage(user_id=one, message_id=message_id, content=str(self.clients))
        if deed == "react":
            told = React(user_id=one, message_id=message_id, emoji=str(self.clients))
        return told, self.code(one, other, known=True)

    def gather(self, deed: str, one: str, other: str) -> tuple[Command, str]:
        """A group of their own for each, so that nobody is invited who is there."""
        place = f"{deed} {self.clients}"
        barred = (other, one) in self.blocked or self.strangers(one, other)
        code = "not_found" if barred else self.code(one, other, known=False)
        self.last_id += code == "ok"
        if deed == "group":
            told: Command = CreateGroup(
                user_id=one, conversation_id=place, title="T", members=[other]
            )
            return told, code
        den = f"den of {one}"
        if (den, other) in self.said:
            self.last_id -= code == "ok"
            code = "ok"
        elif code == "ok":
            self.said[den, other] = self.last_id
        return AddMembers(user_id=one, conversation_id=den, members=[other]), code


@given(turns=turns, listed=st.booleans())
@example(
    turns=[[("allow", "alice", "bob"), ("say", "bob", "alice"), ("end", "bob", "alice")]] * 2,
    listed=True,
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_c9_d35_a_store_lets_contacts_write_and_nobody_else(
    turns: list[list[Say]], listed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "linkup.db"
        shutil.copy(empty_store(), path)
        with mock.patch("services.persistence.store.store.Held", InlineHeld):
            asyncio.run(played(f"sqlite:///{path}", turns, listed))


async def played(url: str, turns: list[list[Say]], listed: bool) -> None:
    store, model = Store(url, Limits(1, 0.0, contacts_only=listed)), Model(listed=listed)
    held = InlineHeld(url, ReaderConnection)
    await store.open()
    try:
        known: list[Command] = [PutUser(user_id=one, name=f"Ann {one}") for one in USERS]
        known += [
            CreateGroup(user_id=one, conversation_id=f"den of {one}", title="D", members=[])
            for one in USERS
        ]
        model.last_id = len(USERS)
        assert set(await answers(store, 1, known)) == {"ok"}
        for number, turn in enumerate(turns, start=2):
            asked = [found for say in turn if (found := model.command(say)) is not None]
            codes = await answers(store, number, [command for command, _ in asked])
            assert codes == [code for _, code in asked], [command for command, _ in asked]
        for user_id in USERS:
            await look(Queries(held, store.epoch, contacts_only=listed), model, user_id)
    finally:
        await held.close()
        await store.close()


async def look(queries: Queries, model: Model, user_id: str) -> None:
    """Check the listed contacts of a user, and the users they find."""
    others = [other for other in USERS if other != user_id]
    page = await read(queries, Contacts(user_id=user_id))
    mine = [other for other in others if frozenset((user_id, other)) in model.contacts]
    assert [one["user_id"] for one in page["contacts"]] == mine
    found = await read(queries, FindUsers(user_id=user_id, q="ann", limit=1))
    assert {one["user_id"] for one in found["users"]} <= set(others)
    found = await read(queries, FindUsers(user_id=user_id, q="ann"))
    open_to = [one for one in others if model.code(user_id, one, known=False) == "ok"]
    assert [one["user_id"] for one in found["users"]] == open_to


async def read(queries: Queries, asked: Contacts | FindUsers) -> dict[str, list[dict[str, str]]]:
    answer = await queries.answer(asked)
    found: dict[str, list[dict[str, str]]] = msgspec.json.decode(
        commands.open_answer(answer, Snapshot).body
    )
    return found
