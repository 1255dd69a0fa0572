"""Owns the permissions on the bus: one user for each service, limited to what it needs.

deploy/nats.conf says the same for containers.
"""

from collections.abc import Mapping

PUBLISH: Mapping[str, tuple[str, ...]] = {
    "gateway": (
        "linkup.store",
        "linkup.query.>",
        "linkup.notify.>",
        "linkup.user.*.live",
        "linkup.user.*.ask",
        "linkup.user.*.control",
        "linkup.presence.*",
        "linkup.errors",
    ),
    "persistence": (
        "linkup.user.*.feed",
        "linkup.user.*.control",
        "linkup.log",
        "linkup.standing",
    ),
    "notify": ("linkup.query.>", "linkup.user.*.ask", "linkup.user.*.live", "linkup.errors"),
    "operator": ("linkup.query.>", "linkup.notify.>"),
}
SUBSCRIBE: Mapping[str, tuple[str, ...]] = {  # "subject group": in that queue group only
    "gateway": ("linkup.user.*.*", "linkup.presence.*", "linkup.standing", "_INBOX_gateway.>"),
    "persistence": (
        "linkup.store persistence",
        "linkup.query.> persistence",
        "linkup.errors persistence",
    ),
    "notify": ("linkup.log", "linkup.notify.> notify", "_INBOX_notify.>"),
    "operator": ("_INBOX_operator.>",),
}


def covers(pattern: str, subject: str) -> bool:
    """Return whether the subject matches the pattern, by the broker's wildcards."""
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted, given = wanted[:-1], given[: len(wanted) - 1] if len(given) >= len(wanted) else []
    fits = len(wanted) == len(given)
    return fits and all(one in ("*", other) for one, other in zip(wanted, given, strict=True))
