"""Owns the due deliveries of one channel: claims them, asks what is known, and sends them.

Runs beside the follower and the other channels: a slow mail server delays e-mails, but neither the
reading of the log nor pushes.
"""

import asyncio
import logging
import math
import random
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec

from services.notify import handover, refusals
from services.notify.cases import Case
from services.notify.enquiry import Enquiry
from services.notify.ladder.delivery import Delivery, Outcome, Waits
from services.notify.outcomes import STORE, Outcomes
from services.notify.store import Outlook, Store
from services.notify.ways import Way
from shared.breaker import Breaker
from shared.clock import SECOND
from shared.errors import LinkupError
from shared.health import Check

logger = logging.getLogger("linkup.notify")

CONCURRENCY = 4
POLL = 30.0  # seconds; in between, it is woken by the log, by an attempt's end, or by what is due
OUTLOOK = 1.0  # seconds that it may be old while all slots are taken
AHEAD = 0.25  # seconds: what is sent within them is asked about at once
MOST_AHEAD = 50
FRESH = 2.0  # seconds that an answer of the log is good for
RETRY = 1.0
DAY = 86_400 * SECOND


class Courier:
    def __init__(
        self,
        way: Way,
        store: Store,
        enquiry: Enquiry,
        *,
        waits: Waits,
        breaker: Breaker,
        clock: Callable[[], int],
        concurrency: int = CONCURRENCY,
        count: Callable[[str], None] = lambda name: None,
        most_refusals: int = 0,
    ) -> None:
        """`count`: called with the name of what is counted. `most_refusals`: of an address, after
        which it gets no e-mail; 0: no end."""
        self._way = way
        self._store = store
        self._enquiry = enquiry
        self._waits = waits
        self._breaker = breaker
        self._clock = clock
        self._concurrency = concurrency
        self._outcomes = Outcomes(way.words, count)
        self._most_refusals = most_refusals
        self._wake = asyncio.Event()
        self._stopping = False
        self._flying: dict[asyncio.Task[None], float] = {}  # since when, by the loop's clock
        self._outlook = Outlook()
        self._ready = deque[tuple[float, Case]]()  # since when, by the loop's clock
        self._sent_at = deque[float](maxlen=MOST_AHEAD)
        self._looked_at = -math.inf  # by the loop's clock

    async def run(self) -> None:
        """Send until `stop`, then finish the e-mails that are being sent."""
        async with asyncio.TaskGroup() as sends:
            failures = 0
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._round(sends)
                    failures = 0
                except (LinkupError, msgspec.MsgspecError) as error:
                    failures += 1
                    if failures == 2:  # once: the follower's check says how long it lasts
                        logger.warning("nothing can be sent: %s", error)
                    await asyncio.sleep(RETRY)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def check(self) -> Check:
        oldest = min(self._flying.values(), default=math.inf)
        silent = asyncio.get_running_loop().time() - oldest
        return self._outcomes.check(self._outlook, silent)

    async def _round(self, sends: asyncio.TaskGroup) -> None:
        while self._ready and (self._room() or self._breaker.wait()):
            await self._next(sends)
        room = self._room()
        claimed = await self._claim(room) if room else []
        since = asyncio.get_running_loop().time()
        self._ready.extend((since, case) for case in await self._cases(claimed))
        if not claimed and (room or self._is_old()):
            self._looked_at = asyncio.get_running_loop().time()
            self._outlook = await self._store.outlook(
                self._way.channel, self._clock() - DAY, self._most_refusals
            )
        if not claimed:
            due_at = self._outlook.due_at
            await self._pause(self._until(due_at) if room else self._breaker.wait() or POLL)

    def _room(self) -> int:
        return self._breaker.room(self._concurrency - len(self._flying))

    async def _claim(self, room: int) -> list[Delivery]:
        """Also what will have its turn within a moment, so that one question is for many."""
        ahead = self._pace() if self._breaker.state == "closed" else 0
        return await self._store.claim(self._way.channel, self._clock(), room + ahead)

    def _pace(self) -> int:
        """Return the number of e-mails sent within the last AHEAD seconds."""
        since = asyncio.get_running_loop().time() - AHEAD
        return sum(at > since for at in self._sent_at)

    async def _next(self, sends: asyncio.TaskGroup) -> None:
        since, case = self._ready.popleft()
        is_old = asyncio.get_running_loop().time() > since + FRESH
        if is_old or self._breaker.wait():  # it is asked about again
            await self._settle(case.delivery, Outcome("released"))
        else:
            await self._step(case, sends)

    def _is_old(self) -> bool:
        """While there is more to send than slots, the outlook is only told of."""
        return asyncio.get_running_loop().time() > self._looked_at + OUTLOOK

    async def _cases(self, claimed: list[Delivery]) -> list[Case]:
        """Return a case for each claim; release the claims if the log does not answer."""
        if not claimed:
            return []
        try:
            return await self._enquiry.cases(claimed)
        except (LinkupError, msgspec.MsgspecError):
            for group in claimed:
                await self._settle(group, Outcome("released"))
            raise

    async def _step(self, case: Case, sends: asyncio.TaskGroup) -> None:
        endings = case.endings() if case.is_digest else []
        for members, why in endings:
            await self._write(
                partial(handover.end, members=members, outcome=why, now=self._clock())
            )
        case = case.without(endings)
        outcome = case.next_step(self._clock())
        if outcome is None:
            self._breaker.begin()
            flight = sends.create_task(self._deliver(case))
            self._flying[flight] = asyncio.get_running_loop().time()
            flight.add_done_callback(self._landed)
        elif outcome.kind == "collected":
            await self._write(
                partial(
                    handover.collect,
                    group=case.delivery,
                    preferences=case.preferences,
                    now=self._clock(),
                )
            )
        else:
            await self._settle(case.delivery, outcome)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        del self._flying[flight]
        self._wake.set()

    def _until(self, due_at: int | None) -> float:
        """In seconds. The wall clock may be set meanwhile: it is never for long."""
        if due_at is None:
            return POLL
        return min(POLL, max(0.0, (due_at - self._clock()) / SECOND))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _deliver(self, case: Case) -> None:
        begun = False

        async def begin() -> bool:
            nonlocal begun
            begun = True
            return await self._store.between(
                lambda raw: handover.begin(raw, case, self._clock(), self._waits)
            )

        try:
            outcome = await self._way.send(case, begin)
        except LinkupError:
            outcome = Outcome("postponed", STORE)
        except Exception as error:  # noqa: BLE001 - its text may hold an address: only the type
            logger.error(
                "%s could not be made or sent",
                self._way.words.one,
                extra={
                    "notification_id": case.delivery.delivery_id,
                    "error": type(error).__name__,
                },
            )
            outcome = Outcome("unknown" if begun else "failed", "internal")
        self._breaker.end(outcome.worked, outcome.reason)
        if outcome.kind == "sent":
            self._sent_at.append(asyncio.get_running_loop().time())
        await self._settle(case.delivery, outcome, case.profile.email or "")
        self._outcomes.tell(case.delivery, outcome)

    async def _settle(self, group: Delivery, outcome: Outcome, address: str = "") -> None:
        """The slot stays taken until it is written down: a full disk stops the sending."""
        draw = random.random()

        def work(connection: sqlite3.Connection) -> None:
            now = self._clock()
            settled = handover.settle(connection, group, outcome, now, self._waits, draw)
            if settled and self._way.channel == "email" and address:
                refusals.note(connection, group.user_id, address, outcome)

        await self._write(work)

    async def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        while True:
            try:
                await self._store.between(work)
                return
            except LinkupError as error:
                logger.warning("an outcome cannot be written down: %s", error)
                await asyncio.sleep(RETRY)
