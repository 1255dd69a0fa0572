"""Owns the reserved user ids of the conformance kit, the load and the canary.

Their users and all others are not there for each other, and nobody is told of them. The system, as
which the host app sends messages, has such an id, but is a user like all others.
"""

PREFIX = "linkup--"

SYSTEM = f"{PREFIX}system"

# Between whom gateways send messages to themselves.
CANARIES = (f"{PREFIX}canary-1", f"{PREFIX}canary-2")


def is_reserved(user_id: str) -> bool:
    return user_id.startswith(PREFIX) and user_id != SYSTEM


def is_of_host(user_id: str) -> bool:
    """Return whether the host app has given this id, and not LinkUp."""
    return not user_id.startswith(PREFIX)


def are_apart(one: str, other: str) -> bool:
    """Return whether exactly one of the two is reserved."""
    return is_reserved(one) != is_reserved(other)
