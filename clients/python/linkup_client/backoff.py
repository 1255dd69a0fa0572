"""Owns the waiting times: the delays before reconnecting, and the timeouts."""

import random

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True):
    """The times of a client in seconds, except `silence`: after that many heartbeats without a
    frame the socket is dead."""

    shortest: float = 0.5
    # Tokens name whole seconds: one issued in the second of a disconnect is refused as well.
    next_second: float = 1.1
    first: float = 2.0  # the first try comes within this time
    longest: float = 15.0
    ack_timeout: float = 5.0
    open_timeout: float = 10.0  # handshake, and again until `welcome`
    marks_every: float = 1.0
    silence: float = 2.5
    patience: float = 3.0  # without a socket, until HTTP is used
    poll_every: float = 2.5
    renewals_apart: float = 5.0  # two requests for a new token, while the old one is in use


def delay(timing: Timing, attempt: int) -> float:
    """Return the seconds to wait, with full jitter: a crowd that was cut off together does not
    return together."""
    ceiling = min(timing.longest, timing.first * 2 ** min(attempt, 10))
    return random.uniform(timing.shortest, max(timing.shortest, ceiling))
