"""Notifications in the Python client: what arrives, what is confirmed, what is asked over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from linkup_client import (
    BadgeUpdate,
    Client,
    Notification,
    NotificationRead,
    Notifications,
    QuietHours,
    RequestFailed,
    TypePreference,
    connect,
)
from linkup_client.http import Http
from linkup_client.notification import NotificationEvent

from tests.support.waiting import eventually, within
from tests.unit.client.scripted import FAST, NOW, Peer, scripted

NOTICE = {
    "notification_id": "n1",
    "notification_type": "mention",
    "priority": "high",
    "title": "Bob mentioned you",
    "body": "",
    "created_at": NOW,
    "updated_at": NOW,
    "is_read": False,
    "is_grouped": False,
    "group_count": 1,
}
READ = {"count": 2, "unread_count": 5, "read_at": NOW}


@asynccontextmanager
async def met() -> AsyncIterator[tuple[Client, Peer]]:
    """A client that has come in, and the server's end of it."""
    async with scripted() as script:
        client = connect(script.url, "token", timing=FAST)
        peer = asyncio.create_task(script.come_in())
        async with client:
            yield client, await peer


async def test_s24_what_arrives_is_told_and_a_notification_is_confirmed() -> None:
    told: list[NotificationEvent] = []
    async with met() as (client, peer):
        client.notifications.listen(told.append)
        await peer.send("badge_update", unread_count=3)
        await peer.send("notification", **NOTICE)
        await peer.send("notification_read", notification_id="n1", read_at=NOW, unread_count=2)
        confirmed = await peer.recv("delivered")
        await eventually(lambda: len(told) == 3)
        assert confirmed["notification_id"] == "n1"
        assert client.notifications.unread == 2
    assert [type(one) for one in told] == [BadgeUpdate, Notification, NotificationRead]


async def test_s24_without_a_listener_nothing_is_confirmed() -> None:
    async with met() as (client, peer):
        await peer.send("notification", **NOTICE)
        await peer.send("badge_update", unread_count=4)
        await eventually(lambda: client.notifications.unread == 4)
        await client.delivered("d1", 1)
        assert (await peer.recv("delivered"))["conversation_id"] == "d1"


class Server:
    """Answers each request with the same, and keeps what was asked."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        self.status = status
        self.answer = json.dumps(answer).encode()
        self.asked: list[tuple[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(lines.get("content-length", "0")))
        if body:
            assert lines["content-type"] == "application/json"
        self.asked.append((head.partition(" HTTP/")[0], json.loads(body) if body else None))
        writer.write(
            b"HTTP/1.1 %d x\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (self.status, len(self.answer), self.answer)
        )
        writer.close()


@asynccontextmanager
async def served(answer: dict[str, Any], status: int = 200) -> AsyncIterator[tuple[Server, Any]]:
    server = Server(status, answer)
    async with within(10), await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        yield server, Notifications(Http(f"ws://127.0.0.1:{port}/ws", "token"), lambda text: None)


async def test_s40_the_list_is_read_by_pages() -> None:
    answer = {"notifications": [NOTICE], "next": "7-n1", "unread_count": 9}
    async with served(answer) as (server, notifications):
        page = await notifications.page(limit=1, before="9-n0", unread_only=True)
        await notifications.page()
    assert (page.next, page.notifications[0].title) == ("7-n1", "Bob mentioned you")
    assert notifications.unread == 9
    assert [asked for asked, _ in server.asked] == [
        "GET /v1/notifications?limit=1&before=9-n0&unread_only=true",
        "GET /v1/notifications",
    ]


async def test_s40_one_or_all_are_marked_as_read() -> None:
    async with served(READ) as (server, notifications):
        await notifications.read("n/1")
        await notifications.read_all(up_to="n1")
        assert (await notifications.read_all()).count == 2
    assert notifications.unread == 5
    assert server.asked == [
        ("POST /v1/notifications/n%2F1/read", None),
        ("POST /v1/notifications/read-all", {"up_to": "n1"}),
        ("POST /v1/notifications/read-all", {}),
    ]


async def test_s41_preferences_are_read_and_changed() -> None:
    mention = {"notification_type": "mention", "enabled": True, "realtime": True}
    mention |= {"push": False, "email": False}
    answer = {"types": [mention], "quiet_hours": None, "time_zone": None, "digest": "off"}
    night = QuietHours(start="22:00", end="07:00")
    async with served(answer) as (server, notifications):
        found = await notifications.preferences()
        await notifications.put_preferences(types=found.types, digest="daily")
        await notifications.put_preferences(quiet_hours=night, time_zone=None)
    assert isinstance(found.types[0], TypePreference)
    assert server.asked == [
        ("GET /v1/notification-preferences", None),
        ("PUT /v1/notification-preferences", {"types": [mention], "digest": "daily"}),
        (
            "PUT /v1/notification-preferences",
            {"quiet_hours": {"start": "22:00", "end": "07:00"}, "time_zone": None},
        ),
    ]


async def test_s40_a_refusal_has_the_code_of_the_protocol() -> None:
    problem = {"code": "not_found", "detail": "There is no such notification", "temporary": False}
    async with served(problem, 404) as (_, notifications):
        with pytest.raises(RequestFailed, match="not_found: There is no such") as refused:
            await notifications.read("n1")
    assert (refused.value.code, refused.value.temporary) == ("not_found", False)
