"""C1 to C10 by one machine: users, devices, gateways, a broker and a store that die, a bad wire.

The code of the services runs in one process on a real store file, in virtual time. Whatever
happened meanwhile: once the wire is whole again, every device's view equals the log.
"""

import asyncio
import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.gateway.upstream.gate import MAX_REFUSALS
from shared.frames import Hello
from tests.support.broker import Broker, Faults
from tests.support.crowd import ACTIONS, Crowd
from tests.support.device import Frame, Wire
from tests.support.ephemeral import apart_beliefs, beliefs, stored, type_everywhere
from tests.support.fuse import FIRED, Point
from tests.support.mined import InlineHeld
from tests.support.poller import Lost
from tests.support.stores import empty_store
from tests.support.verdict import read_truth, violations
from tests.support.virtual import VirtualLoop
from tests.support.world import Gateway, Persistence, Socket

GATEWAYS = 2
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a sync costs nothing there
NOON = 1_790_000_000 * 10**9
OFFLINE_WITHIN = 31.0  # virtual seconds
HEALED_WITHIN = 60.0  # virtual seconds: heads are compared every ten, a lane gives up after four

OF_PERSISTENCE: tuple[Point, ...] = ("before commit", "after commit", "between publishes")
OF_ISOLATION: tuple[Point, ...] = ("in an isolated batch", "before the fence")
OF_GATEWAYS: tuple[Point, ...] = ("after submitting", "in a replay")
POISONED = [("connect", 0, 0), ("write", 0, 1), ("write_poison", 0, 1), ("write", 0, 1)]

MOST_TRIES = 20  # until a gateway dies where only what people do leads

some_actions = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5), st.integers(0, 50)), max_size=10
)
some_chat = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=8)
some_time = st.sampled_from([0.0, 0.005, 0.1, 1.0, 5.0, 15.0])
some_faults = st.builds(
    Faults,
    lose=st.sampled_from([0.0, 0.05, 0.3]),
    repeat=st.sampled_from([0.0, 0.3]),
    delay=st.sampled_from([0.0, 0.01, 0.5, 3.0]),
)


