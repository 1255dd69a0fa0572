"""Owns the due deliveries of one channel: claims them, asks what is known, and sends them.

Runs beside the follower and the other channels: a slow mail server delays e-mails, but neither the
reading of the log nor pushes.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable

import msgspec

from services.notify.ladder.cases import Case
from services.notify.ladder.delivery import Delivery, Outcome, Waits
from services.notify.sending.attempts import Attempts, Endings
from services.notify.sending.enquiry import Enquiry
from services.notify.sending.ledger import Ledger
from services.notify.sending.outcomes import Outcomes
from services.notify.sending.ways import Way
from services.notify.store.store import Outlook, Store
from shared.breaker import Breaker
from shared.clock import SECOND
from shared.errors import LinkupError
from shared.health.endpoints import Check

logger = logging.getLogger("linkup.notify")

CONCURRENCY = 4
POLL = 30.0  # seconds; in between, it is woken by the log, by an attempt's end, or by what is due
OUTLOOK = 1.0  # seconds that it may be old while all slots are taken
AHEAD = 0.25  # seconds: what is sent within them is asked about at once
MOST_AHEAD = 300
PACE = 3  # deliveries within AHEAD, for which there is one slot more
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
        more: int = 0,
        count: Callable[[str], None] = lambda name: None,
        most_refusals: int = 0,
    ) -> None:
        """Send up to `concurrency` deliveries at a time, and `more` of them while they leave fast.
        `count` is called with the name of what is counted. An address that has refused
        `most_refusals` e-mails gets no more; 0 sets no limit."""
        self._way = way
        self._store = store
        self._enquiry = enquiry
        self._breaker = breaker
        self._clock = clock
        self._concurrency = concurrency
        self._more = more
        self._ledger = Ledger(way.channel, store, waits, clock)
        self._attempts = Attempts(way, store, self._ledger, clock)
        self._outcomes = Outcomes(way.words, count)
        self._most_refusals = most_refusals
        self._wake = asyncio.Event()  # there may be something to claim
        self._moved = asyncio.Event()  # there may be something to send
        self._stopping = False
        self._sending = 0  # of the flights, those whose outcome is not known
        self._flying: dict[asyncio.Task[None], float] = {}  # since when, by the loop's clock
        self._outlook = Outlook()
        self._ready = deque[tuple[float, Case]]()  # since when, by the loop's clock
        self._sent_at = deque[float](maxlen=MOST_AHEAD)
        self._looked_at = -math.inf  # by the loop's clock

    async def run(self) -> None:
        """Send until `stop` is called, and then wait for the deliveries that are under way."""
        try:
            async with asyncio.TaskGroup() as sends:
                sends.create_task(self._send(sends))
                await self._supply()
        finally:
            await self._ledger.close()

    async def _supply(self) -> None:
        failures = 0
        while not self._stopping:
            self._wake.clear()
            try:
                await self._round()
                failures = 0
            except (LinkupError, msgspec.MsgspecError) as error:
                failures += 1
                if failures == 2:  # once: the follower's check says how long it lasts
                    logger.warning("nothing can be sent: %s", error)
                await asyncio.sleep(RETRY)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._moved.set()

    def wake(self) -> None:
        self._wake.set()

    def check(self) -> Check:
        oldest = min(self._flying.values(), default=math.inf)
        silent = asyncio.get_running_loop().time() - oldest
        return self._outcomes.check(self._outlook, silent)

    async def _round(self) -> None:
        """Claim what is due, so that it is ready when there is room for it."""
        wanted = self._wanted()
        claimed = (
            await self._store.claim(self._way.channel, self._clock(), wanted) if wanted else []
        )
        if claimed:
            since = asyncio.get_running_loop().time()
            self._ready.extend((since, case) for case in await self._cases(claimed))
            self._moved.set()
            return
        if wanted or self._is_old():
            self._looked_at = asyncio.get_running_loop().time()
            self._outlook = await self._store.outlook(
                self._way.channel, self._clock() - DAY, self._most_refusals
            )
        due_at = self._outlook.due_at
        await self._pause(self._until(due_at) if wanted else self._breaker.wait() or POLL)

    def _wanted(self) -> int:
        """Return how many deliveries to claim. These include those of the next moment, so that one
        question serves many of them, and none waits for its answer."""
        if 2 * len(self._ready) > MOST_AHEAD:
            return 0
        ahead = self._pace() if self._breaker.state == "closed" else 0
        if self._ready and 2 * len(self._ready) > ahead:
            return 0
        return max(0, self._room() + ahead - len(self._ready))

    def _room(self) -> int:
        """A delivery takes room until its outcome is written down, so that a full disk stops the
        sending."""
        slots = self._concurrency + min(self._more, self._pace() // PACE)
        return self._breaker.room(max(0, min(slots - self._sending, 2 * slots - len(self._flying))))

    def _pace(self) -> int:
        """Return how many were sent within the last AHEAD seconds."""
        since = asyncio.get_running_loop().time() - AHEAD
        while self._sent_at and self._sent_at[0] <= since:
            self._sent_at.popleft()
        return len(self._sent_at)

    async def _send(self, sends: asyncio.TaskGroup) -> None:
        while not self._stopping:
            self._moved.clear()
            while self._ready and (self._room() or self._breaker.wait()):
                self._next(sends)
            if self._wanted():
                self._wake.set()
            await self._moved.wait()

    def _next(self, sends: asyncio.TaskGroup) -> None:
        since, case = self._ready.popleft()
        is_old = asyncio.get_running_loop().time() > since + FRESH
        if is_old or self._breaker.wait():  # it is asked about again
            self._concluded(sends, case, Outcome("released"))
            return
        endings = case.endings() if case.is_digest else []
        case = case.without(endings)
        outcome = case.next_step(self._clock())
        if outcome is not None:
            self._concluded(sends, case, outcome, endings)
            return
        self._breaker.begin()
        self._sending += 1
        flight = sends.create_task(self._deliver(case, endings))
        self._flying[flight] = asyncio.get_running_loop().time()
        flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        del self._flying[flight]
        self._moved.set()

    def _concluded(
        self, sends: asyncio.TaskGroup, case: Case, outcome: Outcome, endings: Endings = ()
    ) -> None:
        concluding = sends.create_task(self._attempts.conclude(case, outcome, endings))
        concluding.add_done_callback(lambda _: self._wake.set())

    def _is_old(self) -> bool:
        """While there is more to send than slots, the outlook is only told of."""
        return asyncio.get_running_loop().time() > self._looked_at + OUTLOOK

    async def _cases(self, claimed: list[Delivery]) -> list[Case]:
        """Return the cases of the deliveries. If the log does not answer, release the claims."""
        try:
            return await self._enquiry.cases(claimed)
        except (LinkupError, msgspec.MsgspecError):
            released = Outcome("released")
            await asyncio.gather(*(self._attempts.settle(group, released) for group in claimed))
            raise

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

    async def _deliver(self, case: Case, endings: Endings) -> None:
        await self._attempts.end(endings)
        outcome = await self._attempts.outcome(case)
        self._sending -= 1
        self._breaker.end(outcome.worked, outcome.reason)
        if outcome.kind == "sent":
            self._sent_at.append(asyncio.get_running_loop().time())
        elif outcome.worked is False:
            self._sent_at.clear()  # it may have been too many at a time
        self._moved.set()
        await self._attempts.settle(case.delivery, outcome, case.profile.email or "")
        self._outcomes.tell(case.delivery, outcome)
