"""Owns a load run: pairs join, send, are timed and watched, and give account at the end."""

import asyncio
import errno
import gc
import logging
import random
import secrets
import string
import sys
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from linkup_client.wire import HandshakeFailed
from msgspec import Struct
from websockets.exceptions import InvalidURI

from linkup import measure, pacer, pairs
from linkup.calls import CallFailed, Door
from linkup.load_report import LIMITS, Report
from linkup.pairs import Receiver, Refused, Sender, Tally

logger = logging.getLogger("linkup.load")

JOINING_AT_ONCE = 32
DRAIN_TIMEOUT = 20.0
SWEEPS_PER_SECOND = 20  # each pair's turn for receipts and timeouts comes once a second
HEARTBEAT = 10  # seconds
OTHER_FILES = 64
LANE_WINDOW = 32  # in flight per sender when the rate is given


class LoadFailed(Exception):
    """The run could not be made; the text says why and what to do."""


class Plan(Struct, frozen=True, kw_only=True):
    """`rate`: messages a second in total, 0: as fast as `window` in flight per sender allows."""

    url: str
    pairs: int = 100
    window: int = 8
    rate: float = 0.0
    seconds: float = 10.0
    warmup: float = 2.0
    size: int = 120
    pids: dict[str, int] = {}


class Spent(Struct, frozen=True):
    """CPU seconds of the server's processes and ours; the others' share of the machine."""

    server: dict[str, float]
    own: float
    others: float | None


class Field:
    """All pairs of one run."""

    def __init__(self, plan: Plan) -> None:
        run = secrets.token_hex(4)
        window = LANE_WINDOW if plan.rate else plan.window
        filler = _filler(plan.size)
        self.tally = Tally()
        self.senders = [
            Sender(f"load-{run}-a{i}", f"load-{run}-b{i}", filler, window, self.tally)
            for i in range(plan.pairs)
        ]
        self.receivers = [Receiver(sender, self.tally) for sender in self.senders]

    @property
    def lines(self) -> list[pairs.Line]:
        return [*self.senders, *self.receivers]

    @property
    def settled(self) -> bool:
        return self.tally.sent == self.tally.acked and self.tally.delivered >= self.tally.acked


async def run(
    plan: Plan, door: Door, progress: Callable[[str], None] = lambda text: None
) -> Report:
    """One whole run. Raises LoadFailed."""
    field = Field(plan)
    _allow_files(len(field.lines) + OTHER_FILES)
    try:
        await _join(field, plan.url, door, progress)
        async with _upkeep(field), _without_collector():
            return await _measured(field, plan, progress)
    finally:
        await asyncio.gather(*(line.leave() for line in field.lines))


async def _measured(field: Field, plan: Plan, progress: Callable[[str], None]) -> Report:
    tally = field.tally
    usage = measure.Usage(plan.pids)
    feeding = asyncio.create_task(_feed(field, plan))
    try:
        await _watch(field, plan.warmup, "warming up", progress)
        usage.start()
        began, tally.measuring = time.monotonic(), True
        before = min(tally.acked, tally.delivered)
        await _watch(field, plan.seconds, "measuring", progress)
        tally.measuring = False
        elapsed, done = time.monotonic() - began, min(tally.acked, tally.delivered) - before
        spent = Spent(usage.seconds(), usage.own_seconds(), usage.others_share())
    finally:
        await _ended(feeding)
        for sender in field.senders:
            sender.refill = False
    progress("waiting for the last acks")
    await _settle(field)
    return _report(field, plan, elapsed, done, spent)


async def _join(field: Field, url: str, door: Door, progress: Callable[[str], None]) -> None:
    turn = asyncio.Semaphore(JOINING_AT_ONCE)
    joined = 0

    async def join(line: pairs.Line) -> None:
        nonlocal joined
        async with turn:
            token = await asyncio.to_thread(door.token, line.user_id)
            await line.join(socket_url(url), token)
            joined += 1
            progress(f"connected {joined} of {len(field.lines)}")

    try:
        async with asyncio.TaskGroup() as group:
            for line in field.lines:
                group.create_task(join(line))
    except* (CallFailed, Refused, HandshakeFailed, InvalidURI, OSError, TimeoutError) as faults:
        raise LoadFailed(_why_not_joined(_first(faults), joined, url)) from None


async def _feed(field: Field, plan: Plan) -> None:
    loop = asyncio.get_running_loop()
    senders = field.senders
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
async def _upkeep(field: Field) -> AsyncIterator[None]:
    """What real clients do besides: receipts, heartbeats, and sending again what got no ack."""
    task = asyncio.create_task(_keep_up(field))
    try:
        yield
    finally:
        await _ended(task)


