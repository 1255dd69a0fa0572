"""Owns the form of a route: its request, its responses and its rate limit."""

from typing import Any, Literal, get_args

from msgspec import Struct

from shared.errors import LinkupError
from shared.frames import (
    AttachmentId,
    ConversationId,
    KeyName,
    NotificationId,
    PositiveInt,
    ReportId,
    Token,
    UserId,
    WebhookId,
)
from shared.health.taxonomy import ErrorId

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
# operator: with a key that has the scope of the route; signature: the URL itself is the permission.
Auth = Literal["bearer", "operator", "signature", "none"]
Scope = Literal["operator", "users", "contacts", "messages", "notifications", "webhooks"]
Limit = Literal["api", "search", "upload", "auth", "other", "admin", "host"]

# The setting that holds the requests a minute of each class: for one user or, on a route without
# `auth`, for one address.
LIMITS: dict[Limit, str] = {
    "api": "api_per_minute",
    "search": "search_per_minute",
    "upload": "upload_per_minute",
    "auth": "auth_per_minute",
    "other": "other_per_minute",
    "admin": "admin_per_minute",
    "host": "host_per_minute",
}

# The scopes of each key. The keys themselves are in the setting of that name, such as `admin_key`.
SCOPES: dict[KeyName, frozenset[Scope]] = {
    "admin": frozenset(get_args(Scope)),
    "host": frozenset(get_args(Scope)) - {"operator"},
}

HEALTH = "application/health+json"

# The types of the path parameters.
PATH_TYPES: dict[str, Any] = {
    "attachment_id": AttachmentId,
    "contact_id": UserId,
    "conversation_id": ConversationId,
    "error_id": ErrorId,
    "message_id": PositiveInt,
    "notification_id": NotificationId,
    "report_id": ReportId,
    "token": Token,
    "user_id": UserId,
    "webhook_id": WebhookId,
}


class Parameter(Struct, frozen=True):
    """A parameter of the query string. `kind` is a type from shared/api/ or shared/frames/."""

    name: str
    kind: Any
    summary: str
    default: Any = None
    required: bool = False


class Answer(Struct, frozen=True):
    """One response of a route. `body` is the type of its body, or None if it has no body."""

    status: int
    body: Any
    summary: str
    media_type: str = "application/json"


class Route(Struct, frozen=True, kw_only=True):
    """One method of one path.

    `errors` lists the errors that deserve a case of their own in a client; others may occur.
    `rule` states, in one sentence, a rule that the request's schema cannot express. `limit` is a
    key of LIMITS, or None if the route is not limited. `scope` matters only with a key.
    """

    method: Method
    path: str
    summary: str
    answers: tuple[Answer, ...]
    body: Any = None
    body_media_type: str = "application/json"
    query: tuple[Parameter, ...] = ()
    auth: Auth = "bearer"
    scope: Scope = "operator"
    errors: tuple[type[LinkupError], ...] = ()
    rule: str = ""
    only_with: str = ""  # the setting that switches it on
    limit: Limit | None = "api"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def keys(self) -> tuple[KeyName, ...]:
        """The keys that open the route, of which one is enough."""
        if self.auth != "operator":
            return ()
        return tuple(name for name, scopes in SCOPES.items() if self.scope in scopes)

    @property
    def switches(self) -> tuple[str, ...]:
        """The settings of which one must be set for the route to exist; none: it always exists."""
        if self.auth == "operator":
            return tuple(f"{name}_key" for name in self.keys)
        return (self.only_with,) if self.only_with else ()


class Socket(Struct, frozen=True):
    """A WebSocket route: its name in AsyncAPI, its path."""

    name: str
    path: str
    summary: str
