"""Owns the position in the log. Reads on from it, page by page, when the doorbell rings."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping

import msgspec

from services.notify.inbox.fold import Changes
from services.notify.ladder import log
from services.notify.ladder.delivery import Channel, Waits
from services.notify.store.store import NAME, Progress, Store
from shared import subjects
from shared.bus import Bus, Delivery
from shared.commands import LogPage, LogPageAnswer, encode, open_answer
from shared.errors import LinkupError
from shared.health.endpoints import Check

logger = logging.getLogger("linkup.notify")

GATHER = 0.5  # after the doorbell: one page for many commits; nobody is due that soon
GATHER_MANY = 1.0  # half of what a page costs does not depend on its length
MANY = 500  # rows since the last wait
PAGE = 10_000  # rows of the log looked at
POLL = 2.0  # a lost doorbell costs no more than this
REQUEST_TIMEOUT = 5.0
LONGEST_PAUSE = 1.5  # soon found to be back
STUCK_AFTER = 7.0  # a poll and a request that nobody answered


class Follower:
    """`told`: called after each page, with what it changed in the lists. `followed`: set once the
    end of the log was reached; before, nothing must be sent."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        doorbell: asyncio.Event,
        *,
        waits: Mapping[Channel, Waits],
        clock: Callable[[], int],
        told: Callable[[Changes], None],
        operated: Callable[[int], None] = lambda rows: None,
        followed: asyncio.Event,
    ) -> None:
        self._operated = operated
        self._followed = followed
        self._bus = bus
        self._store = store
        self._waits = waits
        self._clock = clock
        self._told = told
        self._bell = doorbell
        self._failures = 0
        self._rows = 0  # since the last wait
        self._reached_at = time.monotonic()

    async def run(self) -> None:
        await self._bus.subscribe(subjects.LOG, self._on_doorbell)
        while True:
            self._bell.clear()
            try:
                while await self._page():
                    self._succeeded()
                self._succeeded()
                self._followed.set()
            except (LinkupError, msgspec.MsgspecError) as error:
                await asyncio.sleep(self._failed(error))
            else:
                await self._wait()

    def lag(self) -> float:
        """Seconds since all of the log was read."""
        return round(time.monotonic() - self._reached_at, 1)

    def check(self) -> Check:
        if (silent := self.lag()) < STUCK_AFTER:
            return Check("pass")
        if self._bus.check().status == "fail":
            return Check("warn", "the log: not known while the bus does not answer")
        return Check(
            "fail", f"the log has not been read for {silent:.0f} s; see whether persistence runs"
        )

    def _on_doorbell(self, delivery: Delivery) -> None:
        self._bell.set()

    async def _page(self) -> bool:
        """Read and store one page. True when more is waiting."""
        progress = await self._store.progress()
        asked = LogPage(
            follower=NAME, positions=progress.positions, epoch=progress.epoch, limit=PAGE
        )
        payload = await self._bus.request(subjects.query("log"), encode(asked), REQUEST_TIMEOUT)
        answer = open_answer(payload, LogPageAnswer)
        if progress.epoch and answer.epoch != progress.epoch:
            # The database was restored: our position means nothing in it, and repeats are harmless.
            logger.warning(
                "the log has a new epoch: reading it again", extra={"epoch": answer.epoch}
            )
            await self._store.follow(Progress(answer.epoch), [], self._clock(), self._waits)
            return True
        if progress.epoch and log.is_behind(progress.positions, answer.stood):
            logger.warning(
                "this database is older than one that has followed the log: what was due in it may "
                "have been sent, and is not sent again"
            )
            reached = Progress(answer.epoch, {**progress.positions, **answer.stood})
            await self._store.overtake(reached, self._clock())
            return True
        rows = log.after(answer.rows, progress.positions)
        positions = log.advance(progress.positions, rows) | answer.positions
        if positions != progress.positions or not progress.epoch:
            reached = Progress(answer.epoch, positions)
            self._told(await self._store.follow(reached, rows, self._clock(), self._waits))
        self._rows += len(rows)
        self._operated(len(rows))
        return answer.more and positions != progress.positions

    async def _wait(self) -> None:
        gather = GATHER_MANY if self._rows > MANY else GATHER
        self._rows = 0
        try:
            async with asyncio.timeout(POLL):
                await self._bell.wait()
                await asyncio.sleep(gather)
        except TimeoutError:
            pass  # the poll

    def _succeeded(self) -> None:
        if self._failures > 1:
            logger.info("following the log again")
        self._failures = 0
        self._reached_at = time.monotonic()

    def _failed(self, error: Exception) -> float:
        """Seconds to wait. Told once: the health check says how long it has lasted."""
        self._failures += 1
        if self._failures == 2:  # one failure is a restart next door
            logger.warning("the log is out of reach: %s", error)
        return random.uniform(0.1, min(LONGEST_PAUSE, 0.25 * 2**self._failures))
