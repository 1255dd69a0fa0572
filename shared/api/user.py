"""Owns the bodies about users: who comes in, who is there."""

from datetime import datetime

from msgspec import Struct

from shared.frames import DisplayName, UserId


class LoginRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/dev/login, for the demo only."""

    user_id: UserId
    name: DisplayName | None = None


class LoginAnswer(Struct, frozen=True, kw_only=True):
    token: str
    user_id: str
    name: str


class TicketAnswer(Struct, frozen=True, kw_only=True):
    """POST /v1/tickets: what `hello` takes in place of a token, once."""

    ticket: str
    expires_at: datetime


class UserStatus(Struct, frozen=True, kw_only=True):
    """GET /v1/users/{id}/status: the `presence` frame without its type."""

    user_id: str
    is_online: bool
    last_seen: datetime | None
