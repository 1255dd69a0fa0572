"""From what happens in a conversation to the requests that a host's server gets, in order."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec import Struct
from standardwebhooks.webhooks import Webhook as Verifier

from shared import subjects
from shared.api import EVENT_TYPES
from shared.commands import (
    CreateGroup,
    DeadEvent,
    DeadEvents,
    DeadEventsAnswer,
    DeleteMessage,
    EditMessage,
    FileReport,
    PutWebhook,
    PutWebhookAnswer,
    Webhook,
    Webhooks,
    WebhooksAnswer,
    encode,
    open_answer,
)
from tests.integration.lane_support import DIRECT, Lane, persistence
from tests.integration.notify_support import notify, process
from tests.support.endpoint import Endpoint, certificate, endpoint
from tests.support.waiting import eventually, within

T = TypeVar("T", bound=Struct)

SECRET = "whsec_" + "c2VjcmV0" * 4
ON: dict[str, Any] = {
    "outbound_allowed": ("127.0.0.1",),
    "webhook_retry_base": 0.02,
    "webhook_retry_cap": 0.02,
}


class World:
    """Persistence, and a host's server."""

    def __init__(self, lane: Lane, there: Endpoint, folder: Path, nats_url: str) -> None:
        self.lane = lane
        self.there = there
        self._folder = folder
        self._nats_url = nats_url

    @asynccontextmanager
    async def notify(self, **values: Any) -> AsyncIterator[None]:
        async with notify(self._nats_url, self._folder, **{**ON, **values}):
            yield

    @asynccontextmanager
    async def process(self, **values: Any) -> AsyncIterator[asyncio.subprocess.Process]:
        async with process(self._nats_url, self._folder, **{**ON, **values}) as child:
            yield child

    async def ask(self, question: Struct, answer: type[T]) -> T:
        subject = subjects.notify(str(question.__struct_config__.tag))
        async with within(20):
            while True:
                try:
                    payload = await self.lane.wire.request(subject, encode(question), 5)
                except Exception:  # noqa: BLE001 - it is starting
                    await asyncio.sleep(0.02)
                else:
                    return open_answer(payload, answer)

    async def put(self, webhook_id: str = "main", **fields: Any) -> PutWebhookAnswer:
        usual = {"url": self.there.url("/hook"), "events": list(EVENT_TYPES), "secret": SECRET}
        return await self.ask(
            PutWebhook(webhook_id=webhook_id, **{**usual, **fields}), PutWebhookAnswer
        )

    async def webhook(self, webhook_id: str = "main") -> Webhook:
        [found] = (await self.ask(Webhooks(webhook_id=webhook_id), WebhooksAnswer)).webhooks
        return found

    async def dead(self) -> list[DeadEvent]:
        return (await self.ask(DeadEvents(webhook_id="main", limit=500), DeadEventsAnswer)).events

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(asked.body) for asked in self.there.asked]

    async def until(self, count: int) -> list[dict[str, Any]]:
        await eventually(lambda: len(self.there.asked) >= count)
        return self.events()

    async def until_idle(self, delivered: int) -> None:
        async def idle() -> bool:
            found = await self.webhook()
            return found.delivered == delivered and not found.waiting

        await eventually(idle, 20)


@pytest.fixture
async def world(
    nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    async with endpoint(tmp_path) as there, persistence(nats_url, tmp_path) as lane:
        yield World(lane, there, tmp_path, nats_url)


async def test_a_webhook_hears_of_all_that_happens_once_and_signed(world: World) -> None:
    await world.lane.send("before", "not told")
    async with world.notify():
        await world.put()
        said = await world.lane.send("m1", "hello")
        await world.until(1)
        edit = EditMessage(user_id="ann", message_id=said.message_id, content="hello!")
        await world.lane.do(edit)
        await world.until(2)
        await world.lane.read("bob", said.seq)
        await world.until(3)
        report = FileReport(
            user_id="bob",
            report_id=subjects.report_id("bob", "r1"),
            other_id=None,
            message_id=said.message_id,
            reason="spam",
            comment="Again.",
        )
        await world.lane.do(report)
        await world.until(4)
        erase = DeleteMessage(user_id="ann", message_id=said.message_id, mode="everyone")
        await world.lane.do(erase)
        await world.until(5)
        group = CreateGroup(
            user_id="ann",
            conversation_id=subjects.group_conversation_id("ann", "g"),
            title="Team",
            members=["bob"],
        )
        await world.lane.do(group)
        await world.until(6)
        await world.until_idle(6)
    created, edited, read, reported, deleted, changed = world.events()
    assert [one["type"] for one in world.events()] == [
        "message.created",
        "message.edited",
        "message.read",
        "report.created",
        "message.deleted",
        "conversation.changed",
    ]
    assert created["data"]["message"]["content"] == "hello"
    assert created["data"]["conversation"] == {
        "conversation_id": DIRECT,
        "kind": "direct",
        "member_count": 2,
        "members": ["ann", "bob"],
    }
    assert edited["data"]["message"]["content"] == "hello!"
    assert (read["data"]["user_id"], read["data"]["seq"]) == ("bob", said.seq)
    assert (reported["data"]["user_id"], reported["data"]["comment"]) == ("ann", "Again.")
    assert deleted["data"]["message"]["content"] == ""
    assert changed["data"]["change"] == "created"
    assert changed["data"]["conversation"]["title"] == "Team"
    assert len({one.headers["webhook-id"] for one in world.there.asked}) == 6
    for asked in world.there.asked:
        Verifier(SECRET).verify(asked.body, asked.headers)
