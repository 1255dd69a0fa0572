"""A webhook whose server is down for hours and days, on a clock that jumps."""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from services.notify.migrate import upgrade
from services.notify.webhooks import rows
from services.notify.webhooks.lines import Line, Terms
from services.notify.webhooks.rows import Hook
from shared.commands import (
    Details,
    DetailsAnswer,
    Fact,
    FactPage,
    FactPageAnswer,
    decode,
    encode,
)
from shared.outward import Answer, NotSent
from shared.outward.destinations import Rules
from shared.settings import Settings
from tests.support.virtual import VirtualLoop

T = TypeVar("T")

HOUR = 3600.0
DAY = 24 * HOUR
HOOK = Hook(
    webhook_id="main",
    url="https://app.example/",
    events=("message.created",),
    secret="whsec_" + "c2VjcmV0" * 4,
    created_at=1,
    updated_at=1,
)


class World:
    """The log, notify's database and the server of the host app, which is down until `up_at`."""

    def __init__(self, loop: VirtualLoop, connection: sqlite3.Connection, up_at: float) -> None:
        self.loop = loop
        self.connection = connection
        self.up_at = up_at
        self.facts: list[Fact] = []
        self.attempts: list[str] = []
        self.told: dict[str, list[int]] = defaultdict(list)
        settings = Settings()
        bus: Any = self
        outward: Any = Posting(self)
        self.terms = Terms(
            bus=bus,
            between=self.between,
            rules=Rules(),
            retries=settings.webhook_retries,
            lasting=settings.webhook_retry_for,
            clock=lambda: int(loop.time() * 1e6),
            count=lambda name: None,
        )
        self.line = Line(HOOK, self.terms, outward, lambda: None)

    async def between(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self.connection:
            return work(self.connection)

    def say(self, conversation_id: str) -> None:
        n = len(self.facts) + 1
        at = int(self.loop.time() * 1e6)
        self.facts.append(Fact("1", n, "message", conversation_id, n, n, "ann", "", at))

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        if subject.endswith("details"):
            asked = decode(payload, Details).facts
            return encode(DetailsAnswer(details=[b'{"n":%d}' % one.n for one in asked]))
        after = decode(payload, FactPage).positions.get("1", 0)
        end = {"1": len(self.facts)}
        found = self.facts[after:]
        return encode(FactPageAnswer(epoch="e1", facts=found, more=False, positions=end, ends=end))

    def post(self, headers: Mapping[str, str]) -> Answer:
        name = headers["webhook-id"]
        self.attempts.append(name)
        if self.loop.time() < self.up_at:
            raise NotSent("ClientConnectorError")
        fact = self.facts[int(name.rpartition("_")[2]) - 1]
        self.told[fact.conversation_id].append(fact.n)
        return Answer(200, {}, b"")

    def states(self) -> list[tuple[str, int]]:
        found = self.connection.execute(
            "SELECT state, count(*) FROM webhook_events GROUP BY state ORDER BY state"
        )
        return [tuple(row) for row in found]


class Posting:
    """The part of Outward that a sender uses."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        await asyncio.sleep(0.02)
        return self._world.post(options["headers"])


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    upgrade(f"sqlite:///{tmp_path}/notify.db")
    connection = sqlite3.connect(tmp_path / "notify.db")
    connection.execute("PRAGMA synchronous=OFF")
    connection.row_factory = sqlite3.Row
    with connection:
        rows.save(connection, HOOK, ("e1", {"1": 0}))
    yield connection
    connection.close()


def play(
    connection: sqlite3.Connection, up_at: float, until: float, says: list[tuple[float, str]]
) -> World:
    """Play messages at their times, by the clock of the simulation, and return the world."""
    loop = VirtualLoop()

    async def run() -> World:
        world = World(loop, connection, up_at)
        running = asyncio.create_task(world.line.run())
        for at, conversation_id in says:
            await asyncio.sleep(max(0.0, at - loop.time()))
            world.say(conversation_id)
            world.line.reader.ring()
        await asyncio.sleep(until - loop.time())
        world.line.sender.stop()
        await running
        return world

    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()


def test_s121_an_hour_without_a_server_loses_nothing_and_bothers_it_seldom(
    connection: sqlite3.Connection,
) -> None:
    says = [(10.0 * n, f"c{n % 5}") for n in range(360)]
    world = play(connection, up_at=HOUR, until=2 * HOUR, says=says)
    expected = {f"c{n}": list(range(n + 1, 361, 5)) for n in range(5)}
    assert world.told == expected
    failed = len(world.attempts) - 360
    assert 10 < failed < 60
    assert world.states() == []


def test_after_three_days_events_are_dead_letters_and_later_ones_go_on(
    connection: sqlite3.Connection,
) -> None:
    says = [*((0.0, "c0") for _ in range(3)), (1.0, "c1"), (3.5 * DAY, "c0")]
    world = play(connection, up_at=4 * DAY, until=4.5 * DAY, says=says)
    assert world.states() == [("dead", 4)]
    assert world.told == {"c0": [5]}
    assert len(world.attempts) < 250
    dead = world.connection.execute("SELECT reason FROM webhook_events").fetchall()
    assert {reason for (reason,) in dead} <= {"not_connected", "expired"}
