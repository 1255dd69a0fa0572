"""Owns the optional claims of a token, and the handling of invalid ones.

A claim that is not there leaves what is known of the user; null, or nothing to see, takes it
away. One that cannot be used is left out as if it were not there: it is no reason to refuse.
"""

import logging
import re
from collections.abc import Iterator, Mapping

from services.gateway.auth.profile import is_valid, zones
from services.gateway.rates import Buckets
from shared.bounded import Bounded
from shared.frames.fields import is_seen
from shared.health.counters import Counters

logger = logging.getLogger("linkup.gateway.claims")

FIELDS = {  # of an Identity, by claim
    "name": "name",
    "email": "email",
    "tz": "time_zone",
    "locale": "locale",
    "avatar": "avatar",
}
REMOVED = ""  # what a claim says that takes away what is known
LINES_PER_MINUTE = 60
MAX_TOLD = 10_000  # of users and claims; the one told longest ago is told again

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def read(claims: Mapping[str, object]) -> Iterator[tuple[str, str | None]]:
    """Yield each optional claim that is there, and what it says; None: it is odd."""
    for claim in FIELDS.keys() & claims.keys():
        yield claim, _said(claim, claims[claim])


def _said(claim: str, value: object) -> str | None:
    if value is None:
        return REMOVED
    if not isinstance(value, str):
        return None
    if claim == "name":  # half an emoji, where it was cut: no wire can carry that
        value = _SURROGATES.sub("?", value)
    if not (_CONTROLS.search(value) or is_seen(value)):
        return REMOVED
    return value if is_valid(claim, value) else None


class OddClaims:
    """Tells the log of odd claims, once for each user and claim; counted are all."""

    def __init__(self, counters: Counters) -> None:
        zones()
        self._counters = counters
        self._told: Bounded[tuple[str, str], None] = Bounded(MAX_TOLD)
        self._lines = Buckets(LINES_PER_MINUTE)

    def tell(self, user_id: str, claim: str) -> None:
        """Tell of an odd claim. The value stays out of the log: it is personal, and may be
        anything."""
        self._counters.add(f"odd_claim_{claim}")
        key = (user_id, claim)
        known = key in self._told
        self._told[key] = None
        if not known and not self._lines.spend("lines"):
            said = {"user_id": user_id, "claim": claim}
            logger.warning("a claim of a token is odd and left out", extra=said)
