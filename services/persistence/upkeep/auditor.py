"""Owns the auditor, which checks page by page what must always hold in the store.

It reads on a connection of its own and takes a tenth of one core at most while it is at work: no
message waits for it, and no snapshot lasts for more than some milliseconds.
"""

import asyncio
import logging
import sqlite3
import time
from collections import Counter

from services.persistence.upkeep.audit import Pass
from services.persistence.upkeep.violations import Violation
from shared.files import Displaced
from shared.health.counters import Counters
from shared.health.endpoints import Check
from shared.health.records import record
from shared.sqlite.held import Held

logger = logging.getLogger("linkup.persistence.auditor")

FIRST = 60.0  # seconds after the start: whoever comes back then goes first
RETRY = 30.0
REST = 9  # times as long as a step took
LEAST_REST = 0.005
STEP_TIME = (0.002, 0.008)  # seconds: a quicker step takes more rows next time, a slower one fewer
STEP_ROWS = (1024, 16_384)  # above a group's most members: a page holds a message's rows whole


class Auditor:
    """Audits the store again and again. `every` is the number of seconds from the end of one pass
    to the next; with 0 there is none."""

    def __init__(self, held: Held, counters: Counters, every: float) -> None:
        self._held = held
        self._counters = counters
        self._every = every
        self._rows = STEP_ROWS[0]
        self._found: Counter[str] = Counter()  # by the last pass that came to its end

    async def run(self) -> None:
        """Run until cancelled."""
        pause = min(FIRST, self._every)
        try:
            while self._every:
                await asyncio.sleep(pause)
                await self.audit()
                pause = self._every
        finally:
            await self._held.close()

    async def audit(self) -> Counter[str]:
        """Go through the store once; return the violations that it found, by kind."""
        found: Counter[str] = Counter()
        began, current = time.monotonic(), Pass()
        while current.walk is not None:
            found.update(await self._step(current))
        seconds = round(time.monotonic() - began, 1)
        logger.info("the store is audited", extra={"violations": found.total(), "seconds": seconds})
        self._found = found
        return found

    def check(self) -> Check:
        """Warn only: what is broken stays so, and everything else goes on."""
        if not self._found:
            return Check("pass")
        kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(self._found.items()))
        text = f"the store breaks its own rules ({kinds}): `linkup audit --all` names each place"
        return Check("warn", text, self._found.total())

    async def _step(self, current: Pass) -> list[str]:
        """Go through the next page, and rest; return the kinds of what was found in it."""
        began = time.monotonic()
        try:
            found = await self._held.run(lambda connection: current.step(connection, self._rows))
        except (sqlite3.Error, Displaced) as error:
            logger.warning("the audit waits: %s", error)
            await self._held.close()
            await asyncio.sleep(RETRY)
            return []
        took = time.monotonic() - began
        for one in found:
            self._tell(one)
        self._rows = adapted(self._rows, took)
        await asyncio.sleep(max(LEAST_REST, REST * took))
        return [one.kind for one in found]

    def _tell(self, found: Violation) -> None:
        self._counters.add(f"invariant.{found.kind}")
        record(
            "invariant_violation",
            f"the store breaks a rule of its own: {found.kind}; `linkup audit --all` says where",
            user=found.user_id,
            conversation_id=found.conversation_id or "",
            message_id=str(found.message_id or ""),
            code=found.kind,
        )


def adapted(rows: int, took: float) -> int:
    """Return the number of rows of the next step, after one that took so many seconds."""
    quick, slow = STEP_TIME
    if took < quick:
        return min(STEP_ROWS[1], rows * 2)
    return max(STEP_ROWS[0], rows // 2) if took > slow else rows
