"""Owns pairs that chat beside what a test does to a server, and how long each ack took."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from linkup_client.wire import Socket, open_socket

from tests.support.stack import Stack
from tests.support.waiting import eventually, within

RATE = 20.0  # messages a second of each


class Chatter:
    """Writes to somebody at a steady rate, whatever the server does."""

    def __init__(self, user_id: str, to: str) -> None:
        self.user_id = user_id
        self._to = to
        self._socket: Socket | None = None
        self._ready = asyncio.Event()
        self._sent: dict[str, float] = {}
        self.acks: list[tuple[float, float]] = []  # when it was sent, seconds until its ack
        self.faults: list[str] = []

    async def start(self, stack: Stack) -> None:
        self._socket = await open_socket(stack.ws_url, self._on_text, self._on_close)
        self._send({"type": "hello", "token": stack.token(self.user_id)})
        async with within(10):
            await self._ready.wait()

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            client_id = f"{self.user_id}-{len(self._sent) + len(self.acks)}"
            self._sent[client_id] = time.monotonic()
            self._send(
                {"type": "message", "to": self._to, "client_id": client_id, "content": "hello"}
            )
            due += 1 / RATE
            await asyncio.sleep(due - time.monotonic())

    async def stop(self) -> None:
        """Stop when everything is answered."""
        await eventually(lambda: not self._sent or bool(self.faults))
        if self._socket is not None:
            await self._socket.close()

    def _send(self, frame: dict[str, str]) -> None:
        assert self._socket is not None
        self._socket.send(json.dumps(frame).encode())

    def _on_text(self, text: bytes) -> None:
        frame = json.loads(text)
        if frame["type"] == "ack":
            sent = self._sent.pop(frame["client_id"])
            self.acks.append((sent, time.monotonic() - sent))
        elif frame["type"] == "sync_completed":
            self._ready.set()
        elif frame["type"] == "error":
            self.faults.append(frame["code"])

    def _on_close(self, code: int, reason: str) -> None:
        if self._sent:
            self.faults.append(f"closed with {code}")


class Beside:
    def __init__(self, chatters: Sequence[Chatter]) -> None:
        self.chatters = chatters

    def p99(self, began: float, ended: float) -> float:
        """Seconds to the ack, of what was sent between these times of the monotonic clock; and
        shortly after, so that a quick echo is not over before anything was sent."""
        acks = [ack for one in self.chatters for ack in one.acks]
        first = min((sent for sent, _ in acks if sent >= began), default=began)
        ended = max(ended, first + 2 / RATE)
        found = sorted(seconds for sent, seconds in acks if began <= sent < ended)
        return found[int(0.99 * len(found))]

    @property
    def faults(self) -> list[str]:
        return [fault for chatter in self.chatters for fault in chatter.faults]


@asynccontextmanager
async def chatting(stack: Stack, pairs: int) -> AsyncIterator[Beside]:
    """While the block runs. At its end all is answered."""
    ends = [(f"near{i}", f"far{i}") for i in range(pairs)]
    chatters = [Chatter(*pair) for end in ends for pair in (end, end[::-1])]
    for chatter in chatters:
        await chatter.start(stack)
    tasks = [asyncio.create_task(chatter.run()) for chatter in chatters]
    try:
        yield Beside(chatters)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for chatter in chatters:
            await chatter.stop()
