"""The list of notifications, asked of notify as gateways do, on a database of its own."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from services.notify.inbox import announcements, pruning, rows
from services.notify.inbox.render import GONE
from services.notify.migrate import upgrade
from services.notify.upkeep import operation
from shared.clock import SECOND
from shared.commands import (
    DeliveredNotice,
    ReadNotice,
    ReadNotices,
    TypePreference,
    notification,
)
from shared.errors import InvalidRequest, NotFound
from tests.integration.bell_support import Bell, ringing


@pytest.fixture
async def bell(tmp_path: Path) -> AsyncIterator[Bell]:
    async with ringing(tmp_path) as bell:
        yield bell


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    file = tmp_path_factory.mktemp("plans") / "notify.db"
    upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        yield connection


async def test_s51_s72_messages_of_a_conversation_are_one_line_and_move_to_the_top(
    bell: Bell,
) -> None:
    await bell.say(1, place="d1")
    await bell.say(1, place="g2")
    await bell.say(2, place="d1")
    bell.wire.texts = {("d1", 2): "x" * 200}
    first, second = (await bell.page()).notices
    assert (first.title, first.body) == ("Ann", f"Ann: {'x' * 100}…")
    assert (first.notification_type, first.group_count) == ("new_message", 2)
    assert (second.title, second.body, second.group_count) == ("Team", "Ann: hello", 1)
    assert first.updated_at > first.created_at
    assert await bell.unread() == 2
    assert [len(asked.asked) for asked in bell.wire.asked] == [2]  # once a page


async def test_s73_a_text_is_as_it_reads_now(bell: Bell) -> None:
    await bell.say(1)
    bell.wire.texts["d1", 1] = "edited\nlater"
    assert (await bell.page()).notices[0].body == "Ann: edited later"
    bell.wire.texts["d1", 1] = None
    assert (await bell.page()).notices[0].body == GONE
    bell.wire.left.add("d1")
    assert (await bell.page()).notices == []


async def test_s72_a_burst_of_200_is_lines_of_five(bell: Bell) -> None:
    await bell.say(*range(1, 201), step=0)
    assert await bell.unread() == 40
    page = await bell.page(limit=100)
    assert {notice.group_count for notice in page.notices} == {5}
    await bell.row("bob", "receipt", "d1", 200, "bob")
    assert await bell.unread() == 0


async def test_reading_a_conversation_reads_its_lines_and_no_others(bell: Bell) -> None:
    await bell.say(1, 2, place="d1")
    await bell.say(1, place="g2")
    await bell.row("bob", "receipt", "d1", 1, "bob")
    assert await bell.unread() == 2  # the second is unread
    await bell.row("bob", "receipt", "d1", 2, "bob")
    assert await bell.unread() == 1
    await bell.say(3, place="d1")
    assert [(n.group_count, n.read_at) for n in (await bell.page()).notices] == [
        (3, None),
        (1, None),
    ]


async def test_s16_pages_meet_and_filters_hold(bell: Bell) -> None:
    for number in range(7):
        await bell.say(1, place=f"d{number}")
    found, before = list[str](), ""
    while True:
        page = await bell.page(limit=3, before=before)
        found += [notice.conversation_id for notice in page.notices]
        assert page.unread_count == 7
        if not (before := page.next):
            break
    assert found == [f"d{number}" for number in reversed(range(7))]
    await bell.row("bob", "receipt", "d5", 1, "bob")
    unread = await bell.page(unread_only=True)
    assert [n.conversation_id for n in unread.notices] == ["d6", "d4", "d3", "d2", "d1", "d0"]
    assert (await bell.page(notification_type="mention")).notices == []
    with pytest.raises(InvalidRequest, match=r"`notification_type`: there is no type 'mentoin'"):
        await bell.page(notification_type="mentoin")
    for bad in ("x", "1", "-1", "1-", "٣-x", "9" * 40 + "-x"):
        with pytest.raises(InvalidRequest, match="`before`"):
            await bell.page(before=bad)


async def test_s16_one_is_read_once_and_only_by_its_user(bell: Bell) -> None:
    await bell.say(1, place="d1")
    await bell.say(1, place="d2")
    first = (await bell.page()).notices[0].notification_id
    asked = ReadNotice(user_id="bob", notification_id=first)
    read = await bell.lists.read(asked)
    assert (read.count, read.unread_count, read.at) == (1, 1, bell.now)
    bell.now += SECOND
    again = await bell.lists.read(asked)
    assert (again.count, again.unread_count, again.at) == (0, 1, bell.now - SECOND)
    for stranger in (
        ReadNotice(user_id="eve", notification_id=first),
        ReadNotice(user_id="bob", notification_id="nothing"),
    ):
        with pytest.raises(NotFound):
            await bell.lists.read(stranger)
    with pytest.raises(NotFound):
        await bell.lists.delivered(DeliveredNotice(user_id="eve", notification_id=first))
    delivered = await bell.lists.delivered(DeliveredNotice(user_id="bob", notification_id=first))
    assert (delivered.count, delivered.at) == (1, bell.now)


async def test_s16_all_are_read_up_to_one_of_them(bell: Bell) -> None:
    for number in range(4):
        await bell.say(1, place=f"d{number}")
    second = (await bell.page()).notices[1].notification_id
    answer = await bell.lists.read_all(ReadNotices(user_id="bob", up_to=second))
    assert (answer.count, answer.unread_count) == (3, 1)
    with pytest.raises(NotFound):
        await bell.lists.read_all(ReadNotices(user_id="eve", up_to=second))
    other = ReadNotices(user_id="bob", notification_type="mention")
    assert (await bell.lists.read_all(other)).count == 0
    assert (await bell.lists.read_all(ReadNotices(user_id="bob"))).count == 1
    assert await bell.unread() == 0


async def test_a_muted_conversation_counts_nowhere(bell: Bell) -> None:
    await bell.say(1, place="d1")
    await bell.say(1, place="d2")
    await bell.row("bob", "set", "d1", 1, "bob")
    assert await bell.unread() == 1
    page = await bell.page(unread_only=True)
    assert ([n.conversation_id for n in page.notices], page.unread_count) == (["d2"], 1)
    assert await shown_as_read(bell) == {"d1": True, "d2": False}
    await bell.row("bob", "set", "d1", 0, "bob")
    assert await bell.unread() == 2
    assert await shown_as_read(bell) == {"d1": False, "d2": False}


async def shown_as_read(bell: Bell) -> dict[str, bool]:
    """Return whether each conversation's notification is shown as read in the list."""
    frames = [notification(notice) for notice in (await bell.page()).notices]
    return {str(frame.conversation_id): frame.is_read for frame in frames}


