"""Owns what a client holds between the server and its caller, and which part each frame is for."""

import asyncio
import logging

from linkup_client import frames
from linkup_client.backoff import Timing
from linkup_client.bell import Notifications
from linkup_client.http import Http
from linkup_client.inbox import Inbox
from linkup_client.marks import Marks
from linkup_client.notification import (
    BadgeUpdate,
    Notification,
    NotificationRead,
    NotificationsRead,
)
from linkup_client.outbox import Outbox
from linkup_client.roads import Roads
from linkup_client.tokens import Tokens
from linkup_client.typists import Typists
from linkup_client.watches import Watches

logger = logging.getLogger("linkup_client")


class Traffic:
    """The owner of the roads. `welcomed` is done after the first welcome."""

    def __init__(
        self,
        url: str,
        tokens: Tokens,
        timing: Timing,
        *,
        epoch: str | None,
        cursor: int | None,
    ) -> None:
        self.limits = frames.Limits()
        self.name: str | None = None
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.roads = Roads(url, tokens, timing, self)
        self.inbox = Inbox(epoch, cursor, self.roads.renew)
        self.outbox = Outbox(self.roads.send, timing)
        self.marks = Marks(self.roads.send, timing.marks_every)
        self.watches = Watches(self.roads.send)
        self.typists = Typists(self.roads.send)
        self.notifications = Notifications(Http(url, tokens.get), self.roads.send)
        self._tokens = tokens

    def hello(self, token: str) -> frames.Hello:
        inbox = self.inbox
        return frames.Hello(token=token, epoch=inbox.head_epoch, cursor=inbox.head)

    def refuses(self, welcome: frames.Welcome) -> str | None:
        """Return why a welcome is refused, if it is: a token function must not change whose feed
        this is, and whose messages these are."""
        return self._tokens.foreign(welcome.user_id)

    def on_welcome(self, welcome: frames.Welcome) -> None:
        by_socket = self.roads.road == "socket"
        self._tokens.user_id = welcome.user_id
        if by_socket:  # HTTP tells neither
            self.limits = welcome.limits
            self.name = welcome.name
        if self.inbox.head is None:
            self.inbox.begin(welcome.epoch, welcome.cursor)
        else:
            self.inbox.reconnected()
        self.outbox.connected()
        self.marks.connected(asyncio.get_running_loop().time(), all_of_them=by_socket)
        self.watches.connected()
        if not self.welcomed.done():
            self.welcomed.set_result(None)

    def on_lost(self) -> None:
        self.outbox.lost()
        self.marks.lost()

    def on_frame(  # noqa: C901 - a case each
        self, frame: frames.ServerFrame | frames.Unknown, size: int
    ) -> None:
        match frame:
            case frames.Ack():
                self.outbox.on_ack(frame)
            case frames.Message():
                self._on_message(frame, size)
            case (
                frames.MessageUpdated()
                | frames.MessageDeleted()
                | frames.Reaction()
                | frames.Conversation()
                | frames.Receipt()
            ):
                self.inbox.put(frame, frame.cursor, size)
            case frames.Presence():
                self.watches.on_presence(frame)
            case frames.TypingNow():
                self.typists.on_frame(frame)
            case Notification() | BadgeUpdate() | NotificationRead() | NotificationsRead():
                self.notifications.on_frame(frame)
            case frames.ResyncRequired():
                self.inbox.resync(frame)
            case frames.Error():
                self._on_error(frame)
            case frames.Pong(cursor=cursor) | frames.SyncCompleted(cursor=cursor):
                self.inbox.moved(cursor)
            case frames.Unknown(cursor=int(cursor)):
                self.inbox.moved(cursor)

    def _on_message(self, message: frames.Message, size: int) -> None:
        if message.sender_id == self._tokens.user_id and self.outbox.knows(message):
            self.inbox.moved(message.cursor)
        else:
            self.inbox.put(message, message.cursor, size)

    def _on_error(self, error: frames.Error) -> None:
        self.outbox.on_error(error)
        if error.client_id is None:
            logger.warning("the server says %s: %s", error.code, error.message)

    def on_tick(self, now: float) -> None:
        self.outbox.sweep(now)
        self.marks.flush(now)
