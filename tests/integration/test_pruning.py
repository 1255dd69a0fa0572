"""notify's database does not grow without end: what is over goes, and what is not over stays."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from services.notify.app import open_app
from services.notify.inbox import pruning as module
from services.notify.inbox.pruning import DAY, Pruned, Pruning
from services.notify.ladder.delivery import Ending, Outcome
from services.notify.store import handover
from shared.commands import ReadNotices
from shared.errors import ClientIdConflict
from shared.health.endpoints import Health
from shared.settings import Settings
from tests.integration.bell_support import Bell, ringing
from tests.integration.notify_support import WAITS
from tests.support.waiting import eventually

KEEP = 30 * DAY


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(module, "STEP", 7)


@pytest.fixture
async def bell(tmp_path: Path) -> AsyncIterator[Bell]:
    async with ringing(tmp_path) as bell:
        yield bell


async def prune(bell: Bell, keep: int = KEEP) -> Pruned:
    return await Pruning(bell.store.between, keep, lambda: bell.now).once(keep)


async def test_s73_read_items_go_after_30_days_and_unread_ones_after_180(bell: Bell) -> None:
    for number in range(20):
        await bell.say(1, to="bob", place=f"d{number}", step=0)
        await bell.say(1, to="carol", place=f"d{number}", step=0)
    await bell.lists.read_all(ReadNotices(user_id="bob"))
    bell.now += 29 * DAY
    await bell.say(1, to="bob", place="late")
    assert (await prune(bell)).items == 0
    bell.now += 2 * DAY
    assert (await prune(bell)).items == 20
    assert [n.conversation_id for n in (await bell.page("bob")).notices] == ["late"]
    assert await bell.unread("carol") == 20
    bell.now += 150 * DAY
    assert (await prune(bell)).items == 20
    assert await bell.unread("carol") == 0


async def test_a_key_is_known_for_7_days_at_least(bell: Bell) -> None:
    await bell.announce()
    bell.now += 7 * DAY
    assert (await prune(bell, keep=DAY)).keys == 0
    assert (await bell.announce()).duplicate
    with pytest.raises(ClientIdConflict):
        await bell.announce(title="Other")
    bell.now += DAY
    assert (await prune(bell, keep=DAY)).keys == 1
    assert not (await bell.announce()).duplicate


async def test_deliveries_go_when_they_are_over_and_not_before(bell: Bell) -> None:
    await bell.say(1, 2, to="bob")
    await bell.say(1, to="carol")
    [held, *_] = await bell.store.claim("email", bell.now, 1)
    outcome = Outcome("sent")
    await bell.store.between(
        lambda raw: handover.advance(raw, [Ending(held, outcome)], [], bell.now, WAITS["email"])
    )
    bell.now += 31 * DAY
    assert (await prune(bell)).deliveries == 1
    assert (await prune(bell)).deliveries == 0  # the other one waits


async def test_the_file_does_not_grow_without_end(bell: Bell, tmp_path: Path) -> None:
    """A year of the same traffic takes the place of two months of it."""
    monkeys = [f"u{number}" for number in range(20)]
    bell.wire.users.update(monkeys)
    sizes = []
    for month in range(12):
        for week in range(4):
            bell.now += 7 * DAY + DAY // 2
            await bell.announce(*monkeys, key=f"{month}-{week}", body="x" * 500)
            for user_id in monkeys:
                await bell.lists.read_all(ReadNotices(user_id=user_id))
        await prune(bell)
        sizes.append(await bell.store.between(pages))
    assert max(sizes[3:]) <= 1.1 * max(sizes[:3]), sizes


def pages(connection: sqlite3.Connection) -> int:
    [(count,)] = connection.execute("PRAGMA page_count").fetchall()
    return int(count)


@pytest.mark.parametrize(("keep", "left"), [(0.0, 1), (60.0, 0)])
async def test_items_are_kept_as_long_as_the_setting_says(
    nats_url: str, tmp_path: Path, keep: float, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST", 0.0)
    async with ringing(tmp_path) as bell:
        await bell.say(1)  # in 2023
        await bell.lists.read_all(ReadNotices(user_id="bob"))
    settings = Settings(nats_url=nats_url, data_dir=str(tmp_path), notification_keep=keep)

    def kept() -> int:
        with closing(sqlite3.connect(tmp_path / "notify.db")) as other:
            [(count,)] = other.execute("SELECT count(*) FROM items").fetchall()
        return int(count)

    async with open_app(settings, Health("notify")):
        await eventually(lambda: kept() == left)
    assert kept() == left
