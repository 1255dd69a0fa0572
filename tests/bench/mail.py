"""Owns how fast notify works off what is due, beside bare aiosmtplib with the same letters.

Both send to the same mail server with the same concurrency, in alternating windows: notify is
stopped while the other one sends.
"""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from linkup.load.cpu import cpu_seconds
from services.notify.channels.letter import Letters
from services.notify.ladder.content import MessageContent
from services.notify.store.store import Progress, open_store
from shared import clock, subjects
from shared.commands import Marks, Unread
from shared.settings import Settings
from tests.bench import bare, priority
from tests.bench.memory import memory_kb
from tests.bench.results import Machine, machine
from tests.bench.sink import Sink, sink
from tests.bench.subject import Unsound
from tests.integration.notify_support import WAITS, FakeLog, fake_log, process
from tests.support.nats import nats_server

LETTERS = 100_000
CONNECTIONS = Settings().smtp_connections
WAYS: tuple[bare.Way, ...] = ("ready", "written", "kept")
SHARES: dict[bare.Way, int] = {"ready": 1, "written": 5, "kept": 1}  # it takes so long
AT_LEAST = 0.5
GROWTH_AT_MOST = 1.10
WINDOWS = 20  # of each
WARMUP = 100  # a part of all letters, before the first window
SAMPLES = 200  # letters that aiosmtplib sends over and over
PAGE = 5_000
POLL = 0.01
SILENCE = 60.0  # seconds without a letter: it does not work
POINTS = (10, 50, 100)  # percent of the work, after which the memory is looked at
FROM = "mail@bench.test"


class Rate(Struct, frozen=True, kw_only=True):
    """The rates of one window. `cpu_us` and `size`, in bytes, are those of one e-mail."""

    per_second: float
    cpu_us: float
    size: float


class Work(Struct, frozen=True, kw_only=True):
    """`bare`: aiosmtplib with letters that are ready, by how it sends them. `memory_kb`: of notify,
    by percent of the work."""

    machine: Machine
    letters: int
    notify: list[Rate]
    bare: dict[bare.Way, list[Rate]]
    memory_kb: dict[int, float]

    @property
    def growth(self) -> float:
        return max(self.memory_kb.values()) / self.memory_kb[POINTS[0]]


async def measure(number: int, folder: Path, say: Callable[[str], None]) -> Work:
    """Raises Unsound."""
    say(f"filling a database with {number:,} notifications that are due")
    log = FakeLog()
    await _fill(log, number, folder)
    with priority.alone(say):
        async with _sides(log, folder) as sides:
            return await sides.windows(number, say)


async def _fill(log: FakeLog, number: int, folder: Path) -> None:
    """As the follower would have, long ago."""
    log.know("ann")
    for n in range(number):
        log.know(f"user{n}")
        await log.send("ann", f"user{n}", f"Shall we meet at {n % 12 + 1}? I have time all day.")
    found, log.rows = log.rows, []
    async with open_store(Settings(data_dir=str(folder)).notify_store_url) as store:
        for start in range(0, len(found), PAGE):
            page = found[start : start + PAGE]
            progress = Progress(log.epoch, {log.writer: page[-1].n})
            await store.follow(progress, page, clock.now(), WAITS)


@asynccontextmanager
async def _sides(log: FakeLog, folder: Path) -> AsyncIterator["Sides"]:
    letters = await asyncio.to_thread(lambda: list(_letters(log, Settings(smtp_from=FROM))))
    async with sink() as server, nats_server() as url, fake_log(url, log):
        job = bare.Job(port=server.port, sender=FROM, letters=letters, concurrency=CONNECTIONS)
        there = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
        async with AsyncExitStack() as opened:
            others = {
                way: await opened.enter_async_context(
                    bare.bare(replace(job, way=way), folder / f"{way}.job")
                )
                for way in WAYS
            }
            notify = await opened.enter_async_context(process(url, folder, smtp_from=FROM, **there))
            priority.prefer([notify.pid, *(other.pid for other in others.values())])
            yield Sides(server, notify.pid, folder / "notify.db", others)


