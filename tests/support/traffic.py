"""Owns pairs that chat through crashes, as a client that follows the protocol would.

A sender keeps some messages in flight; after a loss or a temporary error it sends what has no
ack again, in order, with the same `client_id`s. A receiver resumes with the cursor it has.
"""

import asyncio
import itertools
import json
import random
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from shared.subjects import direct_conversation_id
from tests.support.history import FEED, Frame, History
from tests.support.peer import http
from tests.support.stack import Stack
from tests.support.waiting import eventually

ACK_TIMEOUT = 5.0
LOST = (WebSocketException, OSError, TimeoutError)


class Sender:
    """`goal` messages from one user to another, `window` at a time."""

    def __init__(self, stack: Stack, history: History, user_id: str, to: str, window: int) -> None:
        self.stack, self.history, self.user_id, self.to = stack, history, user_id, to
        self.window = window
        self.acked = 0
        self._number = 0
        self._pending: OrderedDict[str, str] = OrderedDict()
        self.stopping = False

    async def run(self) -> None:
        while not (self.stopping and not self._pending):
            try:
                async with socket_of(self.stack, self.user_id) as socket:
                    await self._chat(socket)
            except LOST:
                await asyncio.sleep(random.uniform(0.01, 0.2))

    async def _chat(self, socket: ClientConnection) -> None:
        await self._send(socket, list(self._pending))
        while not (self.stopping and not self._pending):
            fresh = [] if self.stopping else self._fresh()
            await self._send(socket, fresh)
            async with asyncio.timeout(ACK_TIMEOUT):
                frame = json.loads(await socket.recv())
            await self._take(socket, frame)

    async def _take(self, socket: ClientConnection, frame: Frame) -> None:
        match frame["type"]:
            case "ack":
                self.history.acks[self.user_id, frame["client_id"]].append(frame)
                self.acked += self._pending.pop(frame["client_id"], None) is not None
            case "error" if frame["temporary"]:
                await self._again(socket)
            case "error":
                raise AssertionError(f"a permanent error: {frame}")

    async def _again(self, socket: ClientConnection) -> None:
        """Let everything in flight be answered, then send the rest again in order."""
        await socket.send(json.dumps({"type": "ping", "timestamp": "again"}))
        while (frame := json.loads(await socket.recv()))["type"] != "pong":
            if frame["type"] == "ack":
                await self._take(socket, frame)
        await asyncio.sleep(0.1)
        # What was still on its way to the store is answered by now or will be, as a duplicate.
        await self._send(socket, list(self._pending))

    def _fresh(self) -> list[str]:
        fresh = []
        while len(self._pending) < self.window:
            self._number += 1
            client_id = f"{self.user_id}-{self._number}"
            self._pending[client_id] = f"{client_id}: {random.random()}"
            self.history.invoked[self.user_id, client_id] = self._pending[client_id]
            fresh.append(client_id)
        return fresh

    async def _send(self, socket: ClientConnection, client_ids: list[str]) -> None:
        for client_id in client_ids:
            content = self._pending[client_id]
            frame = {"type": "message", "to": self.to, "client_id": client_id, "content": content}
            await socket.send(json.dumps(frame))


class Receiver:
    """Takes in a feed from its beginning, resuming wherever it stands."""

    def __init__(self, stack: Stack, history: History, user_id: str, epoch: str) -> None:
        self.stack, self.history, self.user_id = stack, history, user_id
        self.epoch, self.cursor = epoch, 0

    async def run(self) -> None:
        while True:
            try:
                hello = {"epoch": self.epoch, "cursor": self.cursor}
                async with socket_of(self.stack, self.user_id, **hello) as socket:
                    async for text in socket:
                        await self._take(socket, json.loads(text))
            except LOST:
                pass
            await asyncio.sleep(random.uniform(0.01, 0.2))

    async def _take(self, socket: ClientConnection, frame: Frame) -> None:
        if frame["type"] == "resync_required":
            raise AssertionError(f"{self.user_id} cannot resume: {frame}")
        self.history.received[self.user_id].append(frame)
        if frame["type"] in FEED:
            self.cursor = frame["cursor"]
        if frame["type"] == "message" and frame["seq"] % 10 == 0:
            mark = {"conversation_id": frame["conversation_id"], "seq": frame["seq"]}
            await socket.send(json.dumps({"type": "delivered", **mark}))


