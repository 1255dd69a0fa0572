"""Owns the path of a batch: queue → one transaction for all waiting batches → events → replies.

Group commit without a timer: whatever queued up during the last sync is the next transaction.
Save before you tell, tell before you ack.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from services.persistence.announce import announce
from services.persistence.decide.changes import Changes, Decision
from services.persistence.decide.messages import WAITS, sequence_of
from services.persistence.doorbell import Doorbell
from services.persistence.queries.recent import Recent
from services.persistence.store.store import Store
from shared import clock, commands
from shared.bus import Bus, Delivery
from shared.commands import Batch, BatchReply, Refused, Result, Results, Transacted
from shared.errors import Internal, LinkupError, Overloaded, Unavailable
from shared.health.metrics import Metrics, off
from shared.health.records import record

logger = logging.getLogger("linkup.persistence.writer")

MAX_QUEUED = 256  # batches; a lane has one in flight, so this is the number of lanes served
MAX_COMMANDS = 2048  # in one transaction


@dataclass(slots=True, frozen=True)
class Job:
    batch: Batch
    reply_to: str


class Writer:
    """The one task that stores. `accept` only enqueues; `run` ends after `finish`."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        operated: Callable[[int], None] = lambda commands: None,
        metrics: Metrics | None = None,
    ) -> None:
        """Begin with an empty queue. `operated` is called once a transaction, with the number of
        its commands."""
        metrics = metrics or off()
        self._committed = metrics.observer("linkup_commit_seconds")
        self._together = metrics.observer("linkup_commit_commands")
        self._published = metrics.observer("linkup_publish_seconds")
        self._operated = operated
        self._store = store
        self._bus = bus
        self._doorbell = Doorbell(bus)
        self.recent = Recent()
        self._queue: asyncio.Queue[Job | None] = asyncio.Queue(MAX_QUEUED)

    def accept(self, delivery: Delivery) -> None:
        """Take a batch from the bus, or answer at once why not."""
        try:
            job = Job(commands.decode(delivery.payload, Batch), delivery.reply_to)
            self._queue.put_nowait(job)
        except msgspec.MsgspecError as error:
            logger.error("a batch does not decode: %s", error)
            record("routing_error", "a batch cannot be decoded")
            self._fail(delivery.reply_to, Internal("The batch cannot be decoded"))
        except asyncio.QueueFull:
            record("overload", "too many batches are waiting for the store")
            self._fail(delivery.reply_to, Overloaded("The store is busy"))

    def waiting(self) -> int:
        """Return the number of batches in the queue."""
        return self._queue.qsize()

    async def finish(self) -> None:
        """Let `run` end behind what is queued already."""
        await self._queue.put(None)

    async def store(self, batch: Batch) -> None:
        """Store a batch of this process's own, between two of the lanes'. Raises Unavailable."""
        await self._announce(await self._store.commit([batch]))

    async def run(self) -> None:
        more = True
        while more:
            jobs, more = await self._gather()
            if jobs:
                await self._carry_out(jobs)

    async def _gather(self) -> tuple[list[Job], bool]:
        """Wait for one batch, then take all that is there, up to a bound."""
        jobs: list[Job] = []
        size = 0
        job = await self._queue.get()
        while job is not None:
            jobs.append(job)
            size += len(job.batch.commands)
            if size >= MAX_COMMANDS or self._queue.empty():
                return jobs, True
            job = self._queue.get_nowait()
        return jobs, False

    async def _carry_out(self, jobs: Sequence[Job]) -> None:
        size, began = sum(len(job.batch.commands) for job in jobs), time.perf_counter()
        self._operated(size)
        try:
            decision = await self._store.commit([job.batch for job in jobs])
        except Unavailable as error:
            logger.warning("nothing stored: %s", error.__cause__)
            for job in jobs:
                self._fail(job.reply_to, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, one batch of these causes it
            await self._isolate(jobs, error)
        else:
            committed = time.perf_counter()
            await self._tell(jobs, decision)
            self._together(size)
            self._committed(committed - began)
            self._published(time.perf_counter() - committed)

    async def _tell(self, jobs: Sequence[Job], decision: Decision) -> None:
        committed_at = clock.now()
        await self._announce(decision)
        for job, reply in zip(jobs, decision.replies, strict=True):
            await self._bus.publish(job.reply_to, commands.encode(reply))
        if decision.changes.messages:
            self._remember(jobs, decision.changes, committed_at)

    def _remember(self, jobs: Sequence[Job], changes: Changes, committed_at: int) -> None:
        entry = Transacted(
            first_id=changes.messages[0].message.message_id,
            last_id=changes.messages[-1].message.message_id,
            batches=len(jobs),
            commands=sum(len(job.batch.commands) for job in jobs),
            messages=len(changes.messages),
            events=len(changes.feed),
            users=len(changes.heads),
            committed_at=committed_at,
            told_at=clock.now(),
        )
        self.recent.add(entry)

    async def _announce(self, decision: Decision) -> None:
        await announce(self._bus, self._store.epoch, decision)
        if decision.changes.feed or decision.changes.reports:
            self._doorbell.ring()

    async def _isolate(self, jobs: Sequence[Job], error: Exception) -> None:
        """Run batches apart of which one makes the commit raise, so that it fails alone."""
        if len(jobs) > 1:
            for job in jobs:
                await self._carry_out([job])
            return
        job = jobs[0]
        logger.error("a batch cannot be stored", exc_info=error, extra={"lane": job.batch.lane})
        record("persistence_error", "a batch cannot be stored: {error}", error=type(error).__name__)
        try:
            reply = await self._one_by_one(job.batch)
        except Unavailable as unavailable:
            self._fail(job.reply_to, unavailable)
        else:
            await self._bus.publish(job.reply_to, commands.encode(reply))

    async def _one_by_one(self, batch: Batch) -> BatchReply:
        """Carry out each command in a transaction of its own, on a lane of its own; the fence comes
        last. A crash in between runs them again: they are idempotent, and in the same order."""
        results: list[Result] = []
        waiting: set[tuple[str, str]] = set()
        for index, command in enumerate(batch.commands):
            single = Batch(lane=f"{batch.lane}/{index}", number=batch.number, commands=[command])
            sequence = sequence_of(command)
            result = WAITS if sequence in waiting else await self._alone(single)
            if sequence is not None and isinstance(result, Refused) and result.error().temporary:
                waiting.add(sequence)
            results.append(result)
        await self._store.fence(batch.lane, batch.number, Results(results))
        return Results(results)

    async def _alone(self, single: Batch) -> Result:
        try:
            decision = await self._store.commit([single])
        except Unavailable:
            raise
        except Exception:
            logger.exception("a command cannot be stored", extra={"lane": single.lane})
            record("persistence_error", "a command cannot be stored")
            return Refused.of(Internal("The command could not be stored"))
        await self._announce(decision)
        reply = decision.replies[0]
        return reply.results[0] if isinstance(reply, Results) else Refused.of(Internal("Fenced"))

    def _fail(self, reply_to: str, error: LinkupError) -> None:
        self._bus.post(reply_to, commands.refusal(error))