def _letters(log: FakeLog, settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Yield the first ones as notify writes them, each with its recipient."""
    letters = Letters(settings, clock.now)
    for user_id in list(log.profiles)[1 : SAMPLES + 1]:
        thread = subjects.direct_conversation_id("ann", user_id)
        asked = Marks(asked=[Unread(user_id=user_id, conversation_id=thread)])
        [row] = log.marks(asked).rows
        assert row is not None
        assert row.profile is not None
        letter = letters.write("0" * 32, row.profile, MessageContent.of(row))
        yield letter.to, letter.content


class Sides:
    def __init__(
        self, server: Sink, notify: int, database: Path, others: dict[bare.Way, bare.Bare]
    ) -> None:
        self._server = server
        self._notify = notify
        self._database = database
        self._others = others
        self._sent = 0  # by the bare ones

    async def windows(self, number: int, say: Callable[[str], None]) -> Work:
        own: list[Rate] = []
        found: dict[bare.Way, list[Rate]] = {way: [] for way in WAYS}
        memory: dict[int, float] = {}
        await self._worked_off(number // WARMUP)
        for window in range(1, WINDOWS + 1):
            own.append(await self._own(number * window // WINDOWS))
            if (percent := 100 * window // WINDOWS) in POINTS:
                memory[percent] = memory_kb(self._notify)
            for way, other in self._others.items():
                found[way].append(await self._of(other, number // WINDOWS // SHARES[way]))
            latest = (rates[-1].per_second for rates in (own, *found.values()))
            rates = ", ".join(f"{rate:.0f}" for rate in latest)
            say(f"window {window} of {WINDOWS}: {rates} letters a second")
        os.kill(self._notify, signal.SIGCONT)
        await self._all_sent()
        return Work(machine=machine(), letters=number, notify=own, bare=found, memory_kb=memory)

    async def _own(self, until: int) -> Rate:
        """Return the rate of notify, which runs on until `until` e-mails are worked off."""
        os.kill(self._notify, signal.SIGCONT)
        rate = await self._rate(self._notify, self._worked_off(until))
        os.kill(self._notify, signal.SIGSTOP)
        return rate

    async def _of(self, side: bare.Bare, number: int) -> Rate:
        rate = await self._rate(side.pid, side.send(number))
        self._sent += number
        return rate

    async def _rate(self, pid: int, work: Awaitable[None]) -> Rate:
        before, spent, began = await self._server.taken(), cpu_seconds(pid), time.monotonic()
        await work
        elapsed, after = time.monotonic() - began, await self._server.taken()
        letters = after.letters - before.letters
        cpu = (cpu_seconds(pid) or 0.0) - (spent or 0.0)
        return Rate(
            per_second=letters / elapsed,
            cpu_us=cpu / letters * 1e6,
            size=(after.size - before.size) / letters,
        )

    async def _worked_off(self, number: int) -> None:
        """Raises Unsound when nothing goes on."""
        done, since = -1, time.monotonic()
        while True:
            before, done = done, (await self._server.taken()).letters - self._sent
            if done >= number:
                return
            if done > before:
                since = time.monotonic()
            if time.monotonic() > since + SILENCE:
                raise Unsound(f"notify sent {done:,} letters and then none")
            await asyncio.sleep(POLL)

    async def _all_sent(self) -> None:
        """Raises Unsound when they are not, a moment later."""
        for _ in range(100):
            if not (left := await asyncio.to_thread(_left, self._database)):
                return
            await asyncio.sleep(0.1)
        raise Unsound(f"{left:,} notifications are not sent")


def _left(database: Path) -> int:
    with closing(sqlite3.connect(database, timeout=5)) as connection:
        [(left,)] = connection.execute("SELECT count(*) FROM deliveries WHERE state <> 'sent'")
    return int(left)


def words(work: Work) -> str:
    sides = {"notify": work.notify} | {f"aiosmtplib, {way}": work.bare[way] for way in WAYS}
    ratios = {way: _ratio(work.notify, work.bare[way]) for way in WAYS}
    cpu = ", ".join(f"{_ratio(work.notify, work.bare[way], 'cpu_us'):.2f}, {way}" for way in WAYS)
    memory = ", ".join(f"{kb / 1024:.1f} at {at} %" for at, kb in work.memory_kb.items())
    lines = [
        f"{work.letters:,} due notifications, up to {CONNECTIONS} at a time, into one mail server, "
        f"{WINDOWS} windows each in turns; {work.machine}",
        "",
        f"{'':<20}letters/s   CPU µs a letter   bytes a letter",
        *(f"{name:<20}{_line(rates)}" for name, rates in sides.items()),
        "",
        "aiosmtplib sends letters that are ready, with a connection for each or kept ones, or "
        "writes each from its text and its HTML.",
        "",
        f"rate: {ratios['ready']:.2f} of aiosmtplib's with ready letters, target ≥ {AT_LEAST}; "
        f"{ratios['written']:.2f} of that with letters it writes; "
        f"{ratios['kept']:.2f} of that with ready letters and kept connections",
        f"CPU a letter, of aiosmtplib's: {cpu}",
        f"memory of notify, MB: {memory}; growth {work.growth:.3f}, target ≤ {GROWTH_AT_MOST}",
    ]
    return "\n".join(lines) + "\n"


def _line(rates: list[Rate]) -> str:
    per_second, cpu, size = (
        median(getattr(rate, name) for rate in rates) for name in Rate.__struct_fields__
    )
    return f"{per_second:9.0f}{cpu:18.0f}{size:17.0f}"


def _ratio(some: list[Rate], others: list[Rate], figure: str = "per_second") -> float:
    """Return the median ratio of windows that followed each other: other load changes slowly."""
    pairs = zip(some, others, strict=True)
    return float(median(getattr(one, figure) / getattr(other, figure) for one, other in pairs))
