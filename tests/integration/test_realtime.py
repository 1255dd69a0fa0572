"""The frames about notifications that an open page gets, and how often."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.notify.channels.realtime import LISTENS_FOR
from shared.clock import SECOND
from shared.commands import Badges, ReadNotice, ReadNotices, TypePreference
from tests.integration.bell_support import Bell, ringing
from tests.support.background import running
from tests.support.waiting import eventually


@pytest.fixture
async def silent(tmp_path: Path) -> AsyncIterator[Bell]:
    """Bob and Carol listen; Bob has a narrow view. They are told nothing yet."""
    async with ringing(tmp_path) as bell:
        await listen(bell)
        yield bell


@pytest.fixture
async def bell(silent: Bell) -> AsyncIterator[Bell]:
    """As `silent`, and they are told."""
    async with running(silent.realtime.run()):
        yield silent


async def listen(bell: Bell) -> None:
    await bell.realtime.badges(Badges(user_ids=["bob", "carol"], narrow=["bob"]))


async def until_count(bell: Bell, user_id: str, count: int) -> None:
    def told() -> bool:
        counts = [
            f["unread_count"] for u, _, _, f in bell.wire.told("badge_update") if u == user_id
        ]
        return counts[-1:] == [count]

    await eventually(told)


async def the_one(bell: Bell, kind: str) -> tuple[str, str, str, dict[str, Any]]:
    """The only frame of this kind, which may come after the count."""
    await eventually(lambda: bool(bell.wire.told(kind)))
    [told] = bell.wire.told(kind)
    return told


async def test_s24_a_message_is_a_count_and_for_a_narrow_view_a_notification(bell: Bell) -> None:
    await bell.say(1, to="carol")
    await bell.say(1, to="bob")
    await until_count(bell, "bob", 1)
    await until_count(bell, "carol", 1)
    user_id, to, place, frame = await the_one(bell, "notification")
    assert (user_id, to, place) == ("bob", "others", "d1")
    assert (frame["title"], frame["body"], frame["is_read"]) == ("Ann", "Ann: hello", False)
    assert {to for _, to, _, _ in bell.wire.told("badge_update")} == {"all"}


async def test_s24_what_the_host_says_is_for_every_socket(bell: Bell) -> None:
    answer = await bell.announce("carol", "bob", "ann")
    await until_count(bell, "carol", 1)
    told = {user_id: (to, frame) for user_id, to, _, frame in bell.wire.told("notification")}
    assert told.keys() == {"bob", "carol"}  # nobody holds a socket of Ann
    to, frame = told["carol"]
    ids = {one.user_id: one.notification_id for one in answer.results}
    assert (to, frame["notification_id"]) == ("all", ids["carol"])


async def test_s70_a_type_without_realtime_is_only_counted(bell: Bell) -> None:
    quiet = TypePreference(notification_type="mention", realtime=False)
    await bell.prefer("carol", quiet)
    await bell.announce("carol", "bob")
    await until_count(bell, "carol", 1)
    assert [user_id for user_id, *_ in bell.wire.told("notification")] == ["bob"]


async def test_reading_on_one_device_is_told_to_the_others(bell: Bell) -> None:
    await bell.say(1, 2, to="carol", place="d1")
    await bell.say(1, to="carol", place="d2")
    await until_count(bell, "carol", 2)
    first = (await bell.page("carol")).notices[0].notification_id
    await bell.lists.read(ReadNotice(user_id="carol", notification_id=first))
    await until_count(bell, "carol", 1)
    user_id, to, _, frame = await the_one(bell, "notification_read")
    assert (user_id, to, frame["notification_id"]) == ("carol", "all", first)
    assert frame["unread_count"] == 1
    await bell.lists.read_all(ReadNotices(user_id="carol"))
    await until_count(bell, "carol", 0)
    *_, frame = await the_one(bell, "notifications_read")
    assert (frame["count"], frame["unread_count"]) == (1, 0)


async def test_reading_a_conversation_is_told_of_what_was_shown_as_unread(bell: Bell) -> None:
    await bell.say(1, to="bob", place="d1")
    await until_count(bell, "bob", 1)
    *_, shown = await the_one(bell, "notification")
    await bell.row("bob", "receipt", "d1", 1, "bob")
    await until_count(bell, "bob", 0)
    user_id, to, _, frame = await the_one(bell, "notification_read")
    assert (user_id, to, frame["unread_count"]) == ("bob", "all", 0)
    assert frame["notification_id"] == shown["notification_id"]


async def test_what_was_read_meanwhile_is_not_told_as_new(silent: Bell) -> None:
    for number in range(20):
        await silent.say(1, to="bob", place=f"d{number}", step=0)
        await silent.row("bob", "receipt", f"d{number}", 1, "bob")
    await silent.say(1, to="bob", place="last", step=0)
    async with running(silent.realtime.run()):
        await until_count(silent, "bob", 1)
    told = [frame["conversation_id"] for *_, frame in silent.wire.told("notification")]
    assert told == ["last"]


async def test_counts_are_gathered_and_the_last_one_is_told(silent: Bell) -> None:
    for number in range(30):
        await silent.say(1, to="carol", place=f"d{number}", step=0)
    async with running(silent.realtime.run()):
        await until_count(silent, "carol", 30)
        await silent.say(2, to="carol", place="d1")  # another count it is not
        await silent.say(1, to="carol", place="d30")
        await until_count(silent, "carol", 31)
    counts = [frame["unread_count"] for *_, frame in silent.wire.told("badge_update")]
    assert counts == [30, 31]


async def test_who_reads_a_message_at_once_hears_nothing_of_it(bell: Bell) -> None:
    """A window with the conversation open reads it: its badge does not flash."""
    await bell.say(1, to="bob", place="d1")
    await until_count(bell, "bob", 1)
    bell.settled.clear()
    await bell.say(1, to="bob", place="d2")
    await bell.row("bob", "receipt", "d2", 1, "bob")
    bell.settled.set()
    await bell.say(1, to="bob", place="d3")
    await until_count(bell, "bob", 2)
    await eventually(lambda: len(bell.wire.told("notification")) == 2)
    counts = [frame["unread_count"] for *_, frame in bell.wire.told("badge_update")]
    shown = [frame["conversation_id"] for *_, frame in bell.wire.told("notification")]
    assert (counts, shown) == ([1, 2], ["d1", "d3"])


async def test_s24_what_the_host_says_waits_for_nobody_to_read_it(bell: Bell) -> None:
    bell.settled.clear()
    await bell.announce("carol")
    await until_count(bell, "carol", 1)


async def test_without_persistence_the_count_is_told_all_the_same(bell: Bell) -> None:
    bell.wire.is_away = True
    await bell.say(1, to="bob")
    await until_count(bell, "bob", 1)
    assert bell.wire.told("notification") == []


async def test_who_is_not_asked_for_any_more_is_told_nothing(bell: Bell) -> None:
    bell.now += int((LISTENS_FOR - 5) * SECOND)
    await bell.realtime.badges(Badges(user_ids=["carol"], narrow=[]))
    bell.now += 5 * SECOND
    await bell.say(1, to="bob")
    await bell.say(1, to="carol")
    await until_count(bell, "carol", 1)
    assert {user_id for user_id, *_ in bell.wire.published} == {"carol"}


async def test_who_is_about_to_be_told_a_count_is_not_answered_it_before(tmp_path: Path) -> None:
    """A question of the gateway, which comes every ten seconds, brings no second count at once."""
    async with ringing(tmp_path) as bell:
        await listen(bell)
        await bell.say(1, to="carol", place="d1")
        async with running(bell.realtime.run()):
            await until_count(bell, "carol", 1)
        await bell.say(1, to="carol", place="d2")
        assert await bell.unread("carol") == 1
        async with running(bell.realtime.run()):
            await until_count(bell, "carol", 2)
        assert await bell.unread("carol") == 2
