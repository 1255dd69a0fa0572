"""Owns the circuit breaker of one dependency: closed, open, or half-open for one probe.

    closed ── THRESHOLD failures in a row ──▶ open ── the pause is over ──▶ half_open
      ▲                                        ▲                               │
      └───────────────── it worked ────────────┼──────── one call, the probe ──┤
                                               └── it failed: a longer pause ──┘

Failures are those of the dependency itself, never of what one call asked for.
"""

import logging
import time
from collections.abc import Callable
from typing import Literal

from shared.health.endpoints import Check
from shared.retry import Retries

logger = logging.getLogger("linkup.breaker")

State = Literal["closed", "half_open", "open"]

STATES: tuple[State, ...] = ("closed", "half_open", "open")  # by number, as the check observes it
THRESHOLD = 5
FIRST_PAUSE = 10.0  # seconds at most: what is back is found soon, also where retries are seldom
LONGEST_PAUSE = 300.0


class Breaker:
    """`name` is for people. `clock`: seconds that never go back.

    `begin` and `end` enclose each call; `room` says beforehand how many may begin.
    """

    def __init__(
        self, name: str, retries: Retries, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._pauses = Retries(
            strategy=retries.strategy,
            base=min(retries.base, FIRST_PAUSE),
            cap=min(retries.cap, LONGEST_PAUSE),
        )
        self._clock = clock
        self._failures = 0  # in a row
        self._until = 0.0  # when the pause ends, by the clock
        self._calls = 0  # begun and not ended
        self._reason = ""

    @property
    def state(self) -> State:
        if self._failures < THRESHOLD:
            return "closed"
        return "open" if self.wait() else "half_open"

    def wait(self) -> float:
        """Return the seconds until the pause is over, and 0 if there is none."""
        return max(0.0, self._until - self._clock())

    def room(self, wanted: int) -> int:
        """Return how many of the wanted calls may begin now."""
        match self.state:
            case "closed":
                return wanted
            case "half_open":
                return 0 if self._calls else min(wanted, 1)
            case "open":
                return 0

    def begin(self) -> None:
        self._calls += 1

    def end(self, worked: bool | None, reason: str = "") -> None:
        """Note the end of a call: whether the dependency worked, or None if the call does not show
        it."""
        self._calls -= 1
        if worked:
            self._succeeded()
        elif worked is False and self.state != "open":  # else it was begun before that
            self._failed(reason)

    def check(self) -> Check:
        """Return a warning at worst, since what waits for the dependency is not lost."""
        observed, state = STATES.index(self.state), self.state
        if state == "closed":
            return Check("pass", "", observed)
        then = f"in {self.wait():.0f} s" if state == "open" else "next"
        return Check("warn", f"{self.name} fails: {self._reason}; tried once {then}", observed)

    def _succeeded(self) -> None:
        if self._failures >= THRESHOLD:
            logger.info("%s works again", self.name)
        self._failures, self._until = 0, 0.0

    def _failed(self, reason: str) -> None:
        self._failures += 1
        self._reason = reason
        if self._failures < THRESHOLD:
            return
        self._until = self._clock() + self._pauses.pause(self._failures - THRESHOLD + 1)
        if self._failures == THRESHOLD:  # said once: the check says how it is
            logger.warning("%s fails: %s; it is left alone for a while", self.name, reason)
