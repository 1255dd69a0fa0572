"""Owns what the gateway knows of persistence: heard from its traffic, or else asked."""

import asyncio

from shared import readiness, subjects
from shared.bus import Bus, BusTimeout
from shared.health import Check
from shared.probe import Probe

REMEDY = "see its /health"


class Upstream:
    """Proved by a batch that was committed and a question that was answered: by both."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.probe = Probe("persistence", self._ask, remedy=REMEDY)
        self._stored_at = self._read_at = float("-inf")

    def stored(self) -> None:
        self._stored_at = asyncio.get_running_loop().time()
        self.probe.proved(min(self._stored_at, self._read_at))

    def read(self) -> None:
        self._read_at = asyncio.get_running_loop().time()
        self.probe.proved(min(self._stored_at, self._read_at))

    async def _ask(self) -> float | None:
        began = asyncio.get_running_loop().time()
        try:
            await readiness.ask(self._bus, subjects.query("health"))
        except BusTimeout:
            heard = max(self._stored_at, self._read_at)
            if heard < began:
                raise
            return heard  # it answers others meanwhile: a crowd is not an outage
        return None

    def check(self) -> Check:
        if self._bus.check().status == "fail":
            return Check("warn", "persistence: not known while the bus does not answer")
        return self.probe.check()
