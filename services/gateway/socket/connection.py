"""Owns one socket: what it was sent, what it has acknowledged, and where its feed stands.

The feed is passed on in cursor order, without gap or repeat (C5). A gap is repaired from the log,
page by page at the socket's own pace, and no buffer is kept meanwhile: remember the highest
cursor seen, fetch until it is reached, go live (R6).
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from services.gateway.auth import Identity
from services.gateway.socket.outbox import Outbox, Overflow
from services.gateway.socket.scope import View
from services.gateway.upstream.gate import Gate
from shared import frames
from shared.commands import Event, FeedPageAnswer, Refused, Result, Stored
from shared.errors import LinkupError, Unauthorized
from shared.frames import CloseCode

logger = logging.getLogger("linkup.gateway.connection")

HOLE_WAIT = 0.02  # two publishers may overtake each other (R8)
MAX_MISSED = 10_000  # events; beyond that a client reloads instead of replaying
RETRY = (0.1, 1.0)  # seconds between two tries to reach the log


class Feed(Protocol):
    """What a connection needs of the log."""

    async def feed(self, user_id: str, after: int) -> FeedPageAnswer: ...


class Connection:
    """One socket of one user. `suspect` is called when a live event may have been lost."""

    def __init__(
        self,
        identity: Identity,
        log: Feed,
        outbox: Outbox,
        suspect: Callable[[str], None],
    ) -> None:
        self.id = secrets.token_hex(8)
        self.identity = identity
        self.refreshed = asyncio.Event()  # another token, another end
        self.view = View()
        self.connected_at = datetime.now(UTC)
        self.user_id = identity.user_id
        self.gate = Gate()
        self.close_code: int | None = None
        self.retired = False  # it was told to come back elsewhere: what it sends now is not heard
        self.closing = asyncio.Event()  # it is to end
        self.closed = asyncio.Event()  # it has ended
        self.epoch = ""
        self.cursor = -1  # of the last event passed on; -1: not started
        self.seen = -1  # the highest cursor heard of
        self.sent: dict[str, int] = {}  # conversation → seq this socket was sent (R13)
        self._began = 0  # where the feed ended as this socket began
        self._changed: dict[str, int] = {}  # conversation → cursor of its latest change
        # Told the code of each error that answers a command, and a word for the log.
        self.on_refused: Callable[[str, str], None] = lambda code, why: None
        self.in_flight = 0  # commands without their result
        self._settled = asyncio.Event()  # one of them has it
        self._log = log
        self._outbox = outbox
        self._suspect = suspect
        self._acked: set[int] = set()  # cursors of own messages, told by ack before the event
        # client_id → cursor, conversation: told by event before the ack
        self._told: dict[str, tuple[int, str]] = {}
        self._syncing = False
        self._repair = asyncio.Event()
        self._hole = False

    # ------------------------------------------------------------ to the client

    def push(self, frame: msgspec.Struct) -> None:
        self._push(frames.encode(frame))

    def push_error(self, error: LinkupError) -> None:
        self.push(
            frames.Error(
                code=error.code,
                message=error.message,
                temporary=error.temporary,
                client_id=error.client_id,
                retry_after_ms=error.retry_after_ms,
            )
        )

    def offer(self, frame: bytes) -> bool:
        """Pass on what is for now only, if the client keeps up; False otherwise."""
        return self.close_code is None and self._outbox.offer(frame)

    def push_status(self) -> None:
        self.push(
            frames.ConnectionStatus(
                connection_id=self.id,
                connected_at=self.connected_at,
                cursor=self.cursor,
                pending=self._outbox.pending,
            )
        )

    def changed_at(self, conversation_id: str) -> int:
        """As of which cursor it must be what is remembered of a conversation: of its latest change
        that came here, or of this socket's beginning, for what was before that came to nobody."""
        return max(self._began, self._changed.get(conversation_id, 0))

    def refresh(self, identity: Identity) -> None:
        """Live as long as a newer token says. Raises Unauthorized when it is another user's."""
        if identity.user_id != self.user_id:
            raise Unauthorized("The token is another user's")
        self.identity = identity
        self.refreshed.set()

    def close(self, code: int) -> None:
        """End the socket with that code; the first reason counts."""
        if self.close_code is None:
            self.close_code = int(code)
            self.closing.set()
            self._settled.set()

    def farewell(self, reason: str, code: CloseCode, after_ms: int) -> None:
        """Say when to come back, then close."""
        self.retire(reason, after_ms)
        self.close(code)

    def retire(self, reason: str, after_ms: int) -> None:
        """Say when to come back, and hear no more. What was sent before still has its outcome."""
        if not self.retired:
            self.retired = True
            self._outbox.add(frames.encode(frames.Reconnect(after_ms=after_ms, reason=reason)))

    def _push(self, frame: bytes) -> None:
        if self.close_code is not None:
            return
        try:
            self._outbox.push(frame)
        except Overflow:
            self._outbox.discard()
            self.close(CloseCode.SLOW_CONSUMER)

    # ------------------------------------------------------------ the feed

    def start(self, epoch: str, cursor: int, head: int) -> None:
        """Begin after `cursor`; what lies between it and the head is replayed first."""
        self.epoch = epoch
        self.cursor = cursor
        self.seen = max(self.seen, head)
        self._began = head
        self._syncing = True
        self._repair.set()

    def sync(self, cursor: int | None) -> None:
        """The client asks for the feed again, from there; never from ahead of what it was sent."""
        if cursor is not None and self.seen - cursor > MAX_MISSED:
            self._start_over(self.epoch, self.seen, f"more than {MAX_MISSED} events were missed")
        elif cursor is not None:
            self.cursor = min(cursor, self.cursor)
        self._syncing = True
        self._repair.set()

    def on_events(self, epoch: str, events: Sequence[Event]) -> None:
        """Live events of this user: pass on what is next, drop what was seen, mark a hole."""
        if self.cursor < 0:
            self.seen = max(self.seen, events[-1].cursor)
            return
        if epoch != self.epoch:
            self._start_over(epoch, events[-1].cursor, "the store was replaced")
            return
        for event in events:
            if event.cursor == self.cursor + 1 and not self._repair.is_set():
                self._pass_on(event, self._push)
            elif event.cursor > self.cursor:
                self._missing(event.cursor)
        self.seen = max(self.seen, self.cursor)

    def compare(self, epoch: str, head: int, cursor: int = -1) -> None:
        """The log says where the feed ends: whatever lies between was lost on the wire (C7).

        `cursor`: where this connection stood before the log was asked, if known.
        """
        if self.cursor < 0:
            return
        if epoch != self.epoch or head < cursor:
            self._start_over(epoch, head, "the store was replaced")
        elif head > self.cursor:
            self._missing(head)

    def _missing(self, cursor: int) -> None:
        self.seen = max(self.seen, cursor)
        if not self._repair.is_set():
            self._hole = True
            self._repair.set()

    async def repair(self) -> None:
        """Fetch what is missing, whenever something is; runs as long as the socket."""
        while True:
            await self._repair.wait()
            if self._hole and not self._syncing:
                await asyncio.sleep(HOLE_WAIT)
            self._hole = False
            while self.cursor < self.seen:
                await self._fetch_page()
            self._repair.clear()
            if self._syncing:
                self._syncing = False
                self.push(frames.SyncCompleted(cursor=self.cursor))

    async def _fetch_page(self) -> None:
        epoch, after = self.epoch, self.cursor
        try:
            page = await self._log.feed(self.user_id, after)
        except LinkupError as error:
            logger.info("the log is out of reach, trying again: %s", error.code)
            await asyncio.sleep(random.uniform(*RETRY))
            return
        if (epoch, after) != (self.epoch, self.cursor):
            return  # meanwhile the client or the store moved the cursor: that was asked too early
        if page.epoch != self.epoch:
            self._start_over(page.epoch, page.head, "the store was replaced")
        elif not page.events and page.head <= self.cursor:
            self.seen = self.cursor  # what was heard of lies beyond the log's own end
        elif not page.events or page.events[0].cursor != self.cursor + 1:
            self._start_over(page.epoch, page.head, "the feed no longer reaches back that far")
        else:
            for event in page.events:
                if event.cursor == self.cursor + 1:
                    self._pass_on(event, self._outbox.add)
            # A page shows things as they are now: no older live event may follow it.
            self.seen = max(self.seen, page.head)
            await self._outbox.drained()

    def _start_over(self, epoch: str, head: int, reason: str) -> None:
        """The feed cannot go on without a gap: say so and stand at the present (C6).

        A replay that was asked for still ends with `sync_completed`: somebody waits for it.
        """
        self.epoch, self.cursor, self.seen = epoch, head, head
        self._began = head
        self._acked.clear()
        self._told.clear()
        self.push(frames.ResyncRequired(reason=reason, epoch=epoch, cursor=head))

    def _pass_on(self, event: Event, write: Callable[[bytes], None]) -> None:
        self.cursor = event.cursor
        if event.seq and self.view.shows(event.conversation_id):
            self.sent[event.conversation_id] = event.seq
        elif event.conversation_id:
            self._changed[event.conversation_id] = event.cursor
        if event.cursor in self._acked:
            self._acked.discard(event.cursor)
        elif event.seq and event.origin == self.id:
            self._ack_by_event(event)
        elif event.body:
            self._release(event)
            if self.view.shows_event(event.body):
                write(frames.feed_frame(event.cursor, event.body))

    def _release(self, event: Event) -> None:
        """What the gate waits for may come from the log: its client will not send it again."""
        if event.seq and self.gate.waits(event.conversation_id):
            message = frames.decode_message(event.body)
            if message.sender_id == self.user_id:
                self.gate.release(message.conversation_id, message.client_id)

    # ------------------------------------------------------------ own commands

    def arrived(self) -> None:
        """A command has its result."""
        self.in_flight -= 1
        self._settled.set()

    async def room(self, most: int) -> None:
        """Wait until fewer commands than that are on their way, or the socket is to end."""
        while self.in_flight >= most and self.close_code is None:
            self._settled.clear()
            await self._settled.wait()

    def settled(self, client_id: str | None, result: Result) -> None:
        """The lane's answer to a command of this socket."""
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
        elif stored.cursor > self.cursor:
            self._acked.add(stored.cursor)
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
        message = frames.decode_message(event.body)
        self._told[message.client_id] = event.cursor, message.conversation_id
        self.gate.release(message.conversation_id, message.client_id)
        self.push(
            frames.Ack(
                client_id=message.client_id,
                message_id=message.message_id,
                conversation_id=message.conversation_id,
                seq=message.seq,
                created_at=message.created_at,
                duplicate=False,
            )
        )
