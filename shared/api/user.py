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


class UserStatus(Struct, frozen=True, kw_only=True):
    """The presence of a user. `last_seen` is null while they are online, or if it is not known."""

    user_id: str
    is_online: bool
    last_seen: datetime | None
