"""Owns a load run: pairs join, send, are measured and checked, and are reported at the end."""

import asyncio
import gc
import logging
import random
import secrets
import string
import time
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from msgspec import Struct

from linkup.installation.tokens import Tokens
from linkup.load import cpu, measured, pacer
from linkup.load.joining import LoadFailed, join
from linkup.load.pairs import Receiver, Sender
from linkup.load.report import LIMITS, Report
from linkup.load.sockets import LoadSocket
from linkup.load.tally import Tally
from linkup.load.typists import cast, introduce, typing
from shared.reserved import PREFIX

logger = logging.getLogger("linkup.load")

DRAIN_TIMEOUT = 20.0
SWEEPS_PER_SECOND = 20  # each pair's turn for receipts and timeouts comes once a second
HEARTBEAT = 10  # seconds
LANE_WINDOW = 32  # in flight per sender when the rate is given
TURN = 1.0  # seconds without the typists, then with them: what else runs disturbs both


class Plan(Struct, frozen=True, kw_only=True):
    """The plan of a run.

    `rate` is in messages a second in total; with 0 it is as fast as `window` in flight per sender
    allows. `typists` are users who only type; half of the time they do not, for comparison.
    `prefix` begins the users' ids; reserved ones have no notifications.
    """

    url: str
    pairs: int = 100
    window: int = 8
    rate: float = 0.0
    seconds: float = 10.0
    warmup: float = 2.0
    size: int = 120
    typists: int = 0
    prefix: str = PREFIX
    pids: dict[str, int] = {}


class Spent(Struct, frozen=True):
    """CPU seconds of the server's processes and ours; the others' share of the machine; how often
    the server's processes were woken."""

    server: dict[str, float]
    own: float
    others: float | None
    wakes: dict[str, int]


class Fleet:
    """All pairs of one run."""

    def __init__(self, plan: Plan) -> None:
        run = f"{plan.prefix}load-{secrets.token_hex(4)}"
        window = LANE_WINDOW if plan.rate else plan.window
        filler = _filler(plan.size)
        self.tally = Tally()
        self.senders = [
            Sender(f"{run}-a{i}", f"{run}-b{i}", filler, window, self.tally)
            for i in range(plan.pairs)
        ]
        self.receivers = [Receiver(sender, self.tally) for sender in self.senders]
        self.typists = cast(run, plan.typists, self.tally)
        self.quiet: array[float] = array("d")  # seconds to the ack while they did not type

    @property
    def sockets(self) -> list[LoadSocket]:
        return [*self.senders, *self.receivers, *self.typists]

    @property
    def settled(self) -> bool:
        return self.tally.sent == self.tally.acked and self.tally.delivered >= self.tally.acked


async def run(
    plan: Plan, tokens: Tokens, progress: Callable[[str], None] = lambda text: None
) -> Report:
    """Run one whole load, and return its report. Raises LoadFailed."""
    fleet = Fleet(plan)
    try:
        await join(fleet.sockets, plan.url, tokens, progress)
        await introduce(fleet.typists)
        async with _upkeep(fleet), _without_collector():
            return await _measured(fleet, plan, progress)
    finally:
        await asyncio.gather(*(socket.leave() for socket in fleet.sockets))


async def _measured(fleet: Fleet, plan: Plan, progress: Callable[[str], None]) -> Report:
    tally = fleet.tally
    usage = cpu.Usage(plan.pids)
    feeding = asyncio.create_task(_feed(fleet, plan))
    try:
        await _watch(fleet, plan.warmup, "warming up", progress)
        usage.start()
        began, tally.measuring = time.monotonic(), True
        before = min(tally.acked, tally.delivered)
        await _measure(fleet, plan, progress)
        tally.measuring = False
        elapsed, done = time.monotonic() - began, min(tally.acked, tally.delivered) - before
        spent = Spent(usage.seconds(), usage.own_seconds(), usage.others_share(), usage.wakes())
    finally:
        await _ended(feeding)
        for sender in fleet.senders:
            sender.refill = False
    progress("waiting for the last acks")
    await _settle(fleet)
    return _report(fleet, plan, elapsed, done, spent)


async def _measure(fleet: Fleet, plan: Plan, progress: Callable[[str], None]) -> None:
    if not fleet.typists:
        await _watch(fleet, plan.seconds, "measuring", progress)
        return
    turns = max(1, round(plan.seconds / TURN / 2))
    tally, seconds = fleet.tally, plan.seconds / turns / 2
    for _ in range(turns):
        typed, tally.ack_seconds = tally.ack_seconds, fleet.quiet
        await _watch(fleet, seconds, "measuring without typists", progress)
        tally.ack_seconds = typed
        async with typing(fleet.typists):
            await _watch(fleet, seconds, "measuring beside typists", progress)


