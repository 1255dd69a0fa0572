"""Owns the questions of the operator to notify about deliveries, and their answers."""

from typing import Literal

from msgspec import Struct

Reached = Literal["reached", "nowhere", "bad_address", "suppressed", "banned"]


class NotifyStats(Struct, frozen=True, kw_only=True, tag="stats"):
    """Asks for the counts that an operator looks at, of everybody."""


class NotifyStatsAnswer(Struct, frozen=True, kw_only=True):
    """Items by type; deliveries by channel and state, then by the reason of those that ended."""

    unread: dict[str, int]
    items: dict[str, int]
    deliveries: dict[str, dict[str, int]]
    reasons: dict[str, int]
    subscriptions: int
    suppressed_addresses: int


class Reach(Struct, frozen=True, kw_only=True, tag="reach"):
    """Asks whether pushes and e-mails reach a user, whatever the user prefers."""

    user_id: str


class ReachAnswer(Struct, frozen=True, kw_only=True):
    """`nowhere`: there is no browser that takes pushes, or no e-mail address. `suppressed`: mail
    servers have refused the address too often."""

    push: Reached
    email: Reached


class DeadDeliveries(Struct, frozen=True, kw_only=True, tag="dead"):
    """Asks for the deliveries that failed, and those of which nobody knows, the latest first."""

    limit: int = 50


class DeadDelivery(Struct, frozen=True, kw_only=True):
    """A delivery that failed, or of which nobody knows.

    `thread` is a conversation id, `n:` and the id of a notification, or `digest:`. `reason` is a
    word or an SMTP code, never an address or a server's own text.
    """

    delivery_id: str
    user_id: str
    channel: str
    thread: str
    state: str
    reason: str
    attempts: int
    closed_at: int


class DeadAnswer(Struct, frozen=True, kw_only=True):
    deliveries: list[DeadDelivery]


class RetryDeliveries(Struct, frozen=True, kw_only=True, tag="retry"):
    """Try these again, or all that failed. What nobody knows of is never tried again, nor is what
    a later delivery has shown."""

    delivery_ids: list[str] = []


class RetryAnswer(Struct, frozen=True, kw_only=True):
    """The deliveries that are due now."""

    delivery_ids: list[str]


class SendDigests(Struct, frozen=True, kw_only=True, tag="digest"):
    """Let the digests that wait for the end of their window be due now: of a user, or of all."""

    user_id: str = ""


class SendDigestsAnswer(Struct, frozen=True, kw_only=True):
    count: int


class CleanNotices(Struct, frozen=True, kw_only=True, tag="clean"):
    """Delete what was read or ended longer ago than so many seconds, as notify does by itself."""

    keep: float


class CleanAnswer(Struct, frozen=True, kw_only=True):
    """The number of rows that were deleted of each kind."""

    items: int
    keys: int
    deliveries: int
    dead_letters: int = 0
