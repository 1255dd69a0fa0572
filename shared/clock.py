"""Owns wall-clock time as it is stored and sent: microseconds since 1970, UTC."""

import time

SECOND = 1_000_000


def now() -> int:
    return time.time_ns() // 1000
