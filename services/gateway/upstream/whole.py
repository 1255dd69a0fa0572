"""Owns the report on all services: the gateway's own, and those that it gets over the bus."""

import asyncio

from shared import clock, subjects
from shared.bus import Bus
from shared.errors import LinkupError
from shared.health import report
from shared.health.endpoints import Health
from shared.health.report import HealthAnswer
from shared.health.whole import whole
from shared.process import readiness

FRESH = 1.0  # seconds: a crowd that looks on costs the others one question a second
ASKED = {"persistence": subjects.query("health"), "notify": subjects.notify("health")}


class Whole:
    """The report on all services. Callers share one that is under way or less than a second old."""

    def __init__(self, bus: Bus, health: Health) -> None:
        self._bus = bus
        self._health = health
        self._asking: asyncio.Task[HealthAnswer] | None = None
        self._until = 0.0

    async def report(self) -> HealthAnswer:
        now = asyncio.get_running_loop().time()
        if self._asking is None or (self._asking.done() and now >= self._until):
            self._asking = asyncio.create_task(self._ask())
            self._until = now + FRESH
        return await asyncio.shield(self._asking)

    async def _ask(self) -> HealthAnswer:
        others = await asyncio.gather(*(self._of(*each) for each in ASKED.items()))
        return whole(self._health.examine(), *others)

    async def _of(self, service: str, subject: str) -> HealthAnswer:
        try:
            return await readiness.examine(self._bus, subject)
        except LinkupError as error:
            return report.unreachable(service, clock.now(), str(error))
