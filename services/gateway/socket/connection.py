"""Owns one WebSocket of a user: its outgoing frames, acks, and expiry."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import msgspec

from services.gateway.auth import Identity
from services.gateway.auth.standings import refusal
from services.gateway.socket.feed import Feed, Log, State
from services.gateway.socket.outbox import Outbox, Overflow
from services.gateway.socket.scope import ALL
from services.gateway.upstream.gate import Gate
from shared import frames
from shared.commands import Event, Refused, Result, Standing, Stored
from shared.errors import LinkupError, Unauthorized
from shared.frames import CloseCode
from shared.health.records import record

logger = logging.getLogger("linkup.gateway.connection")


class Connection:
    """One socket of one user. `suspect` is called when a live event may have been lost,
    `repaired` when one that was is fetched from the log."""

    __slots__ = (
        "_acked",
        "_awaited",
        "_changed",
        "_expiry",
        "_outbox",
        "_suspect",
        "_told",
        "badge",
        "close_code",
        "connected_at",
        "feed",
        "gate",
        "id",
        "identity",
        "in_flight",
        "on_close",
        "on_refused",
        "on_room",
        "retired",
        "sent",
        "user_id",
        "view",
    )

    def __init__(
        self,
        identity: Identity,
        log: Log,
        outbox: Outbox,
        suspect: Callable[[str], None],
        repaired: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.identity = identity
        self.view = ALL
        self.connected_at = datetime.now(UTC)
        self.user_id = identity.user_id
        self.gate = Gate()
        self.feed = Feed(log, self, repaired)
        self.badge: int | None = None  # the count of unread notifications that it was told
        self.close_code: int | None = None
        self.retired = False  # it was told to come back elsewhere: what it sends now is not heard
        self.sent: dict[str, int] = {}  # conversation → seq this socket was sent (R13)
        self._changed: dict[str, int] = {}  # conversation → cursor of its latest change
        self.on_close: Callable[[], None] = lambda: None
        # Told the code of each error that answers a command, and a word for the log.
        self.on_refused: Callable[[str, str], None] = lambda code, why: None
        self.in_flight = 0  # commands without their result
        self._awaited = False  # `on_room` is to be called when there are fewer of them
        self.on_room: Callable[[], None] = lambda: None
        self._expiry: asyncio.TimerHandle | None = None
        self._outbox = outbox
        self._suspect = suspect
        self._acked: dict[int, None] = {}  # cursors of own messages, told by ack before the event
        # client_id → cursor, conversation: told by event before the ack
        self._told: dict[str, tuple[int, str]] = {}

    # ------------------------------------------------------------ to the client

    def push(self, frame: msgspec.Struct) -> None:
        self._push(frames.encode(frame))

    def push_error(self, error: LinkupError) -> None:
        self.push(frames.error_of(error))

    def offer(self, frame: bytes) -> bool:
        """Pass on what is for now only, if the client is welcomed and keeps up; False otherwise."""
        if self.close_code is not None or self.feed.state is State.WAITING:
            return False
        return self._outbox.offer(frame)

    def push_status(self) -> None:
        self.push(
            frames.ConnectionStatus(
                connection_id=self.id,
                connected_at=self.connected_at,
                cursor=self.feed.cursor,
                pending=self._outbox.pending,
            )
        )

    def changed_at(self, conversation_id: str) -> int:
        """Return the oldest cursor at which cached knowledge of a conversation is still valid: that
        of its latest change here, or that at which this socket began."""
        return max(self.feed.began, self._changed.get(conversation_id, 0))

    def _push(self, frame: bytes) -> None:
        if self.close_code is not None:
            return
        try:
            self._outbox.push(frame)
        except Overflow:
            record("connection_error", "a socket does not keep up", severity="medium")
            self._outbox.discard()
            self.close(CloseCode.SLOW_CONSUMER)

    # ------------------------------------------------------------ its end

    def expire(self) -> None:
        """Live no longer than the token says."""
        if self._expiry is not None:
            self._expiry.cancel()
        left = self.identity.expires_at - time.time()
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(left, self.close, CloseCode.UNAUTHORIZED)

    def refresh(self, identity: Identity) -> None:
        """Live as long as a newer token says. Raises Unauthorized when it is another user's."""
        if identity.user_id != self.user_id:
            raise Unauthorized("The token belongs to another user")
        self.identity = identity
        self.expire()

    def close(self, code: int) -> None:
        """End the socket with that code; the first reason counts."""
        if self.close_code is None:
            self.close_code = int(code)
            self._make_room()
            self.on_close()

    def hold(self, standing: Standing) -> None:
        """End the socket if its token is refused at that standing of its user."""
        refused = refusal(self.identity, standing)
        if refused is not None and self.close_code is None:
            self.on_refused(refused.code, refused.why)
            self.push_error(refused)
            self.close(CloseCode.UNAUTHORIZED)

    def farewell(self, reason: str, code: CloseCode, after_ms: int) -> None:
        """Say when to come back, then close."""
        self.retire(reason, after_ms)
        self.close(code)

    def retire(self, reason: str, after_ms: int) -> None:
        """Say when to come back, and hear no more. What was sent before still has its outcome."""
        if not self.retired:
            self.retired = True
            self._outbox.add(frames.encode(frames.Reconnect(after_ms=after_ms, reason=reason)))

    async def ended(self) -> None:
        """Let go of what runs for the socket, which is gone."""
        if self._expiry is not None:
            self._expiry.cancel()
        await self.feed.stop()

    # ------------------------------------------------------------ the feed

    def pass_on(self, event: Event) -> None:
        self._show(event, self._push)

    def replay(self, event: Event) -> None:
        self._show(event, self._outbox.add)

    async def drained(self) -> None:
        await self._outbox.drained()

    def start_over(self) -> None:
        self._acked.clear()
        self._told.clear()

    def broken(self, error: BaseException) -> None:
        logger.error("the repair of a feed failed", exc_info=error)
        record("delivery_error", "the repair of a feed failed: {error}", error=type(error).__name__)
        self.close(CloseCode.TRY_AGAIN)

    def _show(self, event: Event, write: Callable[[bytes], None]) -> None:
        if event.seq and self.view.shows(event.conversation_id):
            self.sent[event.conversation_id] = event.seq
        elif event.conversation_id:
            self._changed[event.conversation_id] = event.cursor
        if event.cursor in self._acked:
            del self._acked[event.cursor]
        elif event.seq and event.origin == self.id:
            self._ack_by_event(event)
        elif event.body:
            self._release(event)
            if self.view.shows_event(event.body):
                write(frames.feed_frame(event.cursor, event.body))

    def _release(self, event: Event) -> None:
        """Let the gate know of a message that it waits for and that came from the log."""
        if event.seq and self.gate.waits(event.conversation_id):
            message = frames.decode_message(event.body)
            if message.sender_id == self.user_id:
                self.gate.release(message.conversation_id, message.client_id)

    # ------------------------------------------------------------ own commands

    def arrived(self) -> None:
        """Take in that a command has its result."""
        self.in_flight -= 1
        self._make_room()

    def has_room(self, most: int) -> bool:
        """Return whether fewer commands than that are on their way, or the socket is to end. If
        not, `on_room` is called when that may have changed."""
        self._awaited = self.in_flight >= most and self.close_code is None
        return not self._awaited

    async def room(self, most: int) -> None:
        """Wait until it has room."""
        while not self.has_room(most):
            made = asyncio.get_running_loop().create_future()
            self.on_room = partial(_finish, made)
            await made

    def _make_room(self) -> None:
        if self._awaited:
            self._awaited = False
            self.on_room()

    def settled(self, client_id: str | None, result: Result) -> None:
        """Take in the lane's answer to a command of this socket."""
        if self.gate.full:
            self.close(CloseCode.TRY_AGAIN)
        match result:
            case Stored():
                self._ack(client_id or "", result)
            case Refused():
                self._refuse(client_id, result)
            case _:
                if client_id:
                    self.push(frames.Ack(client_id=client_id))

    def _ack(self, client_id: str, stored: Stored) -> None:
        told = self._told.pop(client_id, None)
        if told is not None and not stored.duplicate and told[0] == stored.cursor:
            return
        if stored.duplicate:
            self._suspect(self.user_id)
        elif stored.cursor > self.feed.cursor:
            self._acked[stored.cursor] = None
        self.push(
            frames.Ack(
                client_id=client_id,
                message_id=stored.message_id,
                conversation_id=stored.conversation_id,
                seq=stored.seq,
                created_at=frames.time_of(stored.created_at),
                duplicate=stored.duplicate,
            )
        )

    def _refuse(self, client_id: str | None, refused: Refused) -> None:
        self.on_refused(refused.code, "")
        told = self._told.pop(client_id or "", None)
        if told is None:
            self.push_error(refused.error(client_id))
        else:  # its event has shown already that it was stored: nobody will send it again
            self.gate.release(told[1], client_id or "")

    def _ack_by_event(self, event: Event) -> None:
        """The event of an own message overtook its ack: it proves the commit, so it is the ack."""
        client_id, ack = frames.ack_of(event.body)
        self._told[client_id] = event.cursor, event.conversation_id
        self.gate.release(event.conversation_id, client_id)
        self._push(ack)


def _finish(made: asyncio.Future[None]) -> None:
    if not made.done():  # it is when its waiter was cancelled
        made.set_result(None)
