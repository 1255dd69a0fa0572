"""Owns the client: one user's connection to LinkUp messaging, kept up and in order."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Literal, Self

from websockets.exceptions import InvalidURI

from linkup_client import backoff, frames
from linkup_client.backoff import Timing
from linkup_client.errors import ConnectionRefused, LinkupError, SendFailed
from linkup_client.inbox import Inbox
from linkup_client.marks import Marks
from linkup_client.outbox import Outbox
from linkup_client.session import Ended, Session
from linkup_client.wire import HandshakeFailed

logger = logging.getLogger("linkup_client")

State = Literal["connected", "connecting", "reconnecting", "disconnected", "failed", "offline"]
Token = str | Callable[[], Awaitable[str]]

UNAUTHORIZED = 4401
REFUSALS = frozenset({1007, 1009, UNAUTHORIZED, 4403, 4404, 4408})
RETRIED_STATUS = frozenset({0, 403, 408, 425, 429, 500, 502, 503, 504})  # 403: too many sockets
AT_ONCE = Ended(4000, "", 0)


class Client:
    """Made by `connect`. Iterate it for the events of the user's feed, in order, once each.

    `epoch` and `cursor` say what the iteration has handed out: store them after an event was
    dealt with, and give them to the next `connect`, to go on from there.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        epoch: str | None,
        cursor: int | None,
        device: str | None,
        timing: Timing,
    ) -> None:
        self.state: State = "disconnected"
        self.user_id: str | None = None
        self.limits = frames.Limits()
        self._url = url
        self._token = token
        self._device = device
        self._timing = timing
        self._inbox = Inbox(epoch, cursor, self._renew)
        self._outbox = Outbox(self._transmit, timing)
        self._marks = Marks(self._transmit, timing.marks_every)
        self._session: Session | None = None
        self._run: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attempt = 0
        self._may_renew_token = callable(token)
        self._fault: BaseException | None = None

    @property
    def epoch(self) -> str | None:
        return self._inbox.epoch

    @property
    def cursor(self) -> int | None:
        return self._inbox.cursor

    @property
    def pending(self) -> int:
        """Messages without an ack yet."""
        return len(self._outbox)

    async def send(
        self,
        content: str,
        *,
        to: str | None = None,
        conversation_id: str | None = None,
        client_id: str | None = None,
    ) -> frames.Ack:
        """Send to a user or a conversation, until it is stored or refused for good.

        What one client sends to a conversation keeps its order. Cancelling stops the waiting, not
        the message. Raises SendFailed, OutboxFull; OutcomeUnknown when the client is closed first.
        """
        if (to is None) == (conversation_id is None):
            raise ValueError("give either `to` or `conversation_id`")
        self._check_alive()
        frame = frames.SendMessage(
            client_id=client_id or uuid.uuid4().hex,
            content=content,
            to=to,
            conversation_id=conversation_id,
        )
        if len(frames.encode(frame)) > self.limits.max_frame_bytes:
            raise SendFailed("too_large", f"a frame holds {self.limits.max_frame_bytes} bytes")
        return await self._outbox.submit(frame)

    async def delivered(self, conversation_id: str, seq: int) -> None:
        """This device holds everything of the conversation up to `seq`. Told again if need be."""
        self._check_alive()
        self._marks.delivered(conversation_id, seq, _now())

    async def mark_read(self, conversation_id: str, *, up_to: int) -> None:
        """The user has read everything of the conversation up to the seq `up_to`."""
        self._check_alive()
        self._marks.read(conversation_id, up_to, _now())

    async def close(self) -> None:
        """Hang up. Whoever still waits for an ack gets OutcomeUnknown."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait((self._run,))

    async def __aenter__(self) -> Self:
        """Come in: returns when the server has said welcome. Raises ConnectionRefused."""
        self._run = asyncio.create_task(self._keep_connected())
        self._run.add_done_callback(self._over)
        try:
            await self._ready
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> frames.Event:
        """Ends after `close`. Raises what ended the connection for good."""
        event = await self._inbox.take()
        if event is not None:
            return event
        if self._fault is not None:
            raise self._fault
        raise StopAsyncIteration

    # ---------------------------------------------------------- staying connected

    async def _keep_connected(self) -> None:
        while True:
            self.state = "reconnecting" if self._ready.done() else "connecting"
            ended = await self._visit()
            if ended is not None:
                self.state = "reconnecting"
            await asyncio.sleep(self._pause(ended))

    async def _visit(self) -> Ended | None:
        """One connection from beginning to end; None when none came about."""
        session = Session(self._timing, self._come_in, self._on_frame, self._on_tick)
        try:
            answer = await session.open(self._url, await self._hello())
            if isinstance(answer, Ended):
                return answer
            return await session.live(answer.heartbeat_ms / 1000)
        except HandshakeFailed as fault:
            if fault.status not in RETRIED_STATUS:
                raise ConnectionRefused(fault.status, "no messaging server there") from fault
            logger.info("the server does not take us in: %s", fault)
        except InvalidURI as fault:
            raise ConnectionRefused(0, str(fault)) from fault
        except OSError as fault:  # TimeoutError is one
            self.state = "offline"
            logger.info("cannot reach the server: %s", fault or type(fault).__name__)
        finally:
            self._session = None
            self._outbox.lost()
            self._marks.lost()
            await session.close()
        return None

    async def _hello(self) -> frames.Hello:
        token = self._token if isinstance(self._token, str) else await self._token()
        inbox = self._inbox
        return frames.Hello(
            token=token, epoch=inbox.head_epoch, cursor=inbox.head, device=self._device
        )

    def _come_in(self, session: Session, welcome: frames.Welcome) -> None:
        self._session = session
        self.state, self.user_id, self.limits = "connected", welcome.user_id, welcome.limits
        self._attempt = 0
        self._may_renew_token = callable(self._token)
        if self._inbox.head is None:
            self._inbox.begin(welcome.epoch, welcome.cursor)
        else:
            self._inbox.reconnected()
        self._outbox.connected()
        self._marks.connected(_now())
        if not self._ready.done():
            self._ready.set_result(None)

    def _pause(self, ended: Ended | None) -> float:
        """How long to wait before the next try. Raises ConnectionRefused when there is none."""
        if ended is not None:
            logger.info("disconnected: %d %s", ended.code, ended.reason)
            if ended.code == UNAUTHORIZED and self._may_renew_token:
                self._may_renew_token = False
                return self._timing.shortest
            if ended.code in REFUSALS:
                raise ConnectionRefused(ended.code, ended.reason)
            if ended.after_ms is not None:
                return ended.after_ms / 1000
        self._attempt += 1
        return backoff.delay(self._timing, self._attempt - 1)

    def _over(self, run: asyncio.Task[None]) -> None:
        self._fault = None if run.cancelled() else run.exception()
        self.state = "disconnected" if self._fault is None else "failed"
        self._outbox.give_up(self._fault)
        self._inbox.close()
        if self._fault is not None and not self._ready.done():
            self._ready.set_exception(self._fault)

    # ---------------------------------------------------------- called by the session

    def _on_frame(self, frame: frames.ServerFrame | frames.Unknown, size: int) -> None:
        match frame:
            case frames.Ack():
                self._outbox.on_ack(frame)
            case frames.Message():
                self._on_message(frame, size)
            case frames.Receipt():
                self._inbox.put(frame, frame.cursor, size)
            case frames.ResyncRequired():
                self._inbox.resync(frame)
            case frames.Error():
                self._on_error(frame)
            case frames.Pong(cursor=cursor) | frames.SyncCompleted(cursor=cursor):
                self._inbox.moved(cursor)
            case frames.Unknown(cursor=int(cursor)):
                self._inbox.moved(cursor)

    def _on_message(self, message: frames.Message, size: int) -> None:
        if message.sender_id == self.user_id and self._outbox.knows(message):
            self._inbox.moved(message.cursor)
        else:
            self._inbox.put(message, message.cursor, size)

    def _on_error(self, error: frames.Error) -> None:
        self._outbox.on_error(error)
        if error.client_id is None:
            logger.warning("the server says %s: %s", error.code, error.message)

    def _on_tick(self, now: float) -> None:
        self._outbox.sweep(now)
        self._marks.flush(now)

    def _transmit(self, text: bytes) -> None:
        if self._session is not None:
            self._session.send(text)

    def _renew(self) -> None:
        if self._session is not None:
            self._session.end(AT_ONCE)

    def _check_alive(self) -> None:
        if self._fault is not None:
            raise self._fault
        if self._run is None or self._run.done():
            raise LinkupError("the client is not connected: use `async with connect(…)`")


def connect(
    url: str,
    token: Token,
    *,
    epoch: str | None = None,
    cursor: int | None = None,
    device: str | None = None,
    timing: Timing | None = None,
) -> Client:
    """A client for `async with`. Tries without end: put `asyncio.timeout` around to bound it.

    `url`: ws:// or wss://, ending in /ws. `token`: a JWT or ticket, or an async function that gets
    a fresh one for each connection. `epoch` and `cursor`: where an earlier client stopped; without
    them the events begin now.
    """
    return Client(
        url,
        token,
        epoch=epoch,
        cursor=cursor,
        device=device,
        timing=timing or Timing(),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