async def _feed(fleet: Fleet, plan: Plan) -> None:
    loop = asyncio.get_running_loop()
    senders = fleet.senders
    if plan.rate:
        turn = 0
        async for due in pacer.ticks(plan.rate):
            senders[turn % len(senders)].submit(due)
            turn += 1
    for sender in senders:
        sender.refill = True
        for _ in range(plan.window):
            sender.submit(loop.time())


@asynccontextmanager
async def _upkeep(fleet: Fleet) -> AsyncIterator[None]:
    """Send receipts and heartbeats, and resend messages without an ack, as other clients do."""
    task = asyncio.create_task(_keep_up(fleet))
    try:
        yield
    finally:
        await _ended(task)


async def _ended(task: asyncio.Task[None]) -> None:
    """Stop it. Raises what it failed with before."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _keep_up(fleet: Fleet) -> None:
    loop = asyncio.get_running_loop()
    turn = 0
    while True:
        await asyncio.sleep(1 / SWEEPS_PER_SECOND)
        for receiver in fleet.receivers[turn % SWEEPS_PER_SECOND :: SWEEPS_PER_SECOND]:
            receiver.mark()
            receiver.sender.lane.sweep(loop.time())
        every = SWEEPS_PER_SECOND * HEARTBEAT
        for socket in fleet.sockets[turn % every :: every]:
            socket.ping()
        turn += 1


@asynccontextmanager
async def _without_collector() -> AsyncIterator[None]:
    """Pauses of our own garbage collector would be measured as the server's."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def _watch(fleet: Fleet, seconds: float, word: str, progress: Callable[[str], None]) -> None:
    """Wait, telling the progress each second. Raises LoadFailed when the load cannot go on."""
    loop = asyncio.get_running_loop()
    tally, end = fleet.tally, loop.time() + seconds
    while (left := end - loop.time()) > 0:
        before = tally.delivered
        try:
            async with asyncio.timeout(min(1.0, left)):
                await tally.broken.wait()
        except TimeoutError:
            progress(f"{word}: {tally.delivered - before} messages/s, {tally.delivered} so far")
        else:
            raise LoadFailed(_why_broken(tally))


async def _settle(fleet: Fleet) -> None:
    """Wait until every message is acknowledged and delivered and every feed is accounted for."""
    try:
        async with asyncio.timeout(DRAIN_TIMEOUT):
            while not fleet.settled:  # noqa: ASYNC110 - an event for each ack would cost more
                await asyncio.sleep(0.02)
            for sender in fleet.senders:
                sender.complete = False
            open_ends = fleet.senders
            while open_ends := [sender for sender in open_ends if not sender.complete]:
                for sender in open_ends:
                    sender.ping()
                await asyncio.sleep(0.1)
    except TimeoutError:
        logger.warning("gave up waiting for the last acks and deliveries")
    for sender in fleet.senders:
        sender.account()


def _report(fleet: Fleet, plan: Plan, elapsed: float, done: int, spent: Spent) -> Report:
    tally = fleet.tally
    each = max(1, done)
    cpu = {name: round(seconds / each * 1e6, 1) for name, seconds in spent.server.items()}
    return Report(
        pairs=plan.pairs,
        window=0 if plan.rate else plan.window,
        rate=plan.rate,
        seconds=round(elapsed, 3),
        messages_per_second=round(done / elapsed, 1),
        ack=measured.latency(tally.ack_seconds),
        typists=len(fleet.typists),
        typing_heard=sum(typist.heard for typist in fleet.typists),
        quiet_ack=measured.latency(fleet.quiet),
        delivery=measured.latency(tally.delivery_seconds),
        server_cpu_us=cpu,
        server_cpu_us_total=round(sum(cpu.values()), 1)
        if cpu and len(cpu) == len(plan.pids)
        else None,
        server_wakes={name: round(n / each, 2) for name, n in spent.wakes.items()},
        generator_cpu_us=round(spent.own / each * 1e6, 1),
        others_cpu_share=spent.others,
        sent=tally.sent,
        acked=tally.acked,
        delivered=tally.delivered,
        unacknowledged=tally.sent - tally.acked,
        lost=sum(receiver.lost() for receiver in fleet.receivers),
        duplicated=tally.duplicated,
        out_of_order=tally.out_of_order + sum(r.misplaced() for r in fleet.receivers),
        corrupted=tally.corrupted,
        cursor_gaps=tally.gaps,
        errors=dict(tally.errors),
        closed=dict(tally.closed),
        limits=[code for code in LIMITS if tally.errors[code]],
        faults=tally.faults,
    )


def _filler(size: int) -> str:
    # Letters of one to four bytes: what breaks on bytes or on characters shows.
    letters = string.ascii_letters + string.digits + "     éßλж漢字🙂"
    return "".join(random.choices(letters, k=size))


def _why_broken(tally: Tally) -> str:
    closed = ", ".join(f"{text} ({n} sockets)" for text, n in tally.closed.items())
    errors = ", ".join(f"{code} ({n})" for code, n in tally.errors.items())
    return "the run broke off: " + (f"closed with {closed}" if closed else f"refused with {errors}")
