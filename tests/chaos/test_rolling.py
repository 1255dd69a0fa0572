"""A gateway is restarted under its clients' messages, and they notice a short wait at most."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from linkup_client import Client, LinkupError, connect

from tests.support.stack import Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR, eventually

AFTERWARDS = 10.0  # seconds of sends that are looked at


class Send(NamedTuple):
    at: float
    seconds: float  # until its ack


class Chat:
    """The official clients, each of which writes to another one at a steady rate."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.sends: list[Send] = []
        self.faults: list[str] = []

    async def run(self, client: Client, to: str) -> None:
        due = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(client))
            while True:
                tasks.create_task(self._send(client, to))
                due += 1 / self._rate
                await asyncio.sleep(due - time.monotonic())

    async def _listen(self, client: Client) -> None:
        async for _ in client:
            pass

    async def _send(self, client: Client, to: str) -> None:
        began = time.monotonic()
        try:
            await client.send("hello", to=to)
        except LinkupError as error:
            self.faults.append(str(error))
        self.sends.append(Send(began, time.monotonic() - began))

    def p99(self, began: float, ended: float) -> float:
        found = sorted(send.seconds for send in self.sends if began <= send.at < ended)
        return found[int(0.99 * len(found))]


@contextlib.asynccontextmanager
async def chat(stack: Stack, clients: int, rate: float) -> AsyncIterator[Chat]:
    """`rate`: messages a second of each client."""
    told = Chat(rate)
    names = [f"rolling{number}" for number in range(clients)]
    async with contextlib.AsyncExitStack() as opened:
        made = [connect(stack.ws_url, stack.token(name)) for name in names]
        for client in made:
            await opened.enter_async_context(client)
        tasks = [
            asyncio.create_task(told.run(client, names[number ^ 1]))
            for number, client in enumerate(made)
        ]
        yield told
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def restart(stack: Stack) -> float:
    """The only gateway, as an operator or a container's host ends it; when that was."""
    pid, began = stack.pids()["gateway"], time.monotonic()
    os.kill(pid, signal.SIGTERM)
    await stack.until(lambda: any(died["pid"] == pid for died in stack.told("died", "gateway")))
    await stack.ready()
    assert stack.told("died", "gateway")[-1]["status"] == 0
    return began


@pytest.mark.timeout(120)
@pytest.mark.slow
async def test_f_s17_f_h6_a_restart_of_the_only_gateway_fails_nobody(tmp_path: Path) -> None:
    async with (
        run_stack(tmp_path, message_rate=0) as stack,
        chat(stack, clients=4, rate=20.0) as told,
    ):
        for _ in range(2):
            before = len(told.sends)
            await eventually(lambda sent=before: len(told.sends) > sent + 40)  # type: ignore[misc]
            await restart(stack)
        await eventually(lambda: told.sends[-1].seconds < 1.0, 20)
        assert told.faults == []


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_f_s17_f_h6_ten_restarts_of_the_only_gateway_at_300_messages_a_second(
    tmp_path: Path,
) -> None:
    async with (
        run_stack(tmp_path, message_rate=0) as stack,
        chat(stack, clients=16, rate=300 / 16) as told,
    ):
        worst = 0.0
        for _ in range(10):
            began = await restart(stack)
            await eventually(lambda at=began: time.monotonic() > at + AFTERWARDS)  # type: ignore[misc]
            await eventually(lambda: told.sends[-1].seconds < 1.0, 20)
            worst = max(worst, told.p99(began, began + AFTERWARDS))
            sys.stdout.write(f"ack p99 {told.p99(began, began + AFTERWARDS):.2f} s\n")
        assert told.faults == []
        assert worst <= 1.5 * TIMEOUT_FACTOR
