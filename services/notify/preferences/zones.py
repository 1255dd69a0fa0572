"""Owns the time zones by name.

A zone is read from its file when it is first named, which must not happen on the event loop.
"""

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

MOST_KEPT = 1024  # more than there are; ZoneInfo itself keeps eight


@lru_cache(MOST_KEPT)
def zone_of(name: str) -> tzinfo | None:
    """None where there is no such zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder of zones
        return None