async def _ended(task: asyncio.Task[None]) -> None:
    """Stop it. Raises what it failed with before."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _keep_up(field: Field) -> None:
    loop = asyncio.get_running_loop()
    turn = 0
    while True:
        await asyncio.sleep(1 / SWEEPS_PER_SECOND)
        for receiver in field.receivers[turn % SWEEPS_PER_SECOND :: SWEEPS_PER_SECOND]:
            receiver.mark()
            receiver.sender.lane.sweep(loop.time())
        every = SWEEPS_PER_SECOND * HEARTBEAT
        for line in field.lines[turn % every :: every]:
            line.ping()
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


async def _watch(field: Field, seconds: float, word: str, progress: Callable[[str], None]) -> None:
    """Wait, telling the progress each second. Raises LoadFailed when the load cannot go on."""
    loop = asyncio.get_running_loop()
    tally, end = field.tally, loop.time() + seconds
    while (left := end - loop.time()) > 0:
        before = tally.delivered
        try:
            async with asyncio.timeout(min(1.0, left)):
                await tally.broken.wait()
        except TimeoutError:
            progress(f"{word}: {tally.delivered - before} messages/s, {tally.delivered} so far")
        else:
            raise LoadFailed(_why_broken(tally))


async def _settle(field: Field) -> None:
    """Until every message is acknowledged and delivered and every feed is accounted for."""
    try:
        async with asyncio.timeout(DRAIN_TIMEOUT):
            while not field.settled:  # noqa: ASYNC110 - an event for each ack would cost more
                await asyncio.sleep(0.02)
            for sender in field.senders:
                sender.complete = False
            open_ends = field.senders
            while open_ends := [sender for sender in open_ends if not sender.complete]:
                for sender in open_ends:
                    sender.ping()
                await asyncio.sleep(0.1)
    except TimeoutError:
        logger.warning("gave up waiting for the last acks and deliveries")
    for sender in field.senders:
        sender.account()


def _report(field: Field, plan: Plan, elapsed: float, done: int, spent: Spent) -> Report:
    tally = field.tally
    each = max(1, done)
    cpu = {name: round(seconds / each * 1e6, 1) for name, seconds in spent.server.items()}
    return Report(
        pairs=plan.pairs,
        window=0 if plan.rate else plan.window,
        rate=plan.rate,
        seconds=round(elapsed, 3),
        messages_per_second=round(done / elapsed, 1),
        ack=measure.latency(tally.ack_seconds),
        delivery=measure.latency(tally.delivery_seconds),
        server_cpu_us=cpu,
        server_cpu_us_total=round(sum(cpu.values()), 1)
        if cpu and len(cpu) == len(plan.pids)
        else None,
        generator_cpu_us=round(spent.own / each * 1e6, 1),
        others_cpu_share=spent.others,
        sent=tally.sent,
        acked=tally.acked,
        delivered=tally.delivered,
        unacknowledged=tally.sent - tally.acked,
        lost=sum(receiver.lost() for receiver in field.receivers),
        duplicated=tally.duplicated,
        out_of_order=tally.out_of_order + sum(r.misplaced() for r in field.receivers),
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


def socket_url(url: str) -> str:
    """Where the WebSocket of a server is."""
    parts = urllib.parse.urlsplit(url.rstrip("/"))
    scheme = {"https": "wss", "wss": "wss"}.get(parts.scheme, "ws")
    return f"{scheme}://{parts.netloc}{parts.path}/ws"


def _why_not_joined(fault: BaseException, joined: int, url: str) -> str:
    limit = isinstance(fault, Refused) and fault.code == 4029
    limit = limit or (isinstance(fault, HandshakeFailed) and fault.status in (403, 429))
    if limit:
        return f"the server refused socket {joined + 1} ({fault}): {LIMITS['sockets']}"
    if isinstance(fault, OSError) and fault.errno == errno.EMFILE:
        return f"too many open files after {joined} sockets: raise `ulimit -n` or lower --pairs"
    if isinstance(fault, CallFailed | Refused | HandshakeFailed | InvalidURI):
        return f"cannot connect: {fault}"
    return f"cannot reach {url}: {fault or type(fault).__name__}; is it running?"


def _why_broken(tally: Tally) -> str:
    closed = ", ".join(f"{text} ({n} sockets)" for text, n in tally.closed.items())
    errors = ", ".join(f"{code} ({n})" for code, n in tally.errors.items())
    return "the run broke off: " + (f"closed with {closed}" if closed else f"refused with {errors}")


def _allow_files(needed: int) -> None:
    """As many sockets as the system lets us have; what it does not is said when it is reached."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < needed:
            wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    fault = group.exceptions[0]
    return _first(fault) if isinstance(fault, BaseExceptionGroup) else fault
