"""Owns the attempts on deliveries: the sending of one, and the writing down of its outcome."""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from services.notify.ladder.cases import Case
from services.notify.ladder.delivery import Delivery, Ending, Outcome
from services.notify.sending.ledger import Ledger
from services.notify.sending.outcomes import STORE
from services.notify.sending.ways import Way
from services.notify.store import handover
from services.notify.store.store import Store
from shared.errors import LinkupError

logger = logging.getLogger("linkup.notify")

Endings = Sequence[tuple[tuple[Delivery, ...], Outcome]]  # parts of a digest, and how they end

RETRY = 1.0


class Attempts:
    """Sends deliveries and stores their outcomes. Storing is repeated until it succeeds."""

    def __init__(self, way: Way, store: Store, ledger: Ledger, clock: Callable[[], int]) -> None:
        self._way = way
        self._store = store
        self._ledger = ledger
        self._clock = clock

    async def conclude(self, case: Case, outcome: Outcome, endings: Endings) -> None:
        """Write down that there is nothing to send, or not now."""
        await self.end(endings)
        if outcome.kind == "collected":
            group, preferences = case.delivery, case.preferences
            await self._write(lambda raw: handover.collect(raw, group, preferences, self._clock()))
        else:
            await self.settle(case.delivery, outcome)

    async def end(self, endings: Endings) -> None:
        """Write down which parts of a digest there is no need to show."""
        for members, why in endings:
            await self._write(
                partial(handover.end, members=members, outcome=why, now=self._clock())
            )

    async def outcome(self, case: Case) -> Outcome:
        """Send it."""
        begun = False

        async def begin() -> bool:
            nonlocal begun
            begun = True
            return await self._ledger.begin(case)

        try:
            return await self._way.send(case, begin)
        except LinkupError:
            return Outcome("postponed", STORE)
        except Exception as error:  # noqa: BLE001 - its text may hold an address: only the type
            logger.error(
                "%s could not be made or sent",
                self._way.words.one,
                extra={
                    "notification_id": case.delivery.delivery_id,
                    "error": type(error).__name__,
                },
            )
            return Outcome("unknown" if begun else "failed", "internal")

    async def settle(self, group: Delivery, outcome: Outcome, address: str = "") -> None:
        ending = Ending(group, outcome, random.random(), address)
        await self._persist(lambda: self._ledger.settle(ending))

    async def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        await self._persist(lambda: self._store.between(work))

    async def _persist(self, attempt: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await attempt()
                return
            except LinkupError as error:
                logger.warning("an outcome cannot be written down: %s", error)
                await asyncio.sleep(RETRY)
