"""Owns the handling of client frames: one `match`, with one function for each frame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from services.gateway.auth import Authenticator
from services.gateway.presence.presence import Presence
from services.gateway.presence.typing import Typing
from services.gateway.socket.bell import Bell
from services.gateway.socket.connection import Connection
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.profiles import told_by
from shared import clock, frames, subjects
from shared.commands import (
    AdvanceReceipt,
    Command,
    DeleteMessage,
    Done,
    EditMessage,
    React,
    ReadMessages,
    Result,
    StoreMessage,
)
from shared.errors import InvalidFrame, Unauthorized, Unavailable
from shared.frames import ClientFrame, CloseCode


@dataclass(slots=True, frozen=True)
class Handlers:
    lanes: Lanes
    auth: Authenticator
    typing: Typing
    presence: Presence
    bell: Bell
    erased: Callable[[], None] = lambda: None  # a message is: its files are to go

    def handle(self, connection: Connection, frame: ClientFrame) -> None:  # noqa: C901 - a case each
        """Begin what the frame asks for; its outcome is pushed later. Raises LinkupError."""
        match frame:
            case frames.SendMessage():
                self.on_message(connection, frame)
            case frames.EditMessage():
                self.on_edit_message(connection, frame)
            case frames.DeleteMessage():
                self.on_delete_message(connection, frame)
            case frames.React():
                self.on_react(connection, frame)
            case frames.Delivered():
                self.on_delivered(connection, frame)
            case frames.ReadReceipt():
                self.on_read_receipt(connection, frame)
            case frames.BulkReadReceipt():
                self.on_bulk_read_receipt(connection, frame)
            case frames.MarkChatRead():
                self.on_mark_chat_read(connection, frame)
            case frames.Ping():
                self.on_ping(connection, frame)
            case frames.SyncRequest():
                connection.feed.sync(frame.cursor)
            case frames.Typing():
                self.typing.on_typing(connection.user_id, frame, connection.changed_at)
            case frames.PresenceSubscribe():
                self.presence.subscribe(connection, frame.user_ids)
            case frames.PresenceUnsubscribe():
                self.presence.unsubscribe(connection, frame.user_ids)
            case frames.GetConnectionStatus():
                connection.push_status()
            case frames.ForceReconnect():
                connection.farewell("as asked", CloseCode.ASKED, 0)
            case frames.GetNotifications() | frames.MarkRead() | frames.MarkAllRead():
                self.bell.handle(connection, frame)
            case frames.Refresh():
                self.on_refresh(connection, frame)
            case frames.Hello():
                raise InvalidFrame("`hello` is accepted only as the first frame")
            case _:
                assert_never(frame)

    def on_message(self, connection: Connection, frame: frames.SendMessage) -> None:
        def settle(result: Result) -> None:
            connection.arrived()
            connection.settled(frame.client_id, result)

        connection.in_flight += 1
        command = store_message(connection.user_id, connection.id, frame)
        self.lanes.submit(command, settle, connection.gate)

    def on_ping(self, connection: Connection, frame: frames.Ping) -> None:
        connection.push(frames.Pong(cursor=connection.feed.cursor, timestamp=frame.timestamp))

    def on_refresh(self, connection: Connection, frame: frames.Refresh) -> None:
        """Store the token's claims about its user first, if they differ from the last ones."""
        try:
            identity = self.auth.verify_or_later(frame.token)
            news = told_by(identity) != told_by(connection.identity)
            connection.refresh(identity)
        except (Unauthorized, Unavailable) as error:
            error.client_id = frame.client_id
            raise
        if news:
            self._submit(connection, told_by(identity), frame.client_id)
        else:
            connection.settled(frame.client_id, Done())

    def on_edit_message(self, connection: Connection, frame: frames.EditMessage) -> None:
        command = EditMessage(
            user_id=connection.user_id, message_id=frame.message_id, content=frame.content
        )
        self._submit(connection, command, frame.client_id)

    def on_delete_message(self, connection: Connection, frame: frames.DeleteMessage) -> None:
        command = DeleteMessage(
            user_id=connection.user_id, message_id=frame.message_id, mode=frame.mode
        )
        then = self.erased if frame.mode == "everyone" else None
        self._submit(connection, command, frame.client_id, then=then)

    def on_react(self, connection: Connection, frame: frames.React) -> None:
        command = React(
            user_id=connection.user_id,
            message_id=frame.message_id,
            emoji=frame.emoji,
            remove=frame.remove,
        )
        self._submit(connection, command, frame.client_id)

    def on_delivered(self, connection: Connection, frame: frames.Delivered) -> None:
        if frame.conversation_id is None or frame.seq is None:
            self.bell.handle(connection, frame)
            return
        command = AdvanceReceipt(
            user_id=connection.user_id,
            connection_id=connection.id,
            conversation_id=frame.conversation_id,
            delivered_seq=frame.seq,
        )
        self._submit(connection, command, frame.client_id)

    def on_read_receipt(self, connection: Connection, frame: frames.ReadReceipt) -> None:
        command = AdvanceReceipt(
            user_id=connection.user_id,
            connection_id=connection.id,
            read_message_id=frame.message_id,
        )
        self._submit(connection, command, frame.client_id)

    def on_bulk_read_receipt(self, connection: Connection, frame: frames.BulkReadReceipt) -> None:
        command = ReadMessages(
            user_id=connection.user_id, connection_id=connection.id, message_ids=frame.message_ids
        )
        self._submit(connection, command, frame.client_id)

    def on_mark_chat_read(self, connection: Connection, frame: frames.MarkChatRead) -> None:
        """Read up to `up_to`, or up to what this socket was sent: nobody saw the rest (R13)."""
        command = AdvanceReceipt(
            user_id=connection.user_id,
            connection_id=connection.id,
            conversation_id=frame.conversation_id,
            read_seq=frame.up_to or connection.sent.get(frame.conversation_id, 0),
        )
        self._submit(connection, command, frame.client_id)

    def _submit(
        self,
        connection: Connection,
        command: Command,
        client_id: str | None,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Submit a command. An error is always told; that it is done only to who gave it a
        `client_id`."""

        def settle(result: Result) -> None:
            connection.arrived()
            if then is not None and isinstance(result, Done):
                then()
            if client_id or not isinstance(result, Done):
                connection.settled(client_id, result)

        connection.in_flight += 1
        self.lanes.submit(command, settle)


def store_message(user_id: str, connection_id: str, frame: frames.SendMessage) -> StoreMessage:
    """Return the command; a user stands for the direct conversation with them."""
    conversation_id = frame.conversation_id
    if frame.to is not None:
        conversation_id = subjects.direct_conversation_id(user_id, frame.to)
    return StoreMessage(
        user_id=user_id,
        connection_id=connection_id,
        client_id=frame.client_id,
        conversation_id=conversation_id or "",
        content=frame.content,
        to=frame.to,
        after=frame.after,
        reply_to=frame.reply_to,
        attachments=frame.attachments,
        accepted_at=clock.now(),
    )
