"""Owns the HTTP rates: a token bucket for each user or address and class of route.

What the routes cost stands in shared/routes. Messages have a limit of their own, counted where
they are stored, over all gateways; these here are counted by each gateway for itself.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from shared.errors import RateLimited
from shared.route import LIMITS, Limit
from shared.settings import Settings

MINUTE = 60.0
ROUNDING = 1e-6  # seconds that sums of floats may be off
MAX_BUCKETS = 50_000  # of one class; the one that was used longest ago goes first


class Buckets:
    """Token buckets, one for each key: at most `most` at once, and as many a minute; 0 sets no
    limit.

    A bucket is one time, until which it is used up (GCRA, ITU-T I.371): one whose time is past is a
    full one, so it can be forgotten.
    """

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._interval = MINUTE / most if most else 0.0
        self._now = now
        self._used_until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used_until)

    def wait(self, key: str) -> float:
        """Return the seconds until the next one is let through, 0 for now."""
        now = self._now()
        wait = self._used_until.get(key, now) + self._interval - now - MINUTE
        return wait if wait > ROUNDING else 0.0

    def spend(self, key: str) -> float:
        """Let one through, or say how many seconds to wait."""
        wait = self.wait(key)
        if self._interval and not wait:
            now = self._now()
            used_until = max(self._used_until.pop(key, now), now) + self._interval
            self._used_until[key] = used_until
            self._forget(now)
        return wait

    def _forget(self, now: float) -> None:
        """Drop refilled buckets, least recently used first, and any above MAX_BUCKETS."""
        while len(self._used_until) > 1:
            key, used_until = next(iter(self._used_until.items()))
            if used_until > now and len(self._used_until) <= MAX_BUCKETS:
                return
            del self._used_until[key]


class Rates:
    """The buckets of every class."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._classes = {
            limit: Buckets(getattr(settings, setting), now) for limit, setting in LIMITS.items()
        }

    def spend(self, limit: Limit, who: str) -> None:
        """Raises RateLimited, saying when to come back."""
        _refuse_until(self._classes[limit].spend(who))

    def check(self, limit: Limit, who: str) -> None:
        """Like `spend`, without counting a request."""
        _refuse_until(self._classes[limit].wait(who))


def _refuse_until(wait: float) -> None:
    if wait:
        raise RateLimited(
            "Too many requests: try again later",
            retry_after_ms=math.ceil(wait * 1000),
        )


def user(user_id: str) -> str:
    return f"user {user_id}"


def address(host: str) -> str:
    """Return the address; of an IPv6 address the network, which one machine can own."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return f"address {host}"
    if ip.version == 6 and ip.ipv4_mapped is None:
        return f"address {ipaddress.ip_network((ip, 64), strict=False)}"
    return f"address {getattr(ip, 'ipv4_mapped', None) or ip}"
