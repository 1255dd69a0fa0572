"""Owns the known state of persistence and notify, from their traffic or from queries."""

import asyncio
from functools import partial

from shared import subjects
from shared.bus import Bus, BusTimeout
from shared.health.endpoints import Check
from shared.health.probe import Probe
from shared.process import readiness

REMEDY = "see its /health"
NOTIFY_EVERY = 5.0
NOTIFY_REMEDY = "e-mails wait; see its /health"


def notify_probe(bus: Bus) -> Probe:
    """Return a probe of notify. Its check never fails: everything but the e-mails goes on without
    notify."""
    ask = partial(readiness.ask, bus, subjects.notify("health"))
    return Probe("notify", ask, remedy=NOTIFY_REMEDY, every=NOTIFY_EVERY, status="warn")


class Upstream:
    """Persistence. A committed batch and an answered question prove it together."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.probe = Probe("persistence", self._ask, remedy=REMEDY)
        self._stored_at = self._read_at = float("-inf")

    @property
    def stored_at(self) -> float:
        """The time of the last committed batch, by the loop's clock."""
        return self._stored_at

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
