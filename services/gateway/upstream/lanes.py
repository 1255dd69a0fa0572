"""Owns the sending of commands to the store: in order, one batch at a time in each lane.

While a batch is in flight the next one gathers, so batches grow with the load and wait for
nothing without it; only marks wait for a moment for a message to go with. A user is always in the
same lane; lanes are numbered so that a late copy of a batch is told from its repeat (R1).
"""

import asyncio
import logging
import math
import secrets
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from services.gateway.upstream.allowance import Allowance
from services.gateway.upstream.gate import Gate
from services.gateway.upstream.stages import Stages
from services.gateway.upstream.submission import (
    DEADLINE,
    OUT_OF_ORDER,
    OVERLOADED,
    UNAVAILABLE,
    Submission,
)
from services.gateway.upstream.waiting import Waiting
from shared import commands, subjects
from shared.bus import Bus, NoResponders
from shared.commands import (
    MAX_BATCH,
    MAX_BATCH_BYTES,
    AdvanceReceipt,
    Command,
    EditMessage,
    EncodedBatch,
    Refused,
    Result,
    Results,
    StoreMessage,
)
from shared.errors import Internal, LinkupError
from shared.health import metrics
from shared.health.records import record
from shared.reserved import is_reserved

R = TypeVar("R", bound=Result)

logger = logging.getLogger("linkup.gateway.lanes")

REQUEST_TIMEOUT = 2.0
PAUSE = 0.05  # before the same batch is sent again
COMPANY = 0.03  # a mark waits for another command: alone it costs as much as a message
MAX_QUEUED = 4096  # commands a lane

UNLIMITED = Allowance(burst=1, rate=0)

Check = Callable[[Submission, Callable[[Submission], None]], None]


class Lane:
    def __init__(
        self,
        bus: Bus,
        on_stored: Callable[[int], None] = lambda count: None,
        own: int = MAX_QUEUED,
        allowance: Allowance = UNLIMITED,
        stages: Stages | None = None,
    ) -> None:
        self._stages = stages or Stages(metrics.off())
        self.id = secrets.token_hex(8)
        self._bus = bus
        self._on_stored = on_stored
        self._number = 0
        self._allowance = allowance
        self._time = asyncio.get_running_loop().time
        self._queue: Waiting[Submission] = Waiting(own)
        self._under_way: list[Submission] = []
        self._wake = asyncio.Event()
        self._alone: asyncio.TimerHandle | None = None  # only marks wait, up to then
        self._carried = asyncio.Event()  # set for a moment after each batch

    def submit(self, submission: Submission) -> None:
        user_id = submission.command.user_id
        if len(self._queue) >= MAX_QUEUED or not self._queue.push(user_id, submission):
            submission.finish(OVERLOADED)
            return
        submission.submitted_at = submission.submitted_at or self._time()
        if not _is_patient(submission.command):
            self._wake.set()
        elif self._alone is None:
            self._alone = asyncio.get_running_loop().call_later(COMPANY, self._wake.set)

    def waiting(self) -> int:
        return len(self._queue)

    async def settled(self) -> None:
        """Wait until what was submitted so far has its result, whatever comes meanwhile."""
        waiting = [*self._under_way, *self._queue]
        while not all(submission.finished for submission in waiting):
            await self._carried.wait()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._under_way = self._gather()
            if self._queue:
                self._wake.set()
            if self._under_way:
                await self._carry(self._under_way)
            self._carried.set()
            self._carried.clear()

    def _gather(self) -> list[Submission]:
        """Take all that waits, up to the bounds of a batch, encoded once."""
        if self._alone is not None:
            self._alone.cancel()
            self._alone = None
        batch: list[Submission] = []
        now, size = asyncio.get_running_loop().time(), 0
        while self._queue and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
            submission = self._queue.pop()
            if not submission.admitted():
                submission.finish(OUT_OF_ORDER)
            elif submission.submitted_at + DEADLINE < now:
                submission.finish(UNAVAILABLE)
            elif refused := self._allowance.refuses(submission.command, now):
                submission.finish(refused)
            else:
                submission.encoded = submission.encode()
                batch.append(submission)
                size += len(submission.encoded)
        return batch

    async def _carry(self, batch: Sequence[Submission]) -> None:
        """Send the same bytes again until there is an answer or nobody waits for it any more."""
        self._number += 1
        encoded = [msgspec.Raw(submission.encoded) for submission in batch]
        payload = commands.encode(EncodedBatch(lane=self.id, number=self._number, commands=encoded))
        since = _awaited_since(batch)
        self._stages.left(self._time() - since, len(batch))
        waiting, again = batch, False
        while waiting:
            results = await self._attempt(payload, _oldest(waiting) + DEADLINE)
            if results is not None:
                self._settle(batch, results)
                self._stages.answered(self._time() - since, again)
                return
            waiting, again = _expire(waiting), True
            if waiting:
                await asyncio.sleep(PAUSE)
                self._stages.again()

    def _settle(self, batch: Sequence[Submission], results: Sequence[Result]) -> None:
        """Count also what was stored after its deadline had passed."""
        for submission, result in zip(batch, results, strict=True):
            self._allowance.observe(submission.command, result, submission.submitted_at)
            if not submission.finished:
                submission.finish(result)

    async def _attempt(self, payload: bytes, until: float) -> list[Result] | None:
        timeout = min(REQUEST_TIMEOUT, max(PAUSE, until - asyncio.get_running_loop().time()))
        try:
            reply = await self._bus.request(subjects.STORE, payload, timeout)
            answer = commands.open_reply(reply)
        except NoResponders:
            return None
        except LinkupError as error:
            logger.warning("batch not carried out: %s", error)
            return None
        except msgspec.MsgspecError:
            logger.exception("an answer of the store does not decode")
            record("routing_error", "an answer of the store cannot be decoded")
            return None
        if not isinstance(answer, Results):
            return None
        self._on_stored(len(answer.results))
        return answer.results


