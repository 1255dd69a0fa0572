"""Owns the bodies of the routes with which a host app makes users known and looks them up."""

from datetime import datetime
from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames import EmailAddress, Error, HttpsUrl, Locale, ProfileName, TimeZone, UserId

T = TypeVar("T")

MAX_BULK = 500  # items of one request
Bulk = Annotated[list[T], Meta(min_length=1, max_length=MAX_BULK)]


class ProfileRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The changes of a user's profile. What is left out stays; null removes the value.

    `email` is the address for e-mails, `tz` a name of the IANA time zone database, `locale` a
    BCP 47 tag, and `avatar` the URL of a picture.
    """

    name: ProfileName | UnsetType | None = UNSET
    email: EmailAddress | UnsetType | None = UNSET
    tz: TimeZone | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET
    avatar: HttpsUrl | UnsetType | None = UNSET


class ProfileAnswer(Struct, frozen=True, kw_only=True):
    """The profile as it is stored."""

    user_id: str
    name: str | None
    email: str | None
    tz: str | None
    locale: str | None
    avatar: str | None


class UserItem(ProfileRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user, with the changes of their profile."""

    user_id: UserId


class UsersRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The users to make known or to change."""

    users: Bulk[UserItem]


class UserResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result for one user. `error` says why the profile was not stored. `user_id` is null if
    it could not be read."""

    user_id: str | None
    stored: bool
    error: Error | None = None


class UsersResult(Struct, frozen=True, kw_only=True):
    """One result for each user of the request, in the requested order."""

    results: list[UserResult]


class UserRecord(ProfileAnswer, frozen=True, kw_only=True):
    """A user as the host app sees them. `last_seen` is the end of their last connection, or null if
    it is not known. `banned` is true while all their tokens are refused."""

    created_at: datetime
    last_seen: datetime | None
    banned: bool


class UserRecords(Struct, frozen=True, kw_only=True):
    """A page of users, ordered by user id, or by the word that was found. Pass `next` as `after` to
    get the next page."""

    users: list[UserRecord]
    next: str | None
