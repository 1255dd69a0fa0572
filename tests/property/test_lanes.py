"""A lane over a bus that loses, delays and repeats, in front of the real `decide`: every command
has one result, and no connection's messages change places, for a client that sends again in order,
whether or not it goes on writing before it does, and however late it hears of an outcome.

Time is virtual: the loop's clock leaps to the next timer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.upstream import lanes as lanes_module
from services.gateway.upstream.gate import Gate
from services.gateway.upstream.lanes import Lane
from services.gateway.upstream.submission import Submission
from services.persistence.decide.batch import decide
from services.persistence.decide.state import Head, Limits
from shared import commands
from shared.bus import BusTimeout, NoResponders
from shared.commands import Batch, Refused, Result, StoreMessage
from shared.errors import Unavailable
from tests.property.table import Table

START = 1_000_000_000
HALF_SECONDS = 300  # in which everything has to be stored
AT_ONCE = {"nobody there": NoResponders("away"), "cut off": Unavailable("cut off")}
ANSWERS = {
    "overloaded": commands.encode(Refused("overloaded", "The store is busy")),
    "garbled": b"\xc1",
}
LATE = {"late": (2.5,), "late and again": (2.5, 7.0)}  # seconds until a copy reaches the store
LOST = ("request lost", "reply lost")
FAULTS = ("well", "slow", "repeated", *AT_ONCE, *ANSWERS, *LATE, *LOST, *LOST)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Never waits: with nothing to do, it is the time of the next timer."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        loop: Any = self
        if not loop._ready and loop._scheduled:  # noqa: SLF001 - the loop's own queues
            self._now = max(self._now, loop._scheduled[0]._when)  # noqa: SLF001
        super()._run_once()  # type: ignore[misc]  # private to asyncio


class FaultyBus:
    """One request after the other meets the next fault, then all is well. Late copies arrive."""

    def __init__(self, faults: list[str], limits: Limits, on_stored: Callable[[str], None]) -> None:
        self.table = Table(heads={"alice": Head(), "bob": Head()})
        self.payloads: list[bytes] = []
        self._faults = iter(faults)
        self._limits = limits
        self._on_stored = on_stored

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        self.payloads.append(payload)
        fault = next(self._faults, "well")
        if fault in AT_ONCE:
            raise AT_ONCE[fault]
        if fault in ANSWERS:
            return ANSWERS[fault]
        if fault == "slow":
            await asyncio.sleep(timeout * 0.9)
        if fault in ("repeated", "reply lost"):
            self.store(payload)
        for delay in LATE.get(fault, ()):
            asyncio.get_running_loop().call_later(delay, self.store, payload)
        if fault in (*LOST, *LATE):
            await self.no_answer(timeout)
        return self.store(payload)

    async def no_answer(self, timeout: float) -> None:
        await asyncio.sleep(timeout)
        raise BusTimeout("no answer")

    def store(self, payload: bytes) -> bytes:
        batch = commands.decode(payload, Batch)
        now = START + int(asyncio.get_running_loop().time() * 1_000_000)
        decision = decide(self.table.read(now, self._limits, [batch]), [batch])
        self.table.write(decision)
        for new in decision.changes.messages:
            self._on_stored(new.message.client_id)
        return commands.encode(decision.replies[0])


@dataclass(frozen=True)
class Manners:
    """The behaviour of a client; `chained`: each message names the one before it by `after`."""

    chained: bool
    eager: bool
    lag: float
    drops: frozenset[int]


class Client:
    """One connection that keeps the rule: after a temporary error all that is not acked goes out
    again, in order. It also sends again what is not answered for five seconds. An `eager` one does
    not hold back what is written meanwhile. Every outcome takes `lag` seconds to reach it. What it
    `drops`, by number, it does not send again once it has failed."""

    def __init__(self, lane: Lane, name: str, manners: Manners) -> None:
        self.lane, self.name = lane, name
        self.chained, self.eager = manners.chained, manners.eager
        self.lag, self.drops = manners.lag, manners.drops
        self.dropped: set[str] = set()
        self.gate = Gate()
        self.written: list[str] = []
        self.open: list[str] = []
        self.settled: Counter[int] = Counter()
        self.submitted = 0
        self.waiting = False

    def write(self) -> None:
        client_id = f"{self.name}-{len(self.written)}"
        self.written.append(client_id)
        self.open.append(client_id)
        if self.eager or not self.waiting:
            self.send(client_id)

    def send(self, client_id: str) -> None:
        place = self.written.index(client_id)
        command = StoreMessage(
            user_id=self.name.partition("-")[0],
            connection_id=self.name,
            client_id=client_id,
            conversation_id="ab",
            content="hi",
            to="alice" if self.name == "bob-1" else "bob",
            after=self.written[place - 1] if self.chained and place else None,
        )
        self.submitted += 1
        number = self.submitted

        def settle(result: Result) -> None:
            self.settled[number] += 1
            loop = asyncio.get_running_loop()
            loop.call_at(loop.time() + self.lag, self.on_result, client_id, result)

        self.lane.submit(Submission(command, settle, self.gate))

    def on_event(self, client_id: str) -> None:
        """The gateway hears that it is stored, and so does the client, some time later."""
        self.gate.release("ab", client_id)
        asyncio.get_running_loop().call_later(self.lag, self.on_stored, client_id)

    def on_stored(self, client_id: str) -> None:
        if client_id in self.open:
            self.open.remove(client_id)

    def on_result(self, client_id: str, result: Result) -> None:
        if isinstance(result, Refused):
            assert result.error().temporary, result
            if self.written.index(client_id) in self.drops and not self.chained:
                self.dropped.add(client_id)
                self.on_stored(client_id)
            if client_id in self.open and not self.waiting:
                self.waiting = True
                asyncio.get_running_loop().call_later(0.7, self.send_again)
        else:
            self.on_stored(client_id)

    def send_again(self) -> None:
        self.waiting = False
        for client_id in list(self.open):
            self.send(client_id)

    def lapse(self) -> None:
        """No ack for five seconds: without an error, all that is open goes out once more."""
        if not self.waiting:
            self.send_again()


writes = st.lists(
    st.tuples(st.sampled_from(["alice-1", "alice-2", "bob-1"]), st.sampled_from([0.0, 0.01, 1.9])),
    min_size=1,
    max_size=10,
)


@given(
    faults=st.lists(st.sampled_from(FAULTS), max_size=16),
    writes=writes,
    limits=st.sampled_from([Limits(1, 0.0), Limits(2, 2.0), Limits(4, 20.0)]),
    queued=st.sampled_from([2, 3, 4096]),
    manners=st.builds(
        Manners,
        chained=st.booleans(),
        eager=st.booleans(),
        lag=st.sampled_from([0.0, 0.3, 2.0]),
        drops=st.frozensets(st.integers(0, 9), max_size=2),
    ),
    events=st.sampled_from([None, 0.0, 0.05, 5.0]),
    lapses=st.lists(st.floats(0.1, 12.0), max_size=3),
)
def test_c2_c4_r1_r2_each_command_has_one_result_and_each_connection_its_order(
    faults: list[str],
    writes: list[tuple[str, float]],
    limits: Limits,
    queued: int,
    manners: Manners,
    events: float | None,
    lapses: list[float],
) -> None:
    async def scenario() -> None:
        bus = FaultyBus(faults, limits, lambda client_id: heard(clients, client_id, events))
        lane = Lane(bus)  # type: ignore[arg-type]  # the part of a Bus a lane uses
        clients = {name: Client(lane, name, manners) for name, _ in writes}
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(lane.run())
            for after in lapses:
                for client in clients.values():
                    asyncio.get_running_loop().call_later(after, client.lapse)
            await play(writes, clients)
            await asyncio.sleep(20.0)  # for late copies
            await lane.settled()
            running.cancel()
        for client in clients.values():
            check_client(client, bus.table)
        check_batches(bus.payloads)

    with (
        patch.object(lanes_module, "MAX_QUEUED", queued),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(scenario())


async def play(writes: list[tuple[str, float]], clients: dict[str, Client]) -> None:
    for name, pause in writes:
        clients[name].write()
        await asyncio.sleep(pause)
    for _ in range(HALF_SECONDS):
        await asyncio.sleep(0.5)
        if not any(client.open for client in clients.values()):
            return


def heard(clients: dict[str, Client], client_id: str, after: float | None) -> None:
    """The event of a stored message arrives, unless it is lost on the wire."""
    if after is not None:
        client = clients[client_id.rpartition("-")[0]]
        asyncio.get_running_loop().call_later(after, client.on_event, client_id)


def check_client(client: Client, table: Table) -> None:
    assert client.settled == Counter(range(1, client.submitted + 1)), "one result each"
    kept = [client_id for client_id in client.written if client_id not in client.dropped]
    stored = [m.client_id for m in table.messages if m.client_id.startswith(f"{client.name}-")]
    assert [client_id for client_id in stored if client_id not in client.dropped] == kept, "C4"


def check_batches(payloads: list[bytes]) -> None:
    """Numbers count up, and a repeat is the same bytes (R1)."""
    seen: dict[int, bytes] = {}
    for payload in payloads:
        number = commands.decode(payload, Batch).number
        assert number in (len(seen), len(seen) + 1)
        assert seen.setdefault(number, payload) == payload