async def test_who_has_left_has_no_line_of_it(bell: Bell) -> None:
    await bell.say(1, place="g1")
    await bell.row("bob", "member_removed", "g1", 0, "bob")
    assert (await bell.page()).notices == []
    assert await bell.unread() == 0


async def test_s70_who_has_switched_messages_off_has_none_in_the_list(bell: Bell) -> None:
    await bell.prefer("bob", TypePreference(notification_type="new_message", enabled=False))
    await bell.say(1, to="bob")
    await bell.say(1, to="carol")
    assert (await bell.page("bob")).notices == []
    assert [await bell.unread(one) for one in ("bob", "carol")] == [0, 1]


PLACE = {"user_id": "u", "updated_at": 1, "item_id": "i", "notification_type": ""}
OF_CONVERSATION = {"user_id": "u", "conversation_id": "c", "number": 1, "now": 1}
AGED = {"before": 1, "step": 1}
PLANS: dict[str, tuple[str, Any]] = {
    "newest": (rows.LOAD_NEWEST, ("u", "g")),
    "read up to": (rows.READ_UP_TO, OF_CONVERSATION),
    "mute": (rows.MUTE, OF_CONVERSATION),
    "forget": (rows.FORGET, OF_CONVERSATION),
    "page": (rows.PAGE, PLACE | {"unread_only": False, "limit": 1}),
    "read all": (rows.READ_ALL, PLACE | {"now": 1}),
    "badges": (rows.BADGES, {"user_ids": "[]", "most": 1}),
    "a key": (announcements.LOAD, {"key": "k"}),
    "old items": (pruning.LOAD_ITEMS, {"after": "", "until": "", "step": 1}),
    "old keys": (pruning.DELETE_KEYS, AGED),
    "old deliveries": (pruning.DELETE_DELIVERIES, AGED),
    "old watches": (pruning.DELETE_WATCH, ("u", "t", "c")),
    "retry": (operation.RETRY, {"delivery_id": "d", "now": 1}),
    "digests": (operation.DUE_NOW, {"user_id": "", "now": 1}),
}


@pytest.mark.parametrize("name", PLANS)
def test_d3_no_statement_walks_a_whole_table(name: str, plans: sqlite3.Connection) -> None:
    sql, values = PLANS[name]
    plan = [step for *_, step in plans.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    walked = [step for step in plan if step.startswith("SCAN") and "VIRTUAL TABLE" not in step]
    assert not [step for step in walked if "(subquery" not in step], plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
