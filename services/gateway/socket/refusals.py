"""Owns the log lines of refused clients, a limited number a minute."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping

from starlette.types import Scope

from services.gateway.rates import Buckets
from shared.errors import LinkupError, Overloaded, RateLimited, TooLarge, Unauthorized
from shared.health.counters import Counters
from shared.health.records import record
from shared.health.taxonomy import Category

logger = logging.getLogger("linkup.gateway.refusals")

TOLD = frozenset({error.code for error in (Unauthorized, RateLimited, Overloaded, TooLarge)})
USER = "linkup.user_id"  # in the scope of a request, once a token has said who asks
CATEGORIES: Mapping[str, Category] = {
    "unauthorized": "auth_error",
    "origin": "auth_error",
    "host": "auth_error",
    "silent": "auth_error",
    "rate_limited": "overload",
    "overloaded": "overload",
    "too_many": "overload",
    "invalid_frame": "validation_error",
    "invalid_request": "validation_error",
    "too_large": "validation_error",
    "unsupported": "validation_error",
    "abuse": "validation_error",
}
LINES_PER_MINUTE = 120  # of one code
LINES_OF_ONE = 30  # of one code and user or address


class Refusals:
    """Counts all refusals as `refused_<code>`, and writes some of them to the log."""

    def __init__(self, counters: Counters, now: Callable[[], float] = time.monotonic) -> None:
        self._counters = counters
        self._unwritten: Counter[str] = Counter()
        self._all = Buckets(LINES_PER_MINUTE, now)
        self._each = Buckets(LINES_OF_ONE, now)

    def tell(self, code: str, *, user_id: str = "", address: str = "", why: str = "") -> None:
        """Count a refusal, and tell the log of it. `code` and `why` are words of ours; nothing that
        was sent, unless it was looked at."""
        self.count(code, user_id, why)
        if self._each.spend(f"{code} {user_id or address}") or self._all.spend(code):
            self._unwritten[code] += 1
            return
        said: dict[str, str | int] = {
            "code": code,
            "user_id": user_id,
            "address": address,
            "why": why,
            "unwritten": self._unwritten.pop(code, 0),
        }
        logger.info("refused", extra={name: value for name, value in said.items() if value})

    def count(self, code: str, user_id: str = "", why: str = "") -> None:
        self._counters.add(f"refused_{code}")
        note(code, user_id, why)

    def of_request(self, scope: Scope, error: LinkupError) -> None:
        """Tell of an error that answers a request, or a socket without a user, if it refuses."""
        if error.code in TOLD:
            user_id = scope.get(USER, "")
            self.tell(error.code, user_id=user_id, address=address_of(scope), why=error.why)
        else:
            self.count(error.code)


def note(code: str, user_id: str = "", why: str = "") -> None:
    """Record a refusal, if it is one; what is not found or not allowed is an answer."""
    if (category := CATEGORIES.get(code)) is not None:
        said = f"refused: {code} ({{reason}})" if why else f"refused: {code}"
        record(category, said, user=user_id or None, code=code, reason=why)


def address_of(scope: Scope) -> str:
    """Return the address of a request or a socket, or the one that a trusted proxy names."""
    client = scope.get("client")
    return str(client[0]) if client else ""
