"""The preferences of notifications: the table of types, and what may be asked of them."""

from typing import get_args

import pytest
from msgspec import UNSET

from services.notify.ladder.preferences import BUILT_IN, Chosen, changed, check, shown, table
from shared.commands import PutPreferences, QuietHours, TypePreference
from shared.errors import InvalidRequest, SettingError
from shared.frames.fields import NOTIFICATION_TYPES, Digest
from shared.settings import load

KNOWN = table([], [])
BOB = Chosen(user_id="bob")


def put(**fields: object) -> PutPreferences:
    return PutPreferences(user_id="bob", **fields)  # type: ignore[arg-type]


def channels(one: TypePreference) -> tuple[bool, bool, bool, bool]:
    return one.enabled, one.realtime, one.push, one.email


def test_s67_every_type_has_a_default_and_they_keep_their_order() -> None:
    assert set(BUILT_IN) == set(NOTIFICATION_TYPES)
    assert [one.notification_type for one in shown(KNOWN, BOB).types] == list(NOTIFICATION_TYPES)
    assert len(NOTIFICATION_TYPES) == 17
    assert channels(KNOWN["new_message"]) == (True, True, True, True)
    assert channels(KNOWN["message_read"]) == (True, True, False, False)
    assert channels(KNOWN["connection_rejected"]) == (True, False, False, False)


def test_s67_s70_a_deployment_adds_types_and_sets_defaults() -> None:
    known = table(
        ["order_shipped", "mention"], ["order_shipped=push", "mention=off", "new_message=none"]
    )
    assert list(known) == [*NOTIFICATION_TYPES, "order_shipped"]
    assert channels(known["order_shipped"]) == (True, False, True, False)
    assert channels(known["mention"]) == (False, False, False, False)
    assert channels(known["new_message"]) == (True, False, False, False)
    assert channels(table(["order_shipped"], [])["order_shipped"]) == (True, True, True, True)


def test_a_default_of_a_type_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingError, match="LINKUP_NOTIFICATION_DEFAULTS=nothing=email: there is"):
        table([], ["nothing=email"])


@pytest.mark.parametrize("name", ["Order", "1st", "order shipped", "a" * 51, "order\n.", "\udcff"])
def test_a_type_that_is_no_word_is_named(name: str) -> None:
    with pytest.raises(SettingError, match="LINKUP_NOTIFICATION_TYPES"):
        load({"LINKUP_NOTIFICATION_TYPES": name})


@pytest.mark.parametrize(
    "entry", ["mention", "mention=", "mention=sms", "mention=email+", "=email"]
)
def test_a_default_that_cannot_be_understood_is_named(entry: str) -> None:
    with pytest.raises(SettingError, match="LINKUP_NOTIFICATION_DEFAULTS="):
        load({"LINKUP_NOTIFICATION_DEFAULTS": entry})


def test_types_and_defaults_are_settings() -> None:
    loaded = load(
        {
            "LINKUP_NOTIFICATION_TYPES": "order_shipped, order_late",
            "LINKUP_NOTIFICATION_DEFAULTS": "order_late=push+email,mention=off",
        }
    )
    known = table(loaded.notification_types, loaded.notification_defaults)
    assert list(known)[-2:] == ["order_shipped", "order_late"]
    assert channels(known["order_late"]) == (True, False, True, True)
    assert not known["mention"].enabled


def test_s70_what_is_not_given_stays() -> None:
    quiet = QuietHours(start="22:00", end="07:00")
    muted = TypePreference(notification_type="mention", email=False)
    once = changed(BOB, put(types=[muted], quiet_hours=quiet, time_zone="Asia/Tokyo"))
    assert changed(once, put()) == once
    again = changed(once, put(digest="daily", quiet_hours=None, time_zone=None))
    assert (again.quiet_hours, again.time_zone, again.digest) == (None, None, "daily")
    assert again.types == {"mention": muted}
    answer = shown(KNOWN, again)
    assert [one for one in answer.types if one.notification_type == "mention"] == [muted]
    assert len(answer.types) == len(KNOWN)


def test_a_type_that_the_deployment_has_dropped_is_not_shown() -> None:
    chosen = changed(BOB, put(types=[TypePreference(notification_type="order_shipped")]))
    assert [one.notification_type for one in shown(KNOWN, chosen).types] == list(KNOWN)


@pytest.mark.parametrize("digest", get_args(Digest))
def test_s75_every_digest_can_be_chosen(digest: Digest) -> None:
    assert changed(BOB, put(digest=digest)).digest == digest


def test_s70_an_unknown_type_is_named() -> None:
    words = r"`types\[0\]\.notification_type`: there is no type 'order'"
    with pytest.raises(InvalidRequest, match=words):
        check(KNOWN, put(types=[TypePreference(notification_type="order")]))


@pytest.mark.parametrize("field", ["start", "end"])
@pytest.mark.parametrize(
    "value", ["", "7:00", "24:00", "07:60", "07:00:00", "07:00\n", "\u0660\u0667:00", "ab:cd"]
)
def test_s71_a_malformed_time_is_named(field: str, value: str) -> None:
    hours = QuietHours(**{"start": "22:00", "end": "07:00", field: value})
    with pytest.raises(InvalidRequest, match=f"`quiet_hours.{field}`"):
        check(KNOWN, put(quiet_hours=hours))


@pytest.mark.parametrize("value", ["00:00", "23:59", "09:30"])
def test_s71_a_time_may_be_any_of_a_day(value: str) -> None:
    check(KNOWN, put(quiet_hours=QuietHours(start=value, end=value)))
    check(KNOWN, put(quiet_hours=None, time_zone=UNSET))
