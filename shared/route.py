"""Owns what a route is: what it takes, what it answers, and how often it may be asked."""

from typing import Any, Literal

from msgspec import Struct

from shared.errors import LinkupError
from shared.frames import AttachmentId, ConversationId, PositiveInt, UserId

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Auth = Literal["bearer", "signature", "none"]  # signature: the URL itself is the permission
Limit = Literal["api", "search", "upload", "auth", "other"]

# The classes of limits, and the setting that says how many a minute: of a user, or, on a route
# without `auth`, from an address.
LIMITS: dict[Limit, str] = {
    "api": "api_per_minute",
    "search": "search_per_minute",
    "upload": "upload_per_minute",
    "auth": "auth_per_minute",
    "other": "other_per_minute",
}

HEALTH = "application/health+json"

# What stands in braces in a path.
PATH_TYPES: dict[str, Any] = {
    "attachment_id": AttachmentId,
    "conversation_id": ConversationId,
    "message_id": PositiveInt,
    "user_id": UserId,
}


class Parameter(Struct, frozen=True):
    """Of the query string. `kind` is a type of shared/api/ or shared/frames/."""

    name: str
    kind: Any
    summary: str
    default: Any = None
    required: bool = False


class Answer(Struct, frozen=True):
    """`body`: a type, or None for an answer without one."""

    status: int
    body: Any
    summary: str
    media_type: str = "application/json"


class Route(Struct, frozen=True, kw_only=True):
    """One method of one path. `errors`: those worth a client's own case; any other may come.

    `rule`: in a sentence, what a request has to keep to beyond its schema. `limit`: its class in
    LIMITS; None for what a probe asks.
    """

    method: Method
    path: str
    summary: str
    answers: tuple[Answer, ...]
    body: Any = None
    body_media_type: str = "application/json"
    query: tuple[Parameter, ...] = ()
    auth: Auth = "bearer"
    errors: tuple[type[LinkupError], ...] = ()
    rule: str = ""
    only_with: str = ""  # the setting that switches it on
    limit: Limit | None = "api"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Socket(Struct, frozen=True):
    """A WebSocket route: its name in AsyncAPI, its path."""

    name: str
    path: str
    summary: str
