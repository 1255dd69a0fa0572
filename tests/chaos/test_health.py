"""Whatever stands still, is gone or is full: who needs it says so with the cause, and says when it
is over, with traffic and without (finding T1, H7)."""

import asyncio
import fcntl
import os
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from math import log2
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from linkup.monitor.asking import look
from shared.health import advice
from shared.health.report import HealthAnswer
from shared.health.score import FEWEST
from shared.health.taxonomy import CATEGORIES, Category
from shared.settings import Settings
from tests.support import web
from tests.support.background import running
from tests.support.injection import BLOCK, OBEYING, UNENCODABLE
from tests.support.peer import peer
from tests.support.stack import Stack, run_stack
from tests.support.traffic import LOST, make_known
from tests.support.waiting import TIMEOUT_FACTOR, eventually, within

ELSEWHERE = "elsewhere"  # the name of a data directory that was renamed
NOTICED = 10.0  # seconds, at the latest
BACK = 5.0
WINDOW = 2.0  # seconds in which an error lowers the score
ANSWERS = 2.0  # whatever hangs: of the others the gateway asks for a second
SERVICES = ("gateway", "persistence", "notify")
BUSY = {"async_context_violation"}  # what a machine adds that lets a loop wait

Trouble = Callable[[Stack], AbstractAsyncContextManager[None]]
Told = dict[str, str]  # of each check that fails, why; "" when the service itself is silent

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("health")
    limits: dict[str, Any] = {"message_rate": 0, "strikes_per_minute": 0}
    settings = {"health_window": WINDOW, "environment": OBEYING, **limits}
    async with run_stack(folder, **settings) as started:
        await make_known(started, ["alice", "bob"])
        yield started


# ---------------------------------------------------------------- what may happen


def frozen(service: str) -> Trouble:
    @asynccontextmanager
    async def trouble(stack: Stack) -> AsyncIterator[None]:
        pid = stack.pids()[service]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    return trouble


@asynccontextmanager
async def killed(stack: Stack) -> AsyncIterator[None]:
    """It is started again and again, and cannot: somebody else holds its place."""
    with open(stack.data_dir / "persistence.lock", "w") as lock:  # noqa: ASYNC230 - no wait
        os.kill(stack.pids()["persistence"], signal.SIGKILL)
        await eventually(lambda: taken(lock.fileno()))
        yield
    await stack.ready()  # the cause ends with its start


@asynccontextmanager
async def broker_killed(stack: Stack) -> AsyncIterator[None]:
    """It is started again and again, and cannot: its configuration is away."""
    file = stack.data_dir / "nats" / "nats-server.conf"
    away = file.with_name("away")
    file.rename(away)
    try:
        await stack.kill("nats-server")
        yield
    finally:
        away.rename(file)
    await stack.ready()  # the cause ends with its start


def taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def locked(file: str) -> Trouble:
    @asynccontextmanager
    async def trouble(stack: Stack) -> AsyncIterator[None]:
        other = sqlite3.connect(stack.data_dir / file, isolation_level=None, timeout=10)
        try:
            other.execute("BEGIN IMMEDIATE")
            yield
        finally:
            other.close()

    return trouble


def full(service: str, file: str) -> Trouble:
    """No file of the process may grow beyond the end of what its write-ahead log holds now."""

    @asynccontextmanager
    async def trouble(stack: Stack) -> AsyncIterator[None]:
        pid = stack.pids()[service]
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        path = stack.data_dir / file
        with appending(path) as end:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (end, before[1]))
            try:
                yield
            finally:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return trouble


@contextmanager
def appending(path: Path) -> Iterator[int]:
    """Hold a snapshot, so that the log is not begun anew; yield the offset of its next frame.

    The first snapshot keeps the frame that follows out of the database file, so the second reads
    it from the log, and a log that is read is not begun anew.
    """
    with snapshot(path), closing(connected(path)) as writer:
        [(version,)] = writer.execute("PRAGMA user_version")
        [(page,)] = writer.execute("PRAGMA page_size")
        writer.execute(f"PRAGMA user_version = {version}")
        with snapshot(path):
            [(_, frames, _)] = writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
            yield 32 + frames * (24 + page)  # https://www.sqlite.org/fileformat2.html#walformat


