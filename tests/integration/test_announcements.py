"""Notifications from the host: each key acts once, and each user gets one or is told why not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SECOND
from shared.commands import TypePreference
from shared.errors import ClientIdConflict, InvalidRequest, Unavailable
from tests.integration.bell_support import Bell, ringing

HOUR = 3600 * SECOND


@pytest.fixture
async def bell(tmp_path: Path) -> AsyncIterator[Bell]:
    async with ringing(tmp_path) as bell:
        yield bell


def outcomes(answer: Any) -> list[tuple[str, str]]:
    return [(one.user_id, one.outcome) for one in answer.results]


async def test_s67_s68_what_the_host_says_stands_in_the_list(bell: Bell) -> None:
    answer = await bell.announce(
        notification_type="invoice",
        priority="urgent",
        title="An invoice",
        body="It is due.",
        sender_id="ann",
        action_url="/invoices/1",
    )
    [result] = answer.results
    [notice] = (await bell.page()).notices
    assert (result.outcome, answer.duplicate) == ("accepted", False)
    assert notice.notification_id == result.notification_id
    assert (notice.title, notice.body) == ("An invoice", "It is due.")
    assert (notice.notification_type, notice.priority) == ("invoice", "urgent")
    assert (notice.sender_id, notice.action_url) == ("ann", "/invoices/1")
    assert (notice.group_count, notice.read_at, notice.conversation_id) == (1, None, "")


async def test_a_sender_is_shown_by_the_name_they_have_now(bell: Bell) -> None:
    await bell.announce(sender_id="ann")
    await bell.announce(key="k2", sender_id="somebody")
    unnamed, named = (await bell.page()).notices
    assert (named.sender_name, named.sender_avatar) == ("Ann", "/ann.png")
    assert (unnamed.sender_id, unnamed.sender_name) == ("somebody", "")


async def test_each_user_is_answered(bell: Bell) -> None:
    await bell.prefer("carol", TypePreference(notification_type="mention", enabled=False))
    bell.wire.users.add("linkup--load-1")
    answer = await bell.announce("nobody", "bob", "carol", "linkup--load-1", "bob")
    assert outcomes(answer) == [
        ("nobody", "unknown_user"),
        ("bob", "accepted"),
        ("carol", "switched_off"),
        ("linkup--load-1", "unknown_user"),
        ("bob", "accepted"),
    ]
    assert [await bell.unread(one) for one in ("bob", "carol", "linkup--load-1")] == [1, 0, 0]


async def test_the_same_again_is_answered_as_the_first_time(bell: Bell) -> None:
    first = await bell.announce("bob", "carol")
    bell.wire.is_away = True
    again = await bell.announce("bob", "carol")
    assert (again.results, again.duplicate) == (first.results, True)
    for other in ({"title": "Other"}, {"priority": "high"}, {"group_key": "g"}):
        with pytest.raises(ClientIdConflict):
            await bell.announce("bob", "carol", **other)
    with pytest.raises(ClientIdConflict):
        await bell.announce("bob")
    assert await bell.unread() == 1


async def test_the_same_twice_at_a_time_acts_once(bell: Bell) -> None:
    both = await asyncio.gather(bell.announce(), bell.announce())
    assert sorted(answer.duplicate for answer in both) == [False, True]
    assert both[0].results == both[1].results
    assert await bell.unread() == 1


async def test_while_persistence_is_away_nothing_is_half_done(bell: Bell) -> None:
    bell.wire.is_away = True
    with pytest.raises(Unavailable):
        await bell.announce()
    bell.wire.is_away = False
    assert not (await bell.announce()).duplicate
    assert await bell.unread() == 1


@pytest.mark.parametrize(
    ("asked", "users", "field"),
    [
        ({"notification_type": "unheard_of"}, ["bob"], "notification_type"),
        ({}, [f"u{number}" for number in range(501)], "user_ids"),
    ],
)
async def test_bad_input_names_the_field_and_changes_nothing(
    bell: Bell, asked: dict[str, Any], users: list[str], field: str
) -> None:
    with pytest.raises(InvalidRequest, match=field):
        await bell.announce(*users, **asked)
    assert not (await bell.announce()).duplicate


async def test_s72_things_of_one_group_are_one_line(bell: Bell) -> None:
    likes = {"notification_type": "post_liked", "group_key": "post-1"}
    for number in range(20):
        bell.now += SECOND
        await bell.announce(key=f"k{number}", title=f"{number} likes", **likes)
    await bell.announce(key="other", notification_type="post_liked", group_key="post-2")
    await bell.announce(key="alone", notification_type="post_liked")
    page = await bell.page()
    assert [notice.group_count for notice in page.notices][2:] == [20]
    assert page.notices[2].title == "19 likes"
    await bell.announce(key="k20", **likes)
    bell.now += 6 * HOUR
    await bell.announce(key="k21", **likes)
    assert [notice.group_count for notice in (await bell.page()).notices][:2] == [1, 1]
