"""The feed is kept for thirty days, and for every follower of the log."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from services.persistence.queries import Queries
from services.persistence.queries.followers import Followers
from services.persistence.store.store import Store
from services.persistence.upkeep import retention as retention_module
from services.persistence.upkeep.retention import Retention
from shared import clock, commands
from shared.commands import (
    Joined,
    LogPage,
    LogPageAnswer,
    Stored,
)
from tests.support.background import running
from tests.support.waiting import eventually
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.reads import feed, joins

DAY = 86_400
KEEP = 30 * DAY


class Calendar:
    """A clock that is set to so many days from now."""

    def __init__(self) -> None:
        self.days = 0.0

    def __call__(self) -> int:
        return clock.now() + int(self.days * DAY * 1_000_000)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def followers(calendar: Calendar) -> Followers:
    return Followers(calendar)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "LEAST_REST", 0.0)
    monkeypatch.setattr(retention_module, "GRACE", -1.0)


@pytest.fixture
def retention(store: Store, followers: Followers, calendar: Calendar) -> Retention:
    return Retention(store, followers, keep=KEEP, patience=KEEP, now=calendar)


@pytest.fixture
async def chat(log: Log) -> Log:
    """Ten messages of alice to bob: rows 1 to 20 of the log, 10 in each feed."""
    await log.people("alice", "bob")
    for number in range(1, 11):
        await log.say("alice", "bob", str(number))
    return log


def kept(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as other, other:
        found = [n for (n,) in other.execute("SELECT n FROM feed ORDER BY n")]
    return found


async def follow(
    queries: Queries, epoch: str, positions: dict[str, int], limit: int = 500, name: str = "notify"
) -> LogPageAnswer:
    asked = LogPage(follower=name, positions=positions, epoch=epoch, limit=limit)
    return commands.open_answer(await queries.answer(asked), LogPageAnswer)


async def joined(queries: Queries, user_id: str) -> Joined:
    [joined] = await joins(queries, user_id)
    return joined


async def cursors(queries: Queries, user_id: str, after: int) -> list[int]:
    return [event.cursor for event in (await feed(queries, user_id, after)).events]


# ------------------------------------------------------------------ what goes


async def test_s50_after_thirty_days_and_not_before(
    chat: Log, retention: Retention, calendar: Calendar, database: Path
) -> None:
    calendar.days = 29.9
    assert await retention.prune() == 0
    calendar.days = 30.1
    assert await retention.prune() == 19
    assert kept(database) == [20]  # a writer's newest row says where its numbers go on


async def test_s50_what_came_since_stays(
    chat: Log, retention: Retention, calendar: Calendar, database: Path, queries: Queries
) -> None:
    with closing(sqlite3.connect(database)) as other, other:
        other.execute(
            "UPDATE feed SET created_at = created_at - ? WHERE n <= 8", (31 * DAY * 10**6,)
        )
    assert await retention.prune() == 8
    assert kept(database) == list(range(9, 21))
    assert (await joined(queries, "bob")).oldest == 4
    assert await cursors(queries, "bob", 4) == [5, 6, 7, 8, 9, 10]
    assert await cursors(queries, "bob", 3) == [5, 6, 7, 8, 9, 10]  # no page begins at 4: a resync


async def test_s50_with_a_retention_of_nothing_all_is_kept(
    chat: Log, store: Store, followers: Followers, calendar: Calendar, database: Path
) -> None:
    calendar.days = 1000
    for_ever = Retention(store, followers, keep=0, patience=KEEP, now=calendar)
    assert await for_ever.prune() == 0
    assert len(kept(database)) == 20


async def test_s50_messages_and_their_ids_are_kept_for_ever(
    chat: Log, retention: Retention, calendar: Calendar, database: Path
) -> None:
    calendar.days = 1000
    await retention.prune()
    [again] = await chat.run(message("alice", "bob", "1"))
    assert isinstance(again, Stored)
    assert (again.seq, again.duplicate) == (1, True)
    with closing(sqlite3.connect(database)) as other, other:
        assert other.execute("SELECT count(*) FROM messages").fetchone() == (10,)


async def test_c5_numbers_go_on_behind_what_was_pruned(
    chat: Log, retention: Retention, calendar: Calendar, database: Path, queries: Queries
) -> None:
    calendar.days = 31
    await retention.prune()
    async with opened(database) as chat.store:
        [stored] = await chat.say("alice", "bob", "11")
    assert isinstance(stored, Stored)
    assert (stored.seq, stored.cursor) == (11, 11)
    assert kept(database) == [20, 21, 22]
    alice = await joined(queries, "alice")
    assert (alice.head, alice.oldest) == (11, 10)  # of her own feed every row had gone


async def test_c6_a_feed_of_which_nothing_is_left_is_whole_from_its_head_on(
    chat: Log, retention: Retention, calendar: Calendar, queries: Queries
) -> None:
    calendar.days = 31
    await retention.prune()
    found = [await joined(queries, user_id) for user_id in ("alice", "bob")]
    assert sorted(one.head - one.oldest for one in found) == [0, 1]  # one holds the newest row


# ------------------------------------------------------------------ a little at a time


async def test_c10_a_message_waits_for_one_step_and_not_for_all_of_them(
    chat: Log, retention: Retention, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "STEP_ROWS", (1, 1))
    retention = Retention(chat.store, Followers(calendar), keep=KEEP, patience=KEEP, now=calendar)
    calendar.days = 31
    pruning = asyncio.create_task(retention.prune())
    await asyncio.sleep(0)
    await chat.say("alice", "bob", "in between")
    assert not pruning.done()
    assert await pruning == 21 - 2 + 2


def test_c10_a_slow_step_takes_fewer_rows_next_time() -> None:
    sizes = [16]
    for took in (0.0, 0.0, 0.002, 0.1, 0.1, 0.1):
        sizes.append(retention_module.adapted(sizes[-1], took))
    assert sizes == [16, 32, 64, 64, 32, 16, 16]


async def test_what_goes_wrong_is_told_and_tried_again(
    chat: Log,
    retention: Retention,
    calendar: Calendar,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(retention_module, "PAUSE", 0.01)
    with closing(sqlite3.connect(database, isolation_level=None)) as other, other:
        other.execute("CREATE TRIGGER no BEFORE DELETE ON feed BEGIN SELECT raise(FAIL, 'no'); END")
        calendar.days = 31
        async with running(retention.run()):
            await eventually(lambda: "the feed is not pruned" in caplog.text)
            await chat.say("alice", "bob", "meanwhile")  # the store works as before
            other.execute("DROP TRIGGER no")
            await eventually(lambda: len(kept(database)) == 1)


# ------------------------------------------------------------------ those who follow


async def test_r16_what_a_follower_has_not_read_stays(
    chat: Log, retention: Retention, calendar: Calendar, queries: Queries, database: Path
) -> None:
    epoch = chat.store.epoch
    calendar.days = 31
    await follow(queries, epoch, {"1": 7})
    await follow(queries, epoch, {"1": 12}, name="webhooks")
    assert await retention.prune() == 7
    await follow(queries, epoch, {"1": 15})
    assert await retention.prune() == 5  # webhooks is the slowest now
    assert kept(database) == list(range(13, 21))


async def test_r16_one_that_just_begins_holds_everything(
    chat: Log, retention: Retention, calendar: Calendar, queries: Queries
) -> None:
    calendar.days = 31
    await follow(queries, "", {})
    assert await retention.prune() == 0


async def test_r16_a_place_in_another_store_is_no_place_in_this_one(
    chat: Log, retention: Retention, calendar: Calendar, queries: Queries
) -> None:
    calendar.days = 31
    await follow(queries, chat.store.epoch, {"1": 2})
    await follow(queries, "another", {"1": 19})
    assert await retention.prune() == 2


async def test_r16_one_that_is_gone_for_good_does_not_hold_for_ever(
    chat: Log, followers: Followers, calendar: Calendar, queries: Queries, database: Path
) -> None:
    epoch = chat.store.epoch
    retention = Retention(chat.store, followers, keep=KEEP, patience=40 * DAY, now=calendar)
    await follow(queries, epoch, {"1": 2}, name="gone")
    calendar.days = 20
    await follow(queries, epoch, {"1": 11})
    pruned = []
    for calendar.days in (29, 39, 41):
        await retention.note()
        pruned.append(await retention.prune())
    assert pruned == [0, 2, 9]
    with closing(sqlite3.connect(database)) as other, other:
        assert other.execute("SELECT DISTINCT follower FROM followers").fetchall() == [("notify",)]


async def test_r16_nobody_is_given_up_while_everything_starts(
    chat: Log,
    retention: Retention,
    calendar: Calendar,
    queries: Queries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention_module, "GRACE", 3600.0)
    await follow(queries, chat.store.epoch, {"1": 2})
    calendar.days = 100  # the whole product was switched off for so long
    await retention.note()
    assert await retention.prune() == 2


async def test_r16_a_follower_that_lost_its_place_goes_on_from_the_registered_one(
    chat: Log, queries: Queries, retention: Retention, database: Path, calendar: Calendar
) -> None:
    epoch = chat.store.epoch
    await follow(queries, epoch, {"1": 12})
    page = await follow(queries, "", {})
    assert [row.n for row in page.rows] == [n for n in range(13, 21) if _is_bobs(n)]
    assert page.positions == {"1": 20}
    await retention.note()
    after_a_restart = Followers(calendar)
    await Retention(chat.store, after_a_restart, keep=KEEP, patience=KEEP, now=calendar).load()
    asked = LogPage(follower="notify", positions={}, epoch="")
    assert after_a_restart.heard(asked, epoch) == {"1": 12}
    assert after_a_restart.heard(LogPage(follower="new", positions={}), epoch) == {}


def _is_bobs(n: int) -> bool:
    """A message's rows are its members', in their order: alice, bob."""
    return n % 2 == 0


async def test_a_follower_behind_what_is_left_begins_there(
    chat: Log, queries: Queries, retention: Retention, calendar: Calendar
) -> None:
    calendar.days = 31
    await retention.prune()
    await chat.say("alice", "bob", "11")
    page = await follow(queries, chat.store.epoch, {"1": 3}, limit=1)
    assert (page.positions, page.more) == ({"1": 20}, True)


def test_who_stands_still_is_written_down_once_an_hour(calendar: Calendar) -> None:
    followers = Followers(calendar)
    seen: list[Sequence[tuple[object, ...]]] = []
    for days in (0.0, 0.0, 0.03, 0.05):
        calendar.days = days
        followers.heard(LogPage(follower="notify", positions={}), "e1")
        seen.append(followers.news())
        followers.wrote(followers.news())
    assert [len(rows) for rows in seen] == [1, 0, 0, 1]
    followers.heard(LogPage(follower="notify", positions={"1": 4}, epoch="e1"), "e1")
    [row] = followers.news()
    assert row[:3] == ("notify", "1", 4)
