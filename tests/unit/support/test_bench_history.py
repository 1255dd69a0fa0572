"""The measurement of what a past costs measures what it says, on stores of a size for a test."""

import sqlite3
from pathlib import Path

import pytest

from services.persistence.store.migrate import upgrade
from tests.bench import history, past
from tests.bench.history import Cost, Costs

STORED = 2_000


@pytest.mark.slow
async def test_f_t7_every_operation_of_the_history_bench_is_measured(tmp_path: Path) -> None:
    """The million itself is for `make bench`; here it runs, on all its operations."""
    found = await history.measure(tmp_path, STORED, rounds=3)
    names = ["newest page", "old page", "inbox", "resume"]
    names += [f"search, {what}" for what in ("common word", "rare word", "all conversations")]
    assert [cost.name for cost in found.costs] == [*names, "send"]
    assert all(cost.full_p50_ms > 0 and cost.empty_min_ms > 0 for cost in found.costs)
    assert (found.stored, found.in_one_conversation) == (STORED, STORED // 5)


async def test_a_past_is_what_traffic_leaves(tmp_path: Path) -> None:
    path = tmp_path / "past.db"
    await upgrade(f"sqlite:///{path}")
    async with history.side(path) as one:
        await one.fill(STORED)
        await one.stand()
        for work in one.works().values():
            await work()
    sqlite = sqlite3.connect(path)
    [counts] = sqlite.execute(
        """SELECT (SELECT count(*) FROM messages), (SELECT max(message_id) FROM messages),
        (SELECT count(*) FROM feed WHERE kind = 'message'), (SELECT max(n) FROM feed) =
        (SELECT count(*) FROM feed), (SELECT sum(head) FROM heads) = (SELECT count(*) FROM feed),
        (SELECT count(DISTINCT message_id) FROM words), (SELECT value FROM meta
        WHERE key = 'indexed')"""
    ).fetchall()
    big = sqlite.execute(
        "SELECT last_seq, user_id, read_seq FROM conversations JOIN members"
        " USING (conversation_id) WHERE conversation_id = ? ORDER BY user_id",
        (history.AB,),
    ).fetchall()
    unread = sqlite.execute(
        "SELECT DISTINCT last_seq - read_seq FROM conversations"
        " JOIN members USING (conversation_id)"
    ).fetchall()
    sqlite.close()
    assert counts == (STORED + 1, STORED + 1, 2 * STORED + 2, 1, 1, STORED, str(STORED))
    size = STORED // past.BIG_SHARE
    assert big == [(size + 1, "alice", size + 1), (size + 1, "bob", size - past.UNREAD)]
    assert sorted(unread) == [(0,), (past.UNREAD + 1,)]


@pytest.mark.parametrize(("full", "said"), [(1.4, "pass"), (1.6, "FAIL")])
def test_what_is_too_dear_is_said(full: float, said: str) -> None:
    cost = Cost(name="send", empty_p50_ms=1.0, full_p50_ms=full, empty_min_ms=1.0, full_min_ms=1.0)
    costs = Costs(stored=10, in_one_conversation=2, megabytes=1, filled_in_s=1, costs=[cost])
    assert f"| {full:.2f} | 1.00 | {said} |" in history.markdown(costs)
