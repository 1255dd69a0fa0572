"""Owns the doorbell: informs the followers of new rows, at a limited rate."""

import asyncio

from shared import subjects
from shared.bus import Bus

REST = 0.2  # seconds between two rings; a follower gathers for longer than that anyway


class Doorbell:
    """Rings at once after a rest, and once more at the end of one in which it was asked to."""

    def __init__(self, bus: Bus, rest: float = REST) -> None:
        self._bus = bus
        self._rest = rest
        self._resting: asyncio.TimerHandle | None = None
        self._asked = False

    def ring(self) -> None:
        if self._resting is not None:
            self._asked = True
            return
        self._resting = asyncio.get_running_loop().call_later(self._rest, self._rested)
        self._bus.post(subjects.LOG, b"")

    def _rested(self) -> None:
        self._resting = None
        if self._asked:
            self._asked = False
            self.ring()
