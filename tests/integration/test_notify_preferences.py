"""Preferences in notify's real database: put as a whole or not at all, and there again later."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.notify.ladder.preferences import table
from services.notify.preferences.choices import Choices
from services.notify.store.store import open_store
from shared.commands import Preferences, PutPreferences, QuietHours, TypePreference
from shared.errors import InvalidRequest

KNOWN = table(["order_shipped"], [])
NIGHT = QuietHours(start="22:00", end="07:00")
NO_MAIL = TypePreference(notification_type="order_shipped", email=False)


@pytest.fixture
async def choices(tmp_path: Path) -> AsyncIterator[Choices]:
    async with open_store(f"sqlite:///{tmp_path / 'notify.db'}") as store:
        yield Choices(store.between, KNOWN)


async def test_s52_what_was_chosen_is_there_again_and_only_for_that_user(choices: Choices) -> None:
    usual = await choices.preferences(Preferences(user_id="bob"))
    assert [one.notification_type for one in usual.types] == list(KNOWN)
    assert (usual.quiet_hours, usual.time_zone, usual.digest) == (None, None, "off")
    put = await choices.put(
        PutPreferences(
            user_id="bob",
            types=[NO_MAIL],
            quiet_hours=NIGHT,
            time_zone="Europe/Berlin",
            digest="weekly",
        )
    )
    assert put.types[-1] == NO_MAIL
    assert (put.quiet_hours, put.time_zone, put.digest) == (NIGHT, "Europe/Berlin", "weekly")
    assert await choices.preferences(Preferences(user_id="bob")) == put
    assert await choices.preferences(Preferences(user_id="ann")) == usual


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../Europe/Berlin"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"quiet_hours": QuietHours(start="22:00", end="24:00")}, "quiet_hours.end"),
        ({"types": [TypePreference(notification_type="order")]}, "types[0].notification_type"),
    ],
)
async def test_s52_bad_preferences_name_the_field_and_nothing_is_half_done(
    choices: Choices, asked: dict[str, object], field: str
) -> None:
    good = {"types": [NO_MAIL], "quiet_hours": NIGHT, "time_zone": "Asia/Tokyo", "digest": "daily"}
    with pytest.raises(InvalidRequest, match=re.escape(f"`{field}`")):
        await choices.put(PutPreferences(user_id="bob", **{**good, **asked}))  # type: ignore[arg-type]
    kept = await choices.preferences(Preferences(user_id="bob"))
    assert kept == await choices.preferences(Preferences(user_id="nobody"))
