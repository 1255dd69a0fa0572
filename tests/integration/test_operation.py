"""The operator's questions about notifications: counts, deletion, and failed deliveries."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.notify.inbox import pruning as pruning_module
from services.notify.inbox.pruning import DAY, Pruning
from services.notify.ladder.delivery import DIGEST, Delivery, Ending, Outcome
from services.notify.ladder.preferences import Preferences, table
from services.notify.store import handover
from services.notify.upkeep.operation import Operation
from shared.commands import (
    CleanNotices,
    DeadDeliveries,
    NotifyStats,
    ReadNotices,
    RetryDeliveries,
    SendDigests,
)
from shared.errors import InvalidRequest
from shared.settings import Settings
from tests.integration.bell_support import Bell, ringing
from tests.integration.notify_support import WAITS

KNOWN = table((), ())
SMTP_550 = Outcome("failed", "smtp_550")


class Desk:
    """The operator's side of a bell. `woken`: how often somebody was told that a thing is due."""

    def __init__(self, bell: Bell, folder: Path) -> None:
        self.bell, self.woken = bell, 0
        between = bell.store.between
        pruning = Pruning(between, 30 * DAY, lambda: bell.now)
        settings = Settings(data_dir=str(folder))
        self.asked = Operation(settings, between, pruning, lambda: bell.now, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def claim(self) -> list[Delivery]:
        return await self.bell.store.claim("email", self.bell.now, 10)

    async def settle(self, outcome: Outcome) -> str:
        """The one e-mail that is due ends like this."""
        [held] = await self.claim()
        waits, now = WAITS["email"], self.bell.now
        await self.bell.store.between(
            lambda raw: handover.advance(raw, [Ending(held, outcome)], [], now, waits)
        )
        return held.delivery_id

    async def retry(self, *delivery_ids: str) -> list[str]:
        asked = RetryDeliveries(delivery_ids=list(delivery_ids))
        return (await self.asked.retry(asked)).delivery_ids

    async def dead(self) -> list[tuple[str, str, str]]:
        answer = await self.asked.dead(DeadDeliveries())
        return [(one.delivery_id, one.state, one.reason) for one in answer.deliveries]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(pruning_module, "PAUSE", 0.0)
    async with ringing(tmp_path) as bell:
        yield Desk(bell, tmp_path)


async def test_s76_the_counts_are_of_everybody(desk: Desk) -> None:
    await desk.bell.say(1, to="bob")
    await desk.bell.say(1, to="carol")
    await desk.bell.announce("bob")
    await desk.bell.lists.read_all(ReadNotices(user_id="carol"))
    await desk.bell.row("bob", "receipt", "d1", 1, "bob")
    await desk.settle(SMTP_550)
    stats = await desk.asked.stats(NotifyStats())
    assert stats.items == {"new_message": 2, "mention": 1}
    assert stats.unread == {"mention": 1}
    assert stats.deliveries == {"email": {"failed": 1, "cancelled": 1}}
    assert stats.reasons == {"smtp_550": 1, "read": 1}
    assert (stats.subscriptions, stats.suppressed_addresses) == (0, 0)


async def test_s76_what_was_read_longer_ago_is_deleted(desk: Desk) -> None:
    await desk.bell.say(1)
    await desk.bell.lists.read_all(ReadNotices(user_id="bob"))
    desk.bell.now += 3 * DAY
    assert (await desk.asked.clean(CleanNotices(keep=4 * 86_400))).items == 0
    assert (await desk.asked.clean(CleanNotices(keep=2 * 86_400))).items == 1
    for keep in (0, -1, float("nan")):
        with pytest.raises(InvalidRequest, match="keep"):
            await desk.asked.clean(CleanNotices(keep=keep))


async def test_s76_c8_what_failed_is_tried_again_and_what_nobody_knows_is_not(desk: Desk) -> None:
    await desk.bell.say(1, place="d1")
    failed = await desk.settle(SMTP_550)
    desk.bell.now += 1
    await desk.bell.say(1, place="d2")
    unknown = await desk.settle(Outcome("unknown", "interrupted"))
    assert await desk.dead() == [
        (unknown, "unknown", "interrupted"),
        (failed, "failed", "smtp_550"),
    ]
    assert await desk.retry(unknown, "nothing") == []
    assert await desk.claim() == []
    assert await desk.retry() == [failed]
    assert desk.woken == 2
    assert await desk.retry(failed) == []  # it waits already
    assert await desk.settle(Outcome("sent")) == failed
    assert await desk.retry(failed) == []
    assert [one for one, *_ in await desk.dead()] == [unknown]


async def test_c8_what_a_later_email_has_shown_is_not_tried_again(desk: Desk) -> None:
    await desk.bell.say(1)
    failed = await desk.settle(SMTP_550)
    await desk.bell.say(2)
    await desk.settle(Outcome("sent"))
    assert await desk.retry(failed) == []


async def test_s75_digests_are_sent_before_their_window_ends(desk: Desk) -> None:
    await desk.bell.say(1)
    [held] = await desk.claim()
    daily = Preferences(types=KNOWN, digest="daily")
    await desk.bell.store.between(lambda raw: handover.collect(raw, held, daily, desk.bell.now))
    assert await desk.claim() == []
    assert (await desk.asked.send_digests(SendDigests(user_id="carol"))).count == 0
    assert (await desk.asked.send_digests(SendDigests())).count == 1
    [due] = await desk.claim()
    assert (due.user_id, due.thread) == ("bob", DIGEST)
