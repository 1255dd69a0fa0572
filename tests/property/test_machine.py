"""C1 to C7 by one machine: users, devices, gateways and a persistence that dies, on a bad wire.

The code of the services runs in one process on a real store file, in virtual time. Whatever
happened meanwhile: once the wire is whole again, every device's view equals the log.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from services.persistence.migrate import upgrade
from tests.support.device import Device
from tests.support.virtual import VirtualLoop
from tests.support.world import Broker, Faults, Gateway, InlineHeld, Persistence

USERS = ("ann", "ben", "cid")
DEVICES = tuple((f"{user}-{kind}", user) for user in USERS for kind in ("phone", "laptop"))
GATEWAYS = 2
HEALED_WITHIN = 60.0  # virtual seconds: heads are compared every ten, a lane gives up after four

some_device = st.integers(0, len(DEVICES) - 1)
some_chat = st.lists(st.tuples(some_device, st.sampled_from(USERS)), min_size=1, max_size=8)
some_time = st.sampled_from([0.0, 0.005, 0.1, 1.0, 5.0, 15.0])
some_faults = st.builds(
    Faults,
    lose=st.sampled_from([0.0, 0.05, 0.3]),
    repeat=st.sampled_from([0.0, 0.3]),
    delay=st.sampled_from([0.0, 0.01, 0.5, 3.0]),
)


def empty_store(folder: Path) -> Path:
    """Migrated once; each example gets a copy of the file."""
    path = folder / "empty.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


class Machine(RuleBasedStateMachine):
    folder = Path(tempfile.mkdtemp(prefix="linkup-machine-"))
    empty = empty_store(folder)

    def __init__(self) -> None:
        super().__init__()
        self.patches = [
            mock.patch("services.persistence.store.Held", InlineHeld),
            mock.patch("services.persistence.readers.Held", InlineHeld),
        ]
        for patch in self.patches:
            patch.start()
        self.loop = VirtualLoop()
        self.path = Path(tempfile.mkdtemp(dir=self.folder)) / "linkup.db"
        shutil.copy(self.empty, self.path)

    @initialize(seed=st.integers(0, 2**32), said=some_chat, faults=some_faults)
    def start(self, seed: int, said: list[tuple[int, str]], faults: Faults) -> None:
        self.broker = Broker(seed)
        self.loop.let(self._start())
        self.chat(said, faults, 1.0)

    async def _start(self) -> None:
        self.persistence = Persistence(self.broker, self.path)
        await self.persistence.start()
        self.gateways = [Gateway(self.broker) for _ in range(GATEWAYS)]
        epoch = self.persistence.store.epoch
        self.devices = [Device(name, user_id, epoch) for name, user_id in DEVICES]
        for index, device in enumerate(self.devices):
            device.connect(self.gateways[index % GATEWAYS])
        await self._wait(1.0)

    # ------------------------------------------------------------ what people do

    @rule(said=some_chat, faults=some_faults, seconds=some_time)
    def chat(self, said: list[tuple[int, str]], faults: Faults, seconds: float) -> None:
        self.broker.faults = faults
        self.loop.let(self._chat(said, seconds))

    async def _chat(self, said: list[tuple[int, str]], seconds: float) -> None:
        for who, to in said:
            self.devices[who].write(to)
        await asyncio.sleep(seconds)

    @rule(who=some_device, index=st.integers(0, 50))
    def read(self, who: int, index: int) -> None:
        self._do(lambda: self.devices[who].read(index))

    @rule(who=some_device, index=st.integers(0, 50))
    def repeat(self, who: int, index: int) -> None:
        self._do(lambda: self.devices[who].repeat(index))

    @rule(who=some_device)
    def resend(self, who: int) -> None:
        self._do(self.devices[who].resend)

    @rule(who=some_device)
    def sync(self, who: int) -> None:
        self._do(self.devices[who].sync)

    @rule(who=some_device)
    def disconnect(self, who: int) -> None:
        self._do(self.devices[who].disconnect)

    @rule(who=some_device, gateway=st.integers(0, GATEWAYS - 1))
    def connect(self, who: int, gateway: int) -> None:
        if not self.devices[who].connected:
            self._do(lambda: self.devices[who].connect(self.gateways[gateway]))

    # ------------------------------------------------------------ what goes wrong

    @precondition(lambda self: self.persistence.alive)
    @rule(publishes=st.integers(0, 6))
    def kill_persistence_between_commit_and_answer(self, publishes: int) -> None:
        self.persistence.bus.crash_in = publishes

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

    async def _replace(self, index: int) -> None:
        self.gateways[index].kill()
        await self.gateways[index].gone()
        self.gateways[index] = Gateway(self.broker)

    @rule(seconds=some_time)
    def wait(self, seconds: float) -> None:
        self.loop.let(self._wait(seconds))

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _do(self, work: object) -> None:
        async def inside() -> None:
            work()  # type: ignore[operator]

        self.loop.let(inside())

    # ------------------------------------------------------------ and in the end

    def teardown(self) -> None:
        try:
            if hasattr(self, "devices"):
                self.loop.let(self._heal())
                self._judge()
                self.loop.let(self._stop())
        finally:
            self.loop.close()
            for patch in self.patches:
                patch.stop()
            shutil.rmtree(self.path.parent)

    async def _heal(self) -> None:
        self.broker.faults = Faults()
        self.persistence.bus.crash_in = 10**9
        if not self.persistence.alive:
            await self._start_persistence()
        for index, device in enumerate(self.devices):
            if not device.connected:
                device.connect(self.gateways[index % GATEWAYS])
        for _ in range(6):
            await self._wait(HEALED_WITHIN / 6)
            for device in self.devices:
                if not device.connected:
                    device.connect(self.gateways[0])
                device.resend()
        await self._wait(5.0)

    async def _stop(self) -> None:
        for gateway in self.gateways:
            gateway.kill()
            await gateway.gone()
        self.persistence.kill()
        await self.persistence.gone()
        await self._wait(10.0)  # what is still on the wire finds nobody

    def _judge(self) -> None:
        with sqlite3.connect(self.path) as store:
            rows = store.execute(
                "SELECT conversation_id, seq, sender_id, client_id, content, message_id "
                "FROM messages ORDER BY conversation_id, seq"
            ).fetchall()
            members = store.execute(
                "SELECT conversation_id, user_id, delivered_seq, read_seq FROM members"
            ).fetchall()
        store.close()
        assert [fault for device in self.devices for fault in device.faults] == []
        log: dict[str, dict[int, str]] = defaultdict(dict)
        for conversation_id, seq, _, _, content, _ in rows:
            log[conversation_id][seq] = content
        for conversation_id, messages in log.items():  # C4
            assert list(messages) == list(range(1, len(messages) + 1)), conversation_id
        self._judge_acks({(row[2], row[3]): row for row in rows})
        for device in self.devices:
            self._judge_view(device, log, members)

    def _judge_acks(self, stored: dict[tuple[str, str], tuple[object, ...]]) -> None:
        """C1 and C3, and C4 for what each device sent."""
        for device in self.devices:
            assert not device.outbox, f"{device.name} never got an answer"
            last: dict[str, int] = {}
            for conversation_id, client_id in device.sent:
                row = stored[device.user_id, client_id]
                for ack in device.acks[client_id]:
                    assert (ack["conversation_id"], ack["seq"]) == (row[0], row[1])
                    assert ack["message_id"] == row[5]
                seq = device.acks[client_id][0]["seq"]
                assert seq > last.get(conversation_id, 0), f"C4 {client_id} overtook"
                last[conversation_id] = seq

    def _judge_view(
        self,
        device: Device,
        log: dict[str, dict[int, str]],
        members: list[tuple[str, str, int, int]],
    ) -> None:
        """C5 and C6: all of it, nothing else."""
        mine = {row[0] for row in members if row[1] == device.user_id}
        expected = {
            (conversation_id, seq): content
            for conversation_id in mine
            for seq, content in log[conversation_id].items()
        }
        assert device.view == expected, f"{device.name} sees something else than the log"
        marks = {(row[0], row[1]): (row[2], row[3]) for row in members}
        for key, (delivered, read) in device.marks.items():
            assert delivered <= marks[key][0]
            assert read <= marks[key][1]


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=200,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
