"""Owns the questions to notify about the preferences of users, and their answers."""

from msgspec import UNSET, Struct, UnsetType

from shared.frames.fields import Digest


class TypePreference(Struct, frozen=True, kw_only=True):
    """The channels of one type of notification. Not `enabled`: it is not even listed."""

    notification_type: str
    enabled: bool = True
    realtime: bool = True
    push: bool = True
    email: bool = True


class QuietHours(Struct, frozen=True, kw_only=True):
    """The time from `start` to `end`, HH:MM in the user's zone; past midnight if `end` is less."""

    start: str
    end: str


class Preferences(Struct, frozen=True, kw_only=True, tag="preferences"):
    """Asks for the preferences of a user. Answered by a PreferencesAnswer."""

    user_id: str


class PutPreferences(Struct, frozen=True, kw_only=True, tag="put_preferences"):
    """Change some of a user's preferences, all or none of them; what is UNSET stays.

    `time_zone`: None for that of the profile. Refused as InvalidRequest, which names the field.
    """

    user_id: str
    types: list[TypePreference] = []
    quiet_hours: QuietHours | UnsetType | None = UNSET
    time_zone: str | UnsetType | None = UNSET
    digest: Digest | UnsetType = UNSET


class PreferencesAnswer(Struct, frozen=True, kw_only=True):
    """The preferences of a user. `types` has every type there is, in the order of the table of
    types."""

    types: list[TypePreference]
    quiet_hours: QuietHours | None
    time_zone: str | None
    digest: Digest


class Unsubscribe(Struct, frozen=True, kw_only=True, tag="unsubscribe"):
    """Follow the link of an e-mail (RFC 8058). Without `act`, only tell what it would end."""

    token: str
    act: bool = False


class UnsubscribeAnswer(Struct, frozen=True, kw_only=True):
    """The type whose e-mails the link ends, and whether they have ended."""

    notification_type: str
    ended: bool
