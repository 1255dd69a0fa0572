"""The real persistence for tests of notify, and a lane that sends it commands."""

import asyncio
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from shared import bus, subjects
from shared.commands import (
    AdvanceReceipt,
    Batch,
    BatchReply,
    Command,
    PutUser,
    Results,
    Stored,
    StoreMessage,
    decode,
    encode,
)
from shared.errors import LinkupError
from shared.settings import to_environment
from tests.support.processes import tied
from tests.support.stores import empty_store
from tests.support.waiting import within

REPLY: Any = BatchReply
DIRECT = subjects.direct_conversation_id("ann", "bob")


class Lane:
    """Sends batches as a gateway's lane does."""

    def __init__(self, wire: bus.Bus, child: asyncio.subprocess.Process) -> None:
        self.wire = wire
        self.child = child
        self._name = secrets.token_hex(4)
        self._number = 0

    async def do(self, *commands: Command) -> list[Any]:
        self._number += 1
        batch = encode(Batch(lane=self._name, number=self._number, commands=list(commands)))
        async with within(40):  # it may be starting
            while True:
                with suppress(LinkupError):
                    reply = await self.wire.request(subjects.STORE, batch, 2)
                    results: Any = decode(reply, REPLY)
                    assert isinstance(results, Results), results
                    return list(results.results)
                await asyncio.sleep(0.05)

    async def send(self, client_id: str, content: str, sender: str = "ann", to: str = "") -> Stored:
        other = to or ("bob" if sender == "ann" else "ann")
        message = StoreMessage(
            user_id=sender,
            connection_id="c",
            client_id=client_id,
            conversation_id=subjects.direct_conversation_id(sender, other),
            content=content,
            to=other,
        )
        (stored,) = await self.do(message)
        assert isinstance(stored, Stored), stored
        return stored

    async def read(self, user_id: str, seq: int) -> None:
        receipt = AdvanceReceipt(
            user_id=user_id, connection_id="c", conversation_id=DIRECT, read_seq=seq
        )
        await self.do(receipt)


@asynccontextmanager
async def persistence(nats_url: str, folder: Path, **values: Any) -> AsyncIterator[Lane]:
    """Ann and Bob are known to it. Its store is there, and empty, before the first start."""
    if not (store := folder / "linkup.db").exists():
        await asyncio.to_thread(lambda: shutil.copy(empty_store(), store))
    settings = {"nats_url": nats_url, "data_dir": folder, "persistence_port": 0, **values}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.persistence"),
        env=to_environment(settings),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=tied(),
    )
    try:
        async with bus.connect(nats_url, "gateway") as wire:
            lane = Lane(wire, child)
            await lane.do(
                PutUser(user_id="ann", name="Ann"),
                PutUser(user_id="bob", name="Bob", email="bob@example.test"),
            )
            yield lane
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()
