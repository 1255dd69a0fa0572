"""Owns the bodies of the login, ticket and presence routes."""

from datetime import datetime

from msgspec import Struct

from shared.frames import DisplayName, UserId


class LoginRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The user to log in. For demos only."""

    user_id: UserId
    name: DisplayName | None = None


class LoginAnswer(Struct, frozen=True, kw_only=True):
    token: str
    user_id: str
    name: str


class TicketAnswer(Struct, frozen=True, kw_only=True):
    """A ticket for the `token` field of one `hello` frame."""

    ticket: str
    expires_at: datetime


class UserView(Struct, frozen=True, kw_only=True):
    """Another user, or yourself."""

    user_id: str
    name: str | None
    avatar: str | None


class UsersAnswer(Struct, frozen=True, kw_only=True):
    """A page of users, ordered by the word that was found. Pass `next` as `after` to get the next
    page.

    A page may hold fewer than `limit` users, or none, although `next` is not null.
    """

    users: list[UserView]
    next: str | None


class UserStatus(Struct, frozen=True, kw_only=True):
    """The presence of a user. `last_seen` is null while they are online, or if it is not known."""

    user_id: str
    is_online: bool
    last_seen: datetime | None
