"""Owns the frames of a client about notifications: each is a question to notify."""

import asyncio

from msgspec import UNSET, Struct

from services.gateway.socket.connection import Connection
from services.gateway.upstream.notices import Notices
from shared import commands, frames
from shared.commands import (
    DeliveredNotice,
    NoticesAnswer,
    ReadAnswer,
    ReadNotice,
    ReadNotices,
    Refused,
)
from shared.errors import InvalidFrame, InvalidRequest, LinkupError

Frame = frames.GetNotifications | frames.MarkRead | frames.MarkAllRead | frames.Delivered


class Bell:
    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, connection: Connection, frame: Frame) -> None:
        """Begin to ask. The answer is pushed later, and may overtake that of an earlier frame."""
        connection.in_flight += 1
        task = asyncio.get_running_loop().create_task(self._settle(connection, frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, connection: Connection, frame: Frame) -> None:
        try:
            answer = await self._ask(connection.user_id, frame)
            if answer is not None:
                connection.push(answer)
        except InvalidRequest as error:  # as a socket calls it
            connection.settled(frame.client_id, Refused.of(InvalidFrame(error.message)))
        except LinkupError as error:
            connection.settled(frame.client_id, Refused.of(error))
        finally:
            connection.arrived()

    async def _ask(self, user_id: str, frame: Frame) -> Struct | None:
        match frame:
            case frames.GetNotifications():
                return await self._list(user_id, frame)
            case frames.MarkRead():
                return await self._read(user_id, frame)
            case frames.MarkAllRead():
                return await self._read_all(user_id, frame)
            case frames.Delivered():
                return await self._delivered(user_id, frame)

    async def _list(self, user_id: str, frame: frames.GetNotifications) -> Struct:
        asked = commands.Notices(
            user_id=user_id,
            limit=frame.limit,
            before=frame.before or "",
            unread_only=frame.unread_only,
            notification_type=frame.notification_type or "",
        )
        page = await self._notices.ask(asked, NoticesAnswer)
        return frames.NotificationsList(
            notifications=[commands.notification(notice) for notice in page.notices],
            next=page.next or None,
            unread_count=page.unread_count,
            client_id=frame.client_id or UNSET,
        )

    async def _read(self, user_id: str, frame: frames.MarkRead) -> Struct:
        asked = ReadNotice(user_id=user_id, notification_id=frame.notification_id)
        read = await self._notices.ask(asked, ReadAnswer)
        return frames.NotificationRead(
            notification_id=frame.notification_id,
            read_at=frames.time_of(read.at),
            unread_count=read.unread_count,
            client_id=frame.client_id or UNSET,
        )

    async def _read_all(self, user_id: str, frame: frames.MarkAllRead) -> Struct:
        asked = ReadNotices(
            user_id=user_id,
            notification_type=frame.notification_type or "",
            up_to=frame.up_to or "",
        )
        read = await self._notices.ask(asked, ReadAnswer)
        return frames.NotificationsRead(
            notification_type=frame.notification_type or UNSET,
            up_to=frame.up_to or UNSET,
            read_at=frames.time_of(read.at),
            count=read.count,
            unread_count=read.unread_count,
            client_id=frame.client_id or UNSET,
        )

    async def _delivered(self, user_id: str, frame: frames.Delivered) -> Struct | None:
        """As of all receipts, only who gave a `client_id` is told that it is done."""
        notification_id = frame.notification_id or ""
        asked = DeliveredNotice(user_id=user_id, notification_id=notification_id)
        await self._notices.ask(asked, ReadAnswer)
        return frames.Ack(client_id=frame.client_id) if frame.client_id else None
