"""Owns the categories of errors: severity, cost, and the allowed fields of a record."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, TypedDict

from msgspec import Meta, Struct

Category = Literal[
    "async_context_violation",
    "json_serialization_error",
    "validation_error",
    "connection_error",
    "routing_error",
    "persistence_error",
    "delivery_error",
    "auth_error",
    "overload",
    "invariant_violation",
]
Severity = Literal["low", "medium", "high", "critical"]
Value = str | int | float | bool
ErrorId = Annotated[str, Meta(pattern=r"^e[a-z2-7]{16}\Z")]


class Kind(NamedTuple):
    """The cost of a category for the score, `weight` up to `cap`, and its severity."""

    weight: float
    cap: float
    severity: Severity


CATEGORIES: Mapping[Category, Kind] = {
    "async_context_violation": Kind(8, 30, "high"),
    "json_serialization_error": Kind(6, 25, "medium"),
    "validation_error": Kind(0.2, 5, "medium"),
    "connection_error": Kind(2, 20, "high"),
    "routing_error": Kind(5, 20, "critical"),
    "persistence_error": Kind(10, 40, "high"),
    "delivery_error": Kind(6, 30, "medium"),
    "auth_error": Kind(0.5, 10, "medium"),
    "overload": Kind(0.5, 10, "medium"),
    "invariant_violation": Kind(1e9, 100, "critical"),  # a single one takes all
}


class Context(TypedDict, total=False):
    """All that a record may say beside its message: no body, no token, no address of a person."""

    attempts: int
    code: str | int
    conversation_id: str
    error: str  # its type
    file: str
    follower: str
    lane: str
    line: int
    message_id: str
    ms: int
    notification_id: str
    peer: str
    query: str
    reason: str  # in words of ours, or of the database
    status: int
    subject: str
    times: int


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One error, however often it happened. Times in microseconds since 1970.

    `id` is the same for the same error of the same service, in whichever process; `context`,
    `user` and `trace` are those of the latest occurrence.
    """

    id: str
    category: Category
    severity: Severity
    service: str
    message: str
    context: dict[str, Value] = {}
    user: str | None = None
    trace: str | None = None
    first_at: int
    occurred_at: int
    count: int = 1
    resolved: bool = False
    resolved_at: int | None = None
    notes: str = ""