@asynccontextmanager
async def socket_of(stack: Stack, user_id: str, **hello: object) -> AsyncIterator[ClientConnection]:
    async with connect(stack.ws_url, max_queue=None, open_timeout=30, close_timeout=1) as socket:
        token = stack.token(user_id)
        await socket.send(json.dumps({"type": "hello", "token": token, **hello}))
        yield socket


class Traffic:
    """Pairs (`a0` → `b0`, `a1` → `b1` …) chatting; `history` grows with everything seen."""

    def __init__(self, stack: Stack, epoch: str, pairs: int, window: int) -> None:
        self.stack = stack
        self.history = History()
        self.senders = [Sender(stack, self.history, f"a{i}", f"b{i}", window) for i in range(pairs)]
        self.receivers = [Receiver(stack, self.history, f"b{i}", epoch) for i in range(pairs)]

    @property
    def acked(self) -> int:
        return sum(sender.acked for sender in self.senders)

    async def more(self, count: int, seconds: float = 30) -> None:
        """Wait until that many further messages were acknowledged."""
        goal = self.acked + count
        await eventually(lambda: self.acked >= goal, seconds)

    async def each_more(self, count: int, seconds: float = 30) -> None:
        """Wait until every pair got that many further acks."""
        goals = [sender.acked + count for sender in self.senders]
        await eventually(
            lambda: all(s.acked >= goal for s, goal in zip(self.senders, goals, strict=True)),
            seconds,
        )

    async def read_store(self) -> None:
        for sender in self.senders:
            conversation_id = direct_conversation_id(sender.user_id, sender.to)
            async with http(self.stack, sender.user_id) as api:
                self.history.stored[conversation_id] = await api.history(conversation_id)

    def all_received(self) -> bool:
        return not any(
            {row["seq"] for row in self._rows_for(receiver)}
            - {f["seq"] for f in self.history.received[receiver.user_id] if f["type"] == "message"}
            for receiver in self.receivers
        )

    def _rows_for(self, receiver: Receiver) -> list[Frame]:
        sender_id = "a" + receiver.user_id[1:]
        return self.history.stored[direct_conversation_id(sender_id, receiver.user_id)]


@asynccontextmanager
async def traffic(stack: Stack, pairs: int = 50, window: int = 4) -> AsyncIterator[Traffic]:
    """Chatting while the block runs; at its end everything in flight is acknowledged, the store
    is read and every receiver has caught up."""
    epoch = await make_known(stack, [f"b{i}" for i in range(pairs)])
    running = Traffic(stack, epoch, pairs, window)
    async with asyncio.TaskGroup() as tasks:
        sending = [tasks.create_task(sender.run()) for sender in running.senders]
        receiving = [tasks.create_task(receiver.run()) for receiver in running.receivers]
        yield running
        for sender in running.senders:
            sender.stopping = True
        await asyncio.wait(sending)
        await running.read_store()
        await eventually(running.all_received, 30)
        for task in receiving:
            task.cancel()


_numbers = itertools.count(1)


async def newcomers(stack: Stack, *names: str) -> list[str]:
    """Users nobody has heard of, whose ids begin with these names: they can be written to."""
    user_ids = [f"{name}-{next(_numbers)}" for name in names]
    await make_known(stack, user_ids)
    return user_ids


async def make_known(stack: Stack, user_ids: list[str]) -> str:
    """Connect each once, so that they can be written to; the store's epoch."""
    epoch = ""
    for user_id in user_ids:
        async with socket_of(stack, user_id) as socket:
            epoch = json.loads(await socket.recv())["epoch"]
    return epoch