@contextmanager
def snapshot(path: Path) -> Iterator[None]:
    with closing(connected(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=10)


def moved(name: str) -> Trouble:
    @asynccontextmanager
    async def trouble(stack: Stack) -> AsyncIterator[None]:
        path = stack.data_dir / name
        path.rename(path.with_name("elsewhere"))
        try:
            yield
        finally:
            path.with_name("elsewhere").rename(path)

    return trouble


@asynccontextmanager
async def renamed(stack: Stack) -> AsyncIterator[None]:
    """The whole directory."""
    elsewhere = stack.data_dir.with_name(ELSEWHERE)
    stack.data_dir.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(stack.data_dir)


@asynccontextmanager
async def deaf(stack: Stack) -> AsyncIterator[None]:
    """nats-server no longer lets persistence listen where messages are stored."""
    file = stack.data_dir / "nats" / "nats-server.conf"
    before = file.read_text()
    file.write_text(before.replace('"linkup.store persistence",', ""))
    os.kill(stack.pids()["nats-server"], signal.SIGHUP)
    try:
        yield
    finally:
        file.write_text(before)
        os.kill(stack.pids()["nats-server"], signal.SIGHUP)
        await stack.kill("persistence")  # which then asks for all of it again
        await stack.ready()


# ---------------------------------------------------------------- and who says what

CASES: dict[str, tuple[Trouble, dict[str, tuple[str, str]]]] = {
    # of each service that is not ready then: the check that fails, and words of the cause
    "persistence frozen": (
        frozen("persistence"),
        {"gateway": ("persistence", "did not answer"), "notify": ("log", "persistence")},
    ),
    "persistence killed": (
        killed,
        {"gateway": ("persistence", "starting or away"), "notify": ("log", "persistence")},
    ),
    "store locked": (
        locked("linkup.db"),
        {"gateway": ("persistence", "locked"), "persistence": ("store", "locked")},
    ),
    "disk full": (
        full("persistence", "linkup.db"),
        {"gateway": ("persistence", "disk"), "persistence": ("store", "disk")},
    ),
    "store moved": (
        moved("linkup.db"),
        {"gateway": ("persistence", "linkup.db"), "persistence": ("store", "restart the service")},
    ),
    "log of the store moved": (
        moved("linkup.db-wal"),
        {
            "gateway": ("persistence", "linkup.db-wal"),
            "persistence": ("store", "restart the service"),
        },
    ),
    "directory renamed": (
        renamed,
        {
            "gateway": ("persistence", "linkup.db"),
            "persistence": ("store", "restart the service"),
            "notify": ("store", "notify.db"),
        },
    ),
    "nats-server frozen": (
        frozen("nats-server"),
        {service: ("bus", "nats-server") for service in SERVICES},
    ),
    "nats-server killed": (
        broker_killed,
        {service: ("bus", "nats-server") for service in SERVICES},
    ),
    "subscription missing": (
        deaf,
        {
            "gateway": ("persistence", "linkup.store"),
            "persistence": ("subscriptions", "linkup.store"),
        },
    ),
    "notify frozen": (frozen("notify"), {}),
    "notify's store locked": (locked("notify.db"), {"notify": ("store", "locked")}),
    "notify's store moved": (moved("notify.db"), {"notify": ("store", "notify.db")}),
}
SCORES = {  # of the whole, and who or what is named first
    "persistence frozen": (55, "persistence"),
    "persistence killed": (55, "persistence"),
    "nats-server frozen": (55, "bus"),
    "nats-server killed": (55, "bus"),
    "notify frozen": (55, "notify"),
    "subscription missing": (40, "subscriptions"),
}  # of the rest: 40, and the store
SILENT = {"persistence frozen": "persistence", "persistence killed": "persistence",
          "notify frozen": "notify"}  # fmt: skip
OFTEN = [  # those of one second or two in `make test`, the others in continuous integration
    ("persistence frozen", False),
    pytest.param("store locked", True, marks=pytest.mark.slow),
    pytest.param("disk full", False, marks=pytest.mark.slow),
    pytest.param("store moved", True, marks=pytest.mark.slow),
    pytest.param("nats-server frozen", False, marks=pytest.mark.slow),
    pytest.param("nats-server killed", True, marks=pytest.mark.slow),
    pytest.param("subscription missing", False, marks=pytest.mark.slow),
    pytest.param("notify frozen", True, marks=pytest.mark.slow),
]
SELDOM = [
    (case, busy)
    for case in CASES
    for busy in (False, True)
    if (case, busy) not in [getattr(often, "values", often) for often in OFTEN]
]


@pytest.mark.parametrize(("case", "busy"), OFTEN)
async def test_f_t1_h7_who_needs_it_says_so_and_when_it_is_over(
    stack: Stack, case: str, busy: bool
) -> None:
    await noticed_and_over(stack, case, busy)


@pytest.mark.prove
@pytest.mark.parametrize(("case", "busy"), SELDOM)
async def test_f_t1_h7_who_needs_it_says_so_and_when_it_is_over_each_way(
    stack: Stack, case: str, busy: bool
) -> None:
    await noticed_and_over(stack, case, busy)


@pytest.mark.prove
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk of its own")
@pytest.mark.parametrize("busy", [False, True])
async def test_f_t1_a_real_disk_that_is_full_is_told_by_all_who_write_to_it(
    tmp_path: Path, busy: bool
) -> None:
    everybody = {
        "gateway": ("persistence", "full"),
        "persistence": ("store", "full"),
        "notify": ("store", "full"),
    }
    with disk(tmp_path / "disk", "64m") as folder:
        async with run_stack(folder, message_rate=0) as stack:
            await make_known(stack, ["alice", "bob"])
            chat = Chat(stack)
            async with running(chat.run() if busy else quiet()):
                await until(stack, {}, SERVICES, BACK)
                fill(folder / "filler")
                await until(stack, everybody, SERVICES, NOTICED)
                os.unlink(folder / "filler")
                await until(stack, {}, SERVICES, BACK)
            await chat.goes_on()


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


async def noticed_and_over(stack: Stack, case: str, busy: bool) -> None:
    trouble, expected = CASES[case]
    asked = [service for service in SERVICES if service != SILENT.get(case)]
    chat = Chat(stack)
    async with running(chat.run() if busy else quiet()):
        await until(stack, {}, SERVICES, BACK)
        async with trouble(stack):
            began = time.monotonic()
            await until(stack, expected, asked, NOTICED)
            await scored(stack, case)
            took = time.monotonic() - began
            if case == "notify frozen":
                await steady(stack)
            acks = chat.acks
            if expected.get("persistence"):
                await chat.refused_twice(busy)
                assert chat.acks == acks, "acknowledged although it is not ready"
        began = time.monotonic()
        await until(stack, {}, SERVICES, BACK)
        await recovered(stack)
        print(case, busy, f"noticed {took:.1f} s, back {time.monotonic() - began:.1f} s")  # noqa: T201
    if busy:
        await chat.goes_on()


async def whole(stack: Stack) -> HealthAnswer:
    """As `linkup monitor` sees it, which has to be told where the directory is."""
    there = stack.data_dir if stack.data_dir.exists() else stack.data_dir.with_name(ELSEWHERE)
    return await look(Settings(data_dir=str(there)), [])


async def scored(stack: Stack, case: str) -> None:
    """The score is the formula's, and whoever looks is told the cause first."""
    most, named = SCORES.get(case, (40, "store"))
    told: list[HealthAnswer] = []

    async def holds() -> bool:
        told[:] = [await whole(stack)]
        return told[0].health_score <= most and told[0].recommendations[0].cause == named

    try:
        await eventually(holds, NOTICED)
    except TimeoutError:
        raise AssertionError(f"{told} instead of {most}, {named}") from None
    [found] = told
    expected = min(most, *(_formula(one) for one in found.services.values()))
    assert abs(found.health_score - expected) <= 3
    assert found.status == "critical"


def _formula(one: HealthAnswer) -> float:
    """Compute the score that the errors leave, apart from what is wrong right now."""
    if one.operations < 50:
        return 100.0
    points = 100.0
    for category, count in one.errors.items():
        kind = CATEGORIES[cast(Category, category)]
        points -= min(kind.cap, kind.weight * log2(1 + count * 10_000 / one.operations))
    return points


def late_alone(one: HealthAnswer) -> float:
    """Return the highest score that the delay of a service's loop leaves, on a busy machine."""
    ceiling = advice.loop(one.checks["loop"].observed or 0.0, "") if "loop" in one.checks else None
    return ceiling.most if ceiling else 100.0


def late(told: HealthAnswer) -> float:
    """Return the same of all services."""
    return min(late_alone(one) for one in told.services.values())


async def recovered(stack: Stack) -> None:
    told: list[HealthAnswer] = []

    async def holds() -> bool:
        told[:] = [await whole(stack)]
        return told[0].status == "healthy" or told[0].health_score == late(told[0]) < 80

    try:
        await eventually(holds, WINDOW + NOTICED)
    except TimeoutError:
        raise AssertionError(f"not healthy again: {told}") from None


async def bad_frames(stack: Stack) -> None:
    async with peer(stack, "alice") as alice:
        while True:
            await alice.send("no such frame")
            await asyncio.sleep(0.005)


async def bad_tokens(stack: Stack) -> None:
    """Send forged tokens over HTTP and in the first frame of a socket, for ever."""
    async with web.client(base_url=stack.url, timeout=60) as client:
        while True:
            forged = {"authorization": "Bearer forged"}
            assert (await client.get("/v1/unread", headers=forged)).status_code == 401
            async with connect(stack.ws_url) as socket:
                await socket.send('{"type":"hello","token":"forged"}')
                await socket.wait_closed()
            assert socket.close_code == 4401


async def abrupt_ends(stack: Stack) -> None:
    while True:
        async with peer(stack, "alice") as alice:
            alice.socket.transport.abort()
            await alice.socket.wait_closed()


FLOODS: dict[Category, Callable[[Stack], Coroutine[Any, Any, None]]] = {
    "validation_error": bad_frames,
    "auth_error": bad_tokens,
    "connection_error": abrupt_ends,
}


@pytest.mark.parametrize("category", FLOODS)
async def test_s82_s84_a_flood_of_bad_clients_is_named_and_makes_nothing_unready(
    stack: Stack, category: Category
) -> None:
    chat = Chat(stack, pause=0.01)
    async with running(FLOODS[category](stack)), running(chat.run()):

        async def named() -> bool:
            """Apart from what a busy machine does to a loop."""
            told = await whole(stack)
            gateway = told.services["gateway"]
            alone = {*told.errors} - BUSY == {category}
            good = told.health_score >= min(80, late(told)) or not BUSY.isdisjoint(told.errors)
            expected = min(_formula(gateway), late_alone(gateway))
            as_told = abs(gateway.health_score - expected) <= 3
            return (
                alone
                and good
                and as_told
                and category in {one.cause for one in told.recommendations}
            )

        await eventually(named, NOTICED)
        await until(stack, {}, SERVICES, BACK)


@pytest.mark.parametrize(
    ("fault", "category", "cause"),
    [
        (BLOCK, "async_context_violation", "services/gateway/handlers.py:"),
        (UNENCODABLE, "json_serialization_error", "Pong cannot be encoded"),
    ],
)
async def test_s82_s84_s98_a_defect_of_a_running_gateway_costs_what_the_formula_says_and_is_named(
    stack: Stack, fault: str, category: Category, cause: str
) -> None:
    chat, looks = Chat(stack, pause=0.01), list[HealthAnswer]()
    others = [Chat(stack, pause=0.01) for _ in range(2)]  # of one alone, a busy machine does few
    async with AsyncExitStack() as chats, peer(stack, "alice") as alice:
        for one in (chat, *others):
            await chats.enter_async_context(running(one.run()))
        await eventually(lambda: chat.acks >= FEWEST)
        await alice.send("ping", timestamp=fault)

        async def named() -> bool:
            looks[:] = [(await whole(stack)).services["gateway"]]
            is_named = any(
                one.cause == category and cause in one.advice for one in looks[0].recommendations
            )
            return is_named and category in looks[0].errors and looks[0].operations >= FEWEST

        await eventually(named, NOTICED)
    [told] = looks
    expected = min(_formula(told), late_alone(told))
    assert abs(told.health_score - expected) <= 3
    assert told.errors[category] == 1 or category in BUSY
    assert told.status != "healthy"
    assert told.state == "ready"
    await until(stack, {}, SERVICES, BACK)
    await recovered(stack)


async def steady(stack: Stack) -> None:
    """Trouble of notify makes nobody else unready, and the gateway warns of it."""
    async with web.client(timeout=ANSWERS * TIMEOUT_FACTOR) as client:

        async def warned() -> bool:
            for service in ("gateway", "persistence"):
                assert (await client.get(url(stack, service, "readyz"))).status_code == 200
            told = (await client.get(url(stack, "gateway", "health"))).json()
            return bool(told["checks"]["notify"]["status"] == "warn")

        await eventually(warned, NOTICED)


async def quiet() -> None:
    await asyncio.get_running_loop().create_future()


class Chat:
    """Alice writes to Bob, whatever becomes of it. `pause`: seconds between two messages."""

    def __init__(self, stack: Stack, pause: float = 0.2) -> None:
        self._stack, self._pause = stack, pause
        self.acks = self.refused = 0

    async def run(self) -> None:
        while True:
            with suppress(*LOST):
                async with peer(self._stack, "alice") as alice:
                    while True:
                        await self._say(alice)
                        await asyncio.sleep(self._pause)
            await asyncio.sleep(0.1)

    async def _say(self, alice: Any) -> None:
        told = await alice.message("bob", "hello")
        self.acks += told["type"] == "ack"
        self.refused += told["type"] == "error"

    async def refused_twice(self, busy: bool) -> None:
        before = self.refused
        if busy:
            await eventually(lambda: self.refused >= before + 2, 12)

    async def goes_on(self) -> None:
        chat = Chat(self._stack)
        async with running(chat.run()):
            await eventually(lambda: chat.acks >= 2)


async def until(
    stack: Stack, expected: dict[str, tuple[str, str]], asked: list[str] | Any, seconds: float
) -> None:
    """Wait until exactly these services are unready, with these causes, among those that answer."""
    last: dict[str, Told] = {}

    async def holds() -> bool:
        last.update({service: await failing(stack, service) for service in asked})
        return all(_fits(last[service], expected.get(service)) for service in asked)

    try:
        await eventually(holds, seconds)
    except TimeoutError:
        raise AssertionError(f"{last} instead of {expected}") from None


def _fits(told: Told, expected: tuple[str, str] | None) -> bool:
    if expected is None:
        return not told
    check, words = expected
    return list(told) == [check] and words in told[check]


async def failing(stack: Stack, service: str) -> Told:
    """At once, whatever it is that hangs."""
    async with web.client(timeout=ANSWERS * 5) as client, within(ANSWERS):
        ready = await client.get(url(stack, service, "readyz"))
        if ready.status_code == 200:
            return {}
        told = (await client.get(url(stack, service, "health"))).json()["checks"]
    return {name: each.get("output", "") for name, each in told.items() if each["status"] == "fail"}


def url(stack: Stack, service: str, path: str) -> str:
    return f"http://127.0.0.1:{stack.port(service)}/{path}"