class Machine(RuleBasedStateMachine):
    folder = Path(tempfile.mkdtemp(prefix="linkup-machine-", dir=MEMORY))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.patches: list[Any] = [
            mock.patch("services.persistence.store.store.Held", InlineHeld),
            mock.patch("services.persistence.queries.readers.Held", InlineHeld),
            mock.patch("services.gateway.presence.presence.CHECK_AGAIN", 20.0),
            mock.patch("time.time_ns", self._time_ns),
        ]
        for patch in self.patches:
            patch.start()
        self.path = Path(tempfile.mkdtemp(dir=self.folder)) / "linkup.db"
        shutil.copy(empty_store(), self.path)

    def _time_ns(self) -> int:
        return NOON + int(self.loop.time() * 1e9)

    @initialize(seed=st.integers(0, 2**32), said=some_chat, faults=some_faults)
    def start(self, seed: int, said: list[tuple[int, int]], faults: Faults) -> None:
        self.broker = Broker(seed)
        self.loop.let(self._start())
        self.chat(said, faults, 1.0)

    async def _start(self) -> None:
        self.persistence = Persistence(self.broker, self.path)
        await self.persistence.start()
        self.gateways = [Gateway(self.broker) for _ in range(GATEWAYS)]
        dials = [self._dial(index) for index in range(GATEWAYS)]
        self.crowd = Crowd(self.persistence.store.epoch, dials, self._call)
        self.crowd.connect_all()
        await asyncio.sleep(1.0)

    def _dial(self, index: int) -> Callable[[str, Frame, Callable[[bytes | str], None]], Wire]:
        def dial(user_id: str, hello: Frame, on_text: Callable[[bytes | str], None]) -> Wire:
            return Socket(self.gateways[index], user_id, Hello(**hello), on_text)

        return dial

    async def _call(
        self, user_id: str, method: str, path: str, body: Frame | None
    ) -> tuple[int, Frame]:
        gateway = self.gateways[len(path) % GATEWAYS]
        answer = await gateway.call(user_id, method, path, body)
        if answer is None:
            raise Lost
        return answer

    # ------------------------------------------------------------ what people do

    @rule(said=some_chat, faults=some_faults, seconds=some_time)
    def chat(self, said: list[tuple[int, int]], faults: Faults, seconds: float) -> None:
        self.broker.faults = faults
        self.loop.let(self._act([("write", who, to) for who, to in said], seconds))

    @rule(actions=some_actions, seconds=some_time)
    def act(self, actions: list[tuple[str, int, int]], seconds: float) -> None:
        self.loop.let(self._act(actions, seconds))

    @rule(count=st.integers(10, 40), faults=some_faults, seconds=some_time)
    def bustle(self, count: int, faults: Faults, seconds: float) -> None:
        self.broker.faults = faults
        self.loop.let(self._bustle(count, seconds))

    async def _bustle(self, count: int, seconds: float) -> None:
        self.crowd.connect_all()
        self.crowd.bustle(self.broker.random, count)
        await asyncio.sleep(seconds)

    async def _act(self, actions: list[tuple[str, int, int]], seconds: float) -> None:
        for action, who, index in actions:
            self.crowd.act(action, who, index)
        await asyncio.sleep(seconds)

    # ------------------------------------------------------------ what goes wrong

    @precondition(lambda self: self.persistence.alive)
    @rule(point=st.sampled_from(OF_PERSISTENCE), left=st.integers(0, 4), said=some_chat)
    def let_persistence_die(self, point: Point, left: int, said: list[tuple[int, int]]) -> None:
        """Each message that is said here is a transaction, if the wire lets it through."""
        self._mine(point, left if point == "between publishes" else left // 3)
        self.loop.let(self._act([("write", who, to) for who, to in said], 0.1))

    @precondition(lambda self: self.persistence.alive)
    @rule(point=st.sampled_from(OF_ISOLATION), left=st.integers(0, 1))
    def let_persistence_die_isolating(self, point: Point, left: int) -> None:
        """A batch with poison in it, from people whom the lane serves at once."""
        self._mine(point, left)
        self.persistence.fuse.poison = True
        self.loop.let(self._act([*POISONED, *POISONED], 1.0))

    def _mine(self, point: Point, left: int) -> None:
        """Arm the fuse after some traffic without faults, so that users can reach the point."""
        self.broker.faults = Faults()
        self.persistence.fuse.disarm()
        self.loop.let(self._bustle(0, 0.5))
        self.persistence.fuse.arm(point, left)

    @precondition(lambda self: self.persistence.alive)
    @rule(commits=st.integers(1, 4))
    def fill_the_disk(self, commits: int) -> None:
        self.persistence.fuse.full_disks = commits

    @precondition(lambda self: self.persistence.alive)
    @rule(poison=st.booleans())
    def break_on_poison(self, poison: bool) -> None:
        self.persistence.fuse.poison = poison

    @rule(
        index=st.integers(0, GATEWAYS - 1),
        point=st.sampled_from(OF_GATEWAYS),
        left=st.integers(0, 2),
        count=st.integers(5, 20),
    )
    def let_a_gateway_die(self, index: int, point: Point, left: int, count: int) -> None:
        self.gateways[index].fuse.arm(point, left)
        self.loop.let(self._bustle(count, 0.1))

    @precondition(lambda self: any(not gateway.bus.alive for gateway in self.gateways))
    @rule()
    def start_gateways(self) -> None:
        self.loop.let(self._start_gateways())

    async def _start_gateways(self) -> None:
        for index, gateway in enumerate(self.gateways):
            if not gateway.bus.alive:
                await self._replace(index)

    @precondition(lambda self: self.persistence.alive)
    @rule()
    def kill_persistence(self) -> None:
        self._do(self.persistence.kill)

    @precondition(lambda self: not self.persistence.alive)
    @rule()
    def start_persistence(self) -> None:
        self.loop.let(self._start_persistence())

    async def _start_persistence(self) -> None:
        await self.persistence.gone()
        self.persistence = Persistence(self.broker, self.path)
        await self.persistence.start()

    @rule(index=st.integers(0, GATEWAYS - 1))
    def kill_a_gateway(self, index: int) -> None:
        self.loop.let(self._replace(index))

    @rule(index=st.integers(0, GATEWAYS - 1))
    def restart_a_gateway(self, index: int) -> None:
        self.loop.let(self._replace(index, in_order=True))

    async def _replace(self, index: int, in_order: bool = False) -> None:
        gateway = self.gateways[index]
        await (gateway.stop() if in_order and gateway.bus.alive else self._kill(gateway))
        await gateway.gone()
        self.gateways[index] = Gateway(self.broker)

    async def _kill(self, gateway: Gateway) -> None:
        gateway.kill()

    @rule(seconds=some_time)
    def restart_the_broker(self, seconds: float) -> None:
        self.loop.let(self._restart_the_broker(seconds))

    async def _restart_the_broker(self, seconds: float) -> None:
        self.broker.stop()
        await asyncio.sleep(seconds)
        await self.broker.start()

    def _do(self, work: Callable[[], None]) -> None:
        async def inside() -> None:
            work()

        self.loop.let(inside())

    # ------------------------------------------------------------ and in the end

    def teardown(self) -> None:
        try:
            if hasattr(self, "crowd"):
                self.loop.let(self._heal())
                self._judge()
                self.loop.let(self._part())
        finally:
            if hasattr(self, "crowd"):
                self.loop.let(self._stop())
            self.loop.close()
            for patch in self.patches:
                patch.stop()
            shutil.rmtree(self.path.parent)

    def _judge(self) -> None:
        self.truth = self.loop.let(read_truth(self.path, self.crowd, self._call))
        found = violations(self.crowd, self.truth)
        assert not found, "\n".join(found[:10])
        assert not self.broker.errors

    async def _part(self) -> None:
        """Check typing and presence, also after the bus was away: then everybody is asked for
        again."""
        found = await self._type()
        self.crowd.watch_everybody()
        comers = self._some()
        self.crowd.hang_up(comers)
        await asyncio.sleep(12.0)
        self.broker.faults = Faults(lose=0.5)
        self.crowd.connect_all()
        await asyncio.sleep(1.0)
        self.broker.faults = Faults()
        await self._restart_the_broker(self.broker.random.choice([0.0, 3.0]))
        self.crowd.connect_all()
        if self.broker.random.random() < 0.5:
            self._keep_to_the_first_gateway(self._some())
            await asyncio.sleep(7.0)
            self.gateways[0].kill()
        self.crowd.hang_up(self._some())
        await asyncio.sleep(OFFLINE_WITHIN)
        await self._start_gateways()
        found += await beliefs(self.crowd, self.path, self._call)
        assert not found, "\n".join(found[:10])
        assert not self.broker.errors

    def _keep_to_the_first_gateway(self, user_ids: list[str]) -> None:
        for device in self.crowd.devices:
            wire = device.socket
            elsewhere = isinstance(wire, Socket) and wire.gateway is not self.gateways[0]
            if device.user_id in user_ids and elsewhere:
                device.disconnect()

    def _some(self) -> list[str]:
        return [user_id for user_id in self.crowd.users if self.broker.random.random() < 0.4]

    async def _type(self) -> list[str]:
        """Also right after somebody has left: all know of it by then."""
        before = stored(self.path)
        found = await type_everywhere(self.crowd, self.truth.membership, self.path)
        if stored(self.path) != before:
            found.append("typing was stored")
        await self.crowd.leave_somewhere(self._some())
        found += await self._keep_apart()
        await asyncio.sleep(2.0)
        await self.crowd.settle()
        await asyncio.sleep(2.0)
        await self._wait_behind_given_up()
        left = await read_truth(self.path, self.crowd, self._call)
        found += violations(self.crowd, left)
        return found + await type_everywhere(self.crowd, left.membership, self.path)

    async def _keep_apart(self) -> list[str]:
        """Check that a block takes effect on both sides before anything is asked again."""
        self.crowd.watch_everybody()
        await asyncio.sleep(1.0)
        await self.crowd.block_somewhere(self._some())
        self.crowd.try_what_blocks_bar()
        await asyncio.sleep(3.0)
        return apart_beliefs(self.crowd, self.path)

    async def _heal(self) -> None:
        self.broker.faults = Faults()
        for fuse in (self.persistence.fuse, *(gateway.fuse for gateway in self.gateways)):
            fuse.disarm()
        await self._start_gateways()
        if not self.persistence.alive:
            await self._start_persistence()
        for _ in range(6):
            await asyncio.sleep(HEALED_WITHIN / 6)
            await self.crowd.settle()
        await asyncio.sleep(5.0)
        await self._wait_behind_given_up()

    async def _wait_behind_given_up(self) -> None:
        """Send again as often as it takes until the gateways, too, give up what a device does not
        send again. Until then they refuse what follows in the same conversation."""
        for _ in range(MAX_REFUSALS * self.crowd.given_up()):
            if not self.crowd.unsent():
                break
            await self.crowd.settle()
            await asyncio.sleep(2.0)

    async def _stop(self) -> None:
        for gateway in self.gateways:
            gateway.kill()
            await gateway.gone()
        self.persistence.kill()
        await self.persistence.gone()
        await asyncio.sleep(10.0)  # what is still on the wire finds nobody


@pytest.fixture
def in_silence() -> Iterator[None]:
    """Thousands of warnings about a bus that is away take longer than what they are about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("in_silence")
@pytest.mark.parametrize(
    "lives",
    [40, pytest.param(400, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_c1_to_c10_everybodys_view_equals_the_log_whatever_died(lives: int) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=14,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),  # a life that fails is long, also when shrunk
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.mark.usefixtures("in_silence")
def test_what_follows_a_repeat_that_failed_is_stored_in_the_end() -> None:
    """Those who blocked each other write to each other in the end, behind that repeat. The sockets
    are new: their gateways do not know that what is repeated is stored."""
    machine = Machine()
    try:
        machine.start(0, [(0, 1), (2, 0)], Faults())
        machine.act([("block", 0, 1)], 1.0)
        machine.act([("unblock", 0, 1)], 1.0)
        machine.act([("disconnect", who, 0) for who in (0, 2)], 1.0)
        machine.act([("connect", who, 0) for who in (0, 2)], 1.0)
        machine.kill_persistence()
        machine.act([("repeat", 0, 0), ("repeat", 2, 0)], 5.0)
        assert machine.crowd.given_up() == 1
    finally:
        machine.teardown()


@pytest.mark.usefixtures("in_silence")
@pytest.mark.parametrize("point", [*OF_PERSISTENCE, *OF_ISOLATION, *OF_GATEWAYS, "full disk"])
def test_each_point_where_a_process_can_die_is_reached(point: Point | Literal["full disk"]) -> None:
    """Try each point that the machine chooses by chance, with the same checks at the end."""
    FIRED.clear()
    for seed in range(MOST_TRIES):
        machine = Machine()
        try:
            machine.start(seed, [(0, 1), (1, 2)], Faults())
            die_at(machine, point)
        finally:
            machine.teardown()
        if FIRED[point]:
            return
    raise AssertionError("nothing died there")


def die_at(machine: Machine, point: Point | Literal["full disk"]) -> None:
    said = [(0, 1), (1, 2), (2, 0)]
    if point == "full disk":
        machine.fill_the_disk(1)
        machine.chat(said, Faults(), 0.1)
    elif point in OF_PERSISTENCE:
        machine.let_persistence_die(point, 0, said)
    elif point in OF_ISOLATION:
        machine.let_persistence_die_isolating(point, 0)
    elif point == "in a replay":
        machine.act([("disconnect", 0, 0), ("disconnect", 1, 0)], 0.5)
        machine.chat([(2, 0)] * 6, Faults(), 1.0)
        for gateway in machine.gateways:
            gateway.fuse.arm(point)
        machine.act([("connect", 0, 0), ("connect", 1, 1)], 1.0)
    else:
        machine.let_a_gateway_die(0, point, 0, 20)
