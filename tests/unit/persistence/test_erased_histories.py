"""Whatever has happened before, an erasure leaves nothing of the user, and all of the others."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from services.persistence.queries import Queries
from services.persistence.upkeep.audit import Pass
from services.persistence.upkeep.user_erasure import UserErasure
from shared.commands import (
    AddMembers,
    ClearConversation,
    Command,
    CreateGroup,
    DeleteMessage,
    EditMessage,
    EraseUser,
    React,
    RemoveMember,
    SetBlock,
    SetConversation,
    StoreMessage,
)
from shared.subjects import direct_conversation_id
from tests.unit.persistence.log import Log
from tests.unit.persistence.reads import feed, joins

CANARY = "canary-5f1c7e"
PEOPLE = ("xena", "alice", "bob", "carol")
GROUPS = ("g" * 32, "h" * 32)
OTHERS = """
SELECT message_id, conversation_id, seq, sender_id, client_id, content, reply_to, edited_at,
  deleted_at FROM messages WHERE sender_id <> 'xena'
"""
NUMBERS = "SELECT message_id, conversation_id, seq, sender_id FROM messages ORDER BY message_id"


class Lives:
    """Random commands of four users, xena's with a canary in each text."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._count = 0

    def command(self) -> Command:
        chance = self._chance
        user_id = chance.choice(PEOPLE)
        message_id = chance.randrange(1, 60)
        other, group = chance.choice(PEOPLE), chance.choice(GROUPS)
        place = chance.choice([direct_conversation_id(user_id, other), group])
        made: list[Any] = [
            lambda: React(user_id=user_id, message_id=message_id, emoji=chance.choice("👍🎉")),
            lambda: DeleteMessage(
                user_id=user_id, message_id=message_id, mode=chance.choice(["me", "everyone"])
            ),
            lambda: EditMessage(
                user_id=user_id, message_id=message_id, content=self._text(user_id)
            ),
            lambda: ClearConversation(user_id=user_id, conversation_id=place),
            lambda: SetConversation(
                user_id=user_id, conversation_id=place, muted=True, archived=True
            ),
            lambda: AddMembers(user_id=user_id, conversation_id=group, members=[other]),
            lambda: RemoveMember(user_id=user_id, conversation_id=group, member_id=other),
            lambda: SetBlock(
                user_id=user_id,
                conversation_id=direct_conversation_id(user_id, other),
                other_id=other,
                blocked=chance.random() < 0.3,
            ),
        ]
        if chance.random() < 0.6:
            return self._message(user_id, other, group)
        told: Command = chance.choice(made)()
        return told

    def _message(self, user_id: str, other: str, group: str) -> StoreMessage:
        self._count += 1
        direct = self._chance.random() < 0.6
        place = direct_conversation_id(user_id, other) if direct else group
        return StoreMessage(
            user_id=user_id,
            connection_id="",
            client_id=f"{self._text(user_id)[:20]}-{self._count}",
            conversation_id=place,
            content=self._text(user_id),
            to=other if direct else None,
        )

    def _text(self, user_id: str) -> str:
        said = CANARY if user_id == "xena" else user_id
        return said + "y" * self._chance.randrange(200)


@pytest.mark.parametrize("seed", range(8))
async def test_any_history_ends_the_same(
    log: Log, erasure: UserErasure, queries: Queries, database: Path, seed: int
) -> None:
    await log.people(*PEOPLE)
    for group, owner in zip(GROUPS, ("alice", "bob"), strict=True):
        members = [one for one in PEOPLE if one != owner]
        await log.run(
            CreateGroup(user_id=owner, conversation_id=group, title="a group", members=members)
        )
    lives = Lives(seed)
    for _ in range(6):
        await log.run(*[lives.command() for _ in range(40)])
    await log.store.index(1000, 1_000_000)
    before = [looked_up(database, sql) for sql in (OTHERS, NUMBERS)]
    await log.run(EraseUser(user_id="xena"))
    await erasure.erase()
    assert [looked_up(database, sql) for sql in (OTHERS, NUMBERS)] == before
    assert [file.name for file in database.parent.iterdir() if holds(file)] == []
    assert violations(database) == []
    for user_id in PEOPLE[1:]:
        [joined] = await joins(queries, user_id)
        page = await feed(queries, user_id, joined.oldest)
        assert CANARY.encode() not in b"".join(event.body for event in page.events)
        assert [event.cursor for event in page.events] == list(
            range(joined.oldest + 1, joined.oldest + 1 + len(page.events))
        )


def looked_up(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def holds(file: Path) -> bool:
    return file.is_file() and CANARY.encode() in file.read_bytes()


def violations(database: Path) -> list[Any]:
    found: list[Any] = []
    audit = Pass()
    with closing(sqlite3.connect(database)) as connection:
        while audit.walk is not None:
            found += audit.step(connection, 1024)
    return found
