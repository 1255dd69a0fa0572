"""Owns the fast path of the bus: nats-py's client, with cheaper sending and receiving.

nats-py keeps the connection: it connects, greets, pings, reconnects and subscribes again. What it
does for each message is done here without its queues and tasks: what is said in one turn of the
loop leaves in one write, what comes in one read is handed on in the same turn, and a request is a
future and a timer. See docs/adr/0021.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Import as if that package were not installed, unless it is loaded already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        yield
    finally:
        del sys.modules[name]


# nats-py takes it for a transport that we do not use, and it is a quarter of a start.
with _without("aiohttp"):
    from nats import errors as errors
    from nats.aio.client import Client
    from nats.protocol.parser import PING, Parser

Hear = Callable[[str, bytes, str], None]  # subject, payload, where to answer

END = b"\r\n"
NOBODY_LISTENS = b"NATS/1.0 503"


class Interest:
    """The interest in one subject; the attributes are those by which nats-py subscribes again."""

    __slots__ = ("_queue", "_subject", "hear")
    _max_msgs = 0
    _wait_for_msgs_task = _message_iterator = _pending_next_msgs_calls = None

    def __init__(self, subject: str, queue: str, hear: Hear) -> None:
        self._subject, self._queue, self.hear = subject, queue, hear


class NatsClient(Client):
    def __init__(self) -> None:
        super().__init__()
        self._ps = Reader(self)
        self.on_read: Callable[[], None] = lambda: None  # the broker has said something
        self._leaving = False  # a write is due in this turn of the loop
        self._inbox = ""
        self._answers: dict[str, asyncio.Future[bytes]] = {}  # by the inbox of the question
        self._numbers = itertools.count()

    def send(self, subject: str, payload: bytes, reply_to: str = "") -> None:
        """Raises errors.Error when it cannot leave."""
        if not self.is_connected:
            raise errors.OutboundBufferLimitError
        if len(payload) > self._max_payload:
            raise errors.MaxPayloadError
        head = f"PUB {subject} {reply_to} {len(payload)}\r\n"
        self._leave(b"%b%b\r\n" % (head.encode(), payload))

    async def ask(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """Raises NoRespondersError, TimeoutError, and as `send`."""
        loop = asyncio.get_running_loop()
        if not self._inbox:
            self._inbox = f"{self.new_inbox()}."
            self.listen(f"{self._inbox}*", self._answered)
        inbox = f"{self._inbox}{next(self._numbers)}"
        answer: asyncio.Future[bytes] = loop.create_future()
        self._answers[inbox] = answer
        timer = loop.call_later(timeout, _fail, answer, errors.TimeoutError)
        try:
            self.send(subject, payload, inbox)
            return await answer
        finally:
            timer.cancel()
            del self._answers[inbox]

    def listen(self, subject: str, hear: Hear, queue: str = "") -> int:
        """Subscribe, and return the number to `forget` it by. Raises ConnectionClosedError."""
        if self.is_closed:
            raise errors.ConnectionClosedError
        self._sid += 1
        self._subs[self._sid] = Interest(subject, queue, hear)  # type: ignore[assignment]
        self._leave(f"SUB {subject} {queue} {self._sid}\r\n".encode())
        return self._sid

    def forget(self, number: int) -> None:
        if self._subs.pop(number, None) is not None:
            self._leave(b"UNSUB %d\r\n" % number)

    def heard(self, subject: bytes, number: bytes, reply_to: bytes, payload: bytes) -> None:
        interest: Any = self._subs.get(int(number))
        if interest is not None:
            interest.hear(subject.decode(), payload, reply_to.decode())

    def nobody_listens(self, inbox: bytes) -> None:
        answer = self._answers.get(inbox.decode())
        if answer is not None:
            _fail(answer, errors.NoRespondersError)

    def _answered(self, inbox: str, payload: bytes, _: str) -> None:
        answer = self._answers.get(inbox)
        if answer is not None and not answer.done():
            answer.set_result(payload)

    def _leave(self, command: bytes) -> None:
        self._pending.append(command)
        self._pending_data_size += len(command)
        self._write_soon()

    def _write_soon(self) -> None:
        if not self._leaving:
            self._leaving = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._leaving = False
        if self.is_connected and self._transport is not None:
            pending, self._pending, self._pending_data_size = self._pending, [], 0
            self._transport.write(b"".join(pending))
        else:  # what is said to nobody is not said when somebody is back (R1)
            self._pending = [one for one in self._pending if not one.startswith(b"PUB ")]

    # ------------------------------------------------ nats-py's own commands go the same way

    async def _flush_pending(self, force_flush: bool = False) -> None:
        self._write_soon()

    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        """In line: the answer says that the broker has seen all that was said before."""
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        self._leave(PING)

    async def _process_pong(self) -> None:
        """An answer that nobody waits for any more is not an error that ends all reading."""
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _flusher(self) -> None:
        """Nothing waits for it; but a client without one does not flush after a reconnect."""
        await asyncio.get_running_loop().create_future()

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        self._write()
        await super()._close(status, do_cbs)


class Reader(Parser):
    """Parses what the broker sends: messages here, the rest in nats-py."""

    def __init__(self, client: NatsClient) -> None:
        super().__init__(client)
        self._client = client

    def reset(self) -> None:
        super().reset()
        self._rest: list[bytes] = []
        self._missing = 0  # bytes, at least, of the message that the rest begins

    async def parse(self, data: bytes = b"") -> None:
        self._client.on_read()
        self._rest.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        read, at = b"".join(self._rest), 0
        while (end := read.find(END, at)) >= 0:
            if read.startswith((b"MSG ", b"HMSG "), at):
                fields = read[at:end].split()
                after = end + 4 + int(fields[-1])
                if after > len(read):
                    break
                self._hand_on(fields, read[end + 2 : after - 2])
                at = after
            else:
                await super().parse(read[at : end + 2])
                at = end + 2
        self._rest, self._missing = [read[at:]], self._still_missing(read, at, end)

    @staticmethod
    def _still_missing(read: bytes, at: int, end: int) -> int:
        return end + 4 + int(read[at:end].rpartition(b" ")[2]) - len(read) if end >= 0 else 1

    def _hand_on(self, fields: list[bytes], body: bytes) -> None:
        """`MSG subject number [reply-to] size`; HMSG has the size of its head before the last."""
        subject, number = fields[1:3]
        if fields[0] == b"MSG":
            reply_to = fields[3] if len(fields) == 5 else b""
            self._client.heard(subject, number, reply_to, body)
        elif body.startswith(NOBODY_LISTENS):
            self._client.nobody_listens(subject)
        else:
            reply_to = fields[3] if len(fields) == 6 else b""
            self._client.heard(subject, number, reply_to, body[int(fields[-2]) :])


def _fail(answer: "asyncio.Future[Any]", error: type[Exception]) -> None:
    if not answer.done():
        answer.set_exception(error())
