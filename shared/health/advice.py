"""Owns the recommendations: one for each category of errors and each ceiling of the score."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from shared.health.records import Category
from shared.health.score import Ceiling

METRIC = "linkup_errors_total"
SLOW_MS, BLOCKED_MS = 100, 250  # of the loop's lag, p99
LITTLE_DISK, NO_DISK = 10, 2  # percent free
MAIL = "Check the mail server, and LINKUP_SMTP_HOST, _PORT, _USER and _SECURITY."
LONGEST_LAG = 10  # seconds that a follower of the log may be behind


class Seen(NamedTuple):
    """The number of errors of a category in the last `minutes`, and the last one: how long ago it
    was, and its message."""

    times: int
    minutes: float
    last: str


def _said(category: Category, seen: Seen) -> str:
    window = f"{seen.minutes:g} minutes" if seen.minutes != 1 else "1 minute"
    last = f"; the last {seen.last}" if seen.last else ""
    return f"{seen.times} in {window} ({METRIC}{{category={category}}}){last}"


def async_context_violation(seen: Seen) -> str:
    said = _said("async_context_violation", seen)
    return (
        f"The event loop is blocked: {said}. All clients wait meanwhile: move the blocking call "
        "to a thread, or report the file and line as a bug."
    )


def json_serialization_error(seen: Seen) -> str:
    said = _said("json_serialization_error", seen)
    return f"An answer cannot be encoded as JSON: {said}. Report it as a bug: the data are intact."


def validation_error(seen: Seen) -> str:
    said = _said("validation_error", seen)
    return (
        f"Clients send malformed frames or requests: {said}. Look for an old client, or an "
        "attack from few addresses; the service itself works."
    )


def connection_error(seen: Seen) -> str:
    said = _said("connection_error", seen)
    return (
        f"Connections break or time out: {said}. If the bus or a service is named, check that; "
        "otherwise the network, and the proxy in front and its timeouts."
    )


def routing_error(seen: Seen) -> str:
    said = _said("routing_error", seen)
    return (
        f"No service listens on a subject: {said}. Check that all services run, are of the same "
        "release, and use their own NATS users."
    )


def persistence_error(seen: Seen) -> str:
    said = _said("persistence_error", seen)
    return f"The database fails: {said}. Check the disk, its space, and who else opens the file."


def delivery_error(seen: Seen) -> str:
    said = _said("delivery_error", seen)
    return (
        f"E-mails or events are not delivered: {said}. If an e-mail is named, check the "
        "mail server; otherwise check nats-server, and the network to it."
    )


def auth_error(seen: Seen) -> str:
    said = _said("auth_error", seen)
    return (
        f"Tokens are refused: {said}. If users complain, give one of their tokens to `linkup token "
        "check`, and compare the keys (LINKUP_JWT_SECRET or LINKUP_JWKS_URL) and the clock with "
        "those of your app; otherwise somebody is guessing tokens."
    )


def overload(seen: Seen) -> str:
    said = _said("overload", seen)
    return f"The load exceeds a limit: {said}. Add gateways, or raise the named limit."


def invariant_violation(seen: Seen) -> str:
    said = _said("invariant_violation", seen)
    return f"Stored data contradict each other: {said}. Run `linkup audit --all`, keep a backup."


CATEGORY: Mapping[Category, Callable[[Seen], str]] = {
    "async_context_violation": async_context_violation,
    "json_serialization_error": json_serialization_error,
    "validation_error": validation_error,
    "connection_error": connection_error,
    "routing_error": routing_error,
    "persistence_error": persistence_error,
    "delivery_error": delivery_error,
    "auth_error": auth_error,
    "overload": overload,
    "invariant_violation": invariant_violation,
}


def warning(name: str, cause: str) -> str:
    """Return the recommendation for a check that warns and limits no score."""
    remedy = f" {MAIL}" if name in ("email", "smtp") else ""
    return f"{cause} (linkup_check_status{{check={name}}}).{remedy}"


def canary(cause: str) -> Ceiling:
    return Ceiling(
        "canary",
        40,
        f"The test message of the gateway did not arrive (linkup_canary_ok): {cause}. "
        "Restart the named service.",
    )


def store(cause: str) -> Ceiling:
    return Ceiling(
        "store", 40, f"The database cannot be written (linkup_ready{{check=store}}): {cause}."
    )


def reader(cause: str) -> Ceiling:
    return Ceiling(
        "reader", 40, f"The database cannot be read (linkup_ready{{check=reader}}): {cause}."
    )


def bus(cause: str) -> Ceiling:
    return Ceiling(
        "bus",
        55,
        f"NATS cannot be reached (linkup_ready{{check=bus}}): {cause}. "
        "Check that nats-server runs, and read its log.",
    )


def stopped(service: str, cause: str, check: str = "") -> Ceiling:
    """Return the ceiling of a service that does not answer or is not ready. `check` is the check
    that shows it, by default that of the others, which has the name of the service."""
    shown = f"linkup_check_status{{check={check or service}}}"
    return Ceiling(
        service,
        55,
        f"The service {service} is not ready ({shown}): {cause}. "
        "If it is stopped, start it; if it is frozen, let it continue; otherwise read its log.",
    )


def subscription(name: str, cause: str) -> Ceiling:
    return Ceiling(
        name,
        40,
        f"A subscription or a route is missing (linkup_ready{{check={name}}}): {cause}. "
        "Check the permissions of the service's NATS user, then restart it.",
    )


def follower(cause: str) -> Ceiling:
    return Ceiling(
        "log",
        70,
        f"Notifications are late (linkup_follower_lag_seconds): {cause}. "
        "Check persistence, then notify's log.",
    )


def loop(lag_ms: float, cause: str) -> Ceiling | None:
    """Return the ceiling of a late loop. `lag_ms` is the 99th percentile of the last minute."""
    if lag_ms <= SLOW_MS:
        return None
    return Ceiling(
        "loop",
        59 if lag_ms > BLOCKED_MS else 79,
        f"The event loop is late by {lag_ms:.0f} ms at p99 (linkup_loop_lag_seconds): "
        f"{cause or 'too much work for one process'}. Move blocking calls to a thread, or add CPU.",
    )


def disk(free: float, where: str) -> Ceiling | None:
    """Return the ceiling of a disk that is nearly full. `free` is in percent."""
    if free >= LITTLE_DISK:
        return None
    return Ceiling(
        "disk",
        40 if free < NO_DISK else 75,
        f"{free:.1f} % of the disk of {where} is free (linkup_disk_free_ratio). "
        "Remove what is not needed, or shorten LINKUP_FEED_RETENTION.",
    )
