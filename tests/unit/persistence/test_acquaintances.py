"""Whose presence a user may hear of, and when somebody was last seen."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from services.persistence.queries import Queries
from shared import commands
from shared.commands import Acquaintances, AcquaintancesAnswer, TouchUser
from tests.unit.persistence.log import Log

HOUR = 3_600_000_000  # microseconds


async def known(queries: Queries, user_id: str, *asked: str) -> dict[str, int | None]:
    question = Acquaintances(user_id=user_id, asked=list(asked))
    answer = await queries.answer(question)
    return commands.open_answer(answer, AcquaintancesAnswer).last_seen


async def test_c9_only_who_shares_a_conversation_is_an_acquaintance(
    queries: Queries, log: Log
) -> None:
    await log.people("alice", "bob", "carol")
    await log.say("alice", "bob", "hi")
    everybody = ("alice", "bob", "carol", "nobody")
    assert (await known(queries, "alice", *everybody)).keys() == {"alice", "bob"}
    assert (await known(queries, "bob", *everybody)).keys() == {"alice", "bob"}
    assert (await known(queries, "carol", *everybody)).keys() == {"carol"}
    assert await known(queries, "nobody", *everybody) == {}


async def test_s48_last_seen_moves_forwards_only_and_never_ahead_of_our_clock(
    queries: Queries, log: Log
) -> None:
    await log.people("alice")
    now = time.time_ns() // 1000
    await log.run(TouchUser(user_id="alice", at=now - HOUR))
    await log.run(TouchUser(user_id="alice", at=now - 2 * HOUR))
    assert await known(queries, "alice", "alice") == {"alice": now - HOUR}
    await log.run(
        TouchUser(user_id="alice", at=now + HOUR), TouchUser(user_id="alice", at=now - HOUR)
    )
    seen = (await known(queries, "alice", "alice"))["alice"]
    assert seen is not None
    assert now <= seen < now + HOUR


async def test_who_nobody_has_made_known_is_not_made_by_being_seen(
    database: Path, log: Log
) -> None:
    await log.run(TouchUser(user_id="ghost", at=1))
    with closing(sqlite3.connect(database)) as store, store:
        found = store.execute("SELECT user_id FROM users").fetchall()
    assert found == []