class Lanes:
    def __init__(
        self,
        bus: Bus,
        count: int,
        on_stored: Callable[[int], None] = lambda count: None,
        own: int = MAX_QUEUED,
        allowance: Allowance = UNLIMITED,
        stages: Stages | None = None,
        check: Check | None = None,
    ) -> None:
        """Call `on_stored` with the size of each committed batch. Up to `own` commands of one user
        may wait. `check` gets the messages of users first, and passes them on."""
        self._check = check
        self._lanes = [Lane(bus, on_stored, own, allowance, stages) for _ in range(count)]

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        return [tasks.create_task(lane.run()) for lane in self._lanes]

    def submit(
        self,
        command: Command,
        settle: Callable[[Result], None],
        gate: Gate | None = None,
        *,
        checked: bool = False,
    ) -> None:
        """Submit a command. `settle` is called with the result, at the latest soon after the
        deadline. If `checked`, the host app is not asked."""
        lane = self._lanes[zlib.crc32(command.user_id.encode()) % len(self._lanes)]
        submission = Submission(command, settle, gate)
        if self._check is None or checked or not _is_said(command):
            lane.submit(submission)
        else:
            submission.submitted_at = asyncio.get_running_loop().time()
            self._check(submission, lane.submit)

    async def call(self, command: Command, kind: type[R], *, checked: bool = False) -> R:
        """Submit and wait for a result of that kind. Raises the LinkupError it is refused with.

        Order with other commands holds only within one user.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def settle(result: Result) -> None:
            if not future.done():  # the caller may have gone
                future.set_result(result)

        self.submit(command, settle, checked=checked)
        return opened(await future, kind)

    def waiting(self) -> int:
        """Return the number of commands that are in no batch yet."""
        return sum(lane.waiting() for lane in self._lanes)

    async def settled(self) -> None:
        """Wait until what was submitted so far has its result, whatever comes meanwhile."""
        await asyncio.gather(*(lane.settled() for lane in self._lanes))


def _is_said(command: Command) -> bool:
    """Return whether the command has a text by somebody whose id is not reserved."""
    return isinstance(command, StoreMessage | EditMessage) and not is_reserved(command.user_id)


def _is_patient(command: Command) -> bool:
    """Return whether the command is a mark that a socket tells; by HTTP somebody waits for the
    answer."""
    return isinstance(command, AdvanceReceipt) and command.connection_id != ""


def opened(result: Result, kind: type[R]) -> R:
    """Return the result as that kind. Raises the LinkupError that it is a refusal with."""
    if isinstance(result, kind):
        return result
    if isinstance(result, Refused):
        raise result.error()
    raise Internal("The store returned an unexpected answer")


def _awaited_since(batch: Sequence[Submission]) -> float:
    """Return the time of the first command with a waiting caller, or infinity."""
    awaited = (one.submitted_at for one in batch if not _is_patient(one.command))
    return min(awaited, default=math.inf)


def _oldest(waiting: Sequence[Submission]) -> float:
    """Return the time of the first command."""
    return min(submission.submitted_at for submission in waiting)


def _expire(waiting: Sequence[Submission]) -> list[Submission]:
    now = asyncio.get_running_loop().time()
    left = []
    for submission in waiting:
        if submission.submitted_at + DEADLINE < now:
            submission.finish(UNAVAILABLE)
        else:
            left.append(submission)
    return left
