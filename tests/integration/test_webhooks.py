"""Each event of a conversation becomes a request to the host's server, in order."""

import asyncio
import json
import os
import random
import signal
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from msgspec import Struct
from standardwebhooks.webhooks import Webhook as Verifier

from services.notify.webhooks import lines, reader, registry, sender
from shared import subjects
from shared.api import EVENT_TYPES
from shared.commands import (
    CreateGroup,
    DeadEvent,
    DeadEvents,
    DeadEventsAnswer,
    DeleteMessage,
    DeleteWebhook,
    DeleteWebhookAnswer,
    EditMessage,
    EraseUser,
    FileReport,
    PutUser,
    PutWebhook,
    PutWebhookAnswer,
    ReplayEvents,
    ReplayEventsAnswer,
    TriedWebhook,
    TryWebhook,
    Webhook,
    Webhooks,
    WebhooksAnswer,
    encode,
    open_answer,
)
from shared.errors import InvalidRequest, NotFound, Unavailable
from shared.health.endpoints import Health
from shared.outward.destinations import Rules
from tests.integration.lane_support import DIRECT, Lane, persistence
from tests.integration.notify_support import notify, process
from tests.support.endpoint import Endpoint, certificate, endpoint
from tests.support.nats import nats_server
from tests.support.waiting import eventually, within
from tests.unit.shared.test_outward import REFUSED

pytestmark = pytest.mark.asyncio(loop_scope="module")

T = TypeVar("T", bound=Struct)

SECRET = "whsec_" + "c2VjcmV0" * 4
OTHER_SECRET = "whsec_" + "b3RoZXI0" * 4
ON: dict[str, Any] = {
    "outbound_allowed": ("127.0.0.1",),
    "webhook_retry_base": 0.02,
    "webhook_retry_cap": 0.02,
}
FRIENDS = ("bob", "carol", "dave")


class World:
    """Persistence, and a host's server. `answered`: how the requests were answered, in order."""

    def __init__(self, lane: Lane, there: Endpoint, folder: Path, nats_url: str) -> None:
        self.lane = lane
        self.there = there
        self.folder = folder
        self.sent = 0
        self._nats_url = nats_url

    @asynccontextmanager
    async def notify(self, **values: Any) -> AsyncIterator[Health]:
        async with notify(self._nats_url, self.folder, **{**ON, **values}) as running:
            yield running.health

    @asynccontextmanager
    async def process(self, **values: Any) -> AsyncIterator[asyncio.subprocess.Process]:
        async with process(self._nats_url, self.folder, **{**ON, **values}) as child:
            yield child

    async def ask(self, question: Struct, answer: type[T]) -> T:
        subject = subjects.notify(str(question.__struct_config__.tag))
        async with within(20):
            while True:
                try:
                    payload = await self.lane.wire.request(subject, encode(question), 5)
                    return open_answer(payload, answer)
                except Unavailable:
                    await asyncio.sleep(0.02)  # it is starting

    async def put(self, webhook_id: str = "main", **fields: Any) -> PutWebhookAnswer:
        usual = {"url": self.there.url("/hook"), "events": list(EVENT_TYPES), "secret": SECRET}
        asked = PutWebhook(webhook_id=webhook_id, **{**usual, **fields})
        return await self.ask(asked, PutWebhookAnswer)

    async def webhook(self, webhook_id: str = "main") -> Webhook:
        [found] = (await self.ask(Webhooks(webhook_id=webhook_id), WebhooksAnswer)).webhooks
        return found

    async def dead(self) -> list[DeadEvent]:
        return (await self.ask(DeadEvents(webhook_id="main", limit=500), DeadEventsAnswer)).events

    async def say(self, to: str = "bob") -> str:
        self.sent += 1
        content = f"{to} {self.sent}"
        await self.lane.send(f"{self.folder.name}-{self.sent}", content, to=to)
        return content

    async def said(self, count: int) -> dict[str, list[str]]:
        """So many messages in three conversations: what was said in each."""
        said: dict[str, list[str]] = defaultdict(list)
        for number in range(count):
            friend = FRIENDS[number % 3]
            said[friend].append(await self.say(friend))
        return dict(said)

    def events(self, path: str = "/hook") -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.there.asked if one.path == path]

    def told(self) -> dict[str, list[str]]:
        """Return the content that was accepted first for each event, by conversation."""
        told: dict[str, dict[str, str]] = defaultdict(dict)
        for asked, answer in zip(self.there.asked, self.there.answers, strict=False):
            if answer.startswith("2"):
                content = json.loads(asked.body)["data"]["message"]["content"]
                told[content.split()[0]].setdefault(asked.headers["webhook-id"], content)
        return {friend: list(found.values()) for friend, found in told.items()}

    async def until_requests(self, count: int) -> None:
        await eventually(lambda: len(self.there.asked) >= count)

    async def until_idle(self, delivered: int, webhook_id: str = "main", waiting: int = 0) -> None:
        async def idle() -> bool:
            found = await self.webhook(webhook_id)
            return (found.delivered, found.waiting) == (delivered, waiting)

        await eventually(idle, 20)

    async def until_dead(self, count: int) -> list[DeadEvent]:
        async def dead() -> bool:
            return len(await self.dead()) == count

        await eventually(dead, 20)
        return await self.dead()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Lane, Endpoint, str]]:
    """One persistence and one server of the host for all tests: a webhook begins at the end."""
    folder = tmp_path_factory.mktemp("webhooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate(folder)))
        async with (
            nats_server() as url,
            persistence(url, folder, message_rate=0) as lane,
            endpoint(folder) as there,
        ):
            await lane.do(*(PutUser(user_id=friend) for friend in FRIENDS))
            for friend in FRIENDS:
                await lane.send(f"first-{friend}", "hello", to=friend)
            yield lane, there, url


@pytest.fixture
def world(running: tuple[Lane, Endpoint, str], tmp_path: Path) -> World:
    lane, there, url = running
    there.forget()
    return World(lane, there, tmp_path, url)


async def test_a_webhook_hears_of_all_that_happens_once_and_signed(world: World) -> None:
    await world.say()
    async with world.notify():
        await world.put()
        said = await world.lane.send(f"{world.folder.name}-m1", "hello")
        await world.until_requests(1)
        edit = EditMessage(user_id="ann", message_id=said.message_id, content="hello!")
        await world.lane.do(edit)
        await world.until_requests(2)
        await world.lane.read("bob", said.seq)
        await world.until_requests(3)
        report = FileReport(
            user_id="bob",
            report_id=subjects.report_id("bob", "r1"),
            other_id=None,
            message_id=said.message_id,
            reason="spam",
            comment="Again.",
        )
        await world.lane.do(report)
        await world.until_requests(4)
        erase = DeleteMessage(user_id="ann", message_id=said.message_id, mode="everyone")
        await world.lane.do(erase)
        await world.until_requests(5)
        group = CreateGroup(
            user_id="ann",
            conversation_id=subjects.group_conversation_id("ann", "g"),
            title="Team",
            members=["bob"],
        )
        await world.lane.do(group)
        await world.until_requests(6)
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


async def test_who_is_erased_leaves_deleted_messages(world: World) -> None:
    await world.lane.do(PutUser(user_id="zoe", name="Zoe"))
    async with world.notify():
        await world.put(events=["message.created", "message.deleted"])
        said = [
            await world.lane.send(f"{world.folder.name}-{n}", f"zoe {n}", sender="zoe", to="ann")
            for n in range(3)
        ]
        await world.until_idle(3)
        await world.lane.do(EraseUser(user_id="zoe"))
        await world.until_idle(6)
    deleted = [one["data"]["message"] for one in world.events()[3:]]
    assert [one["message_id"] for one in deleted] == [one.message_id for one in said]
    assert [(one["content"], "deleted_at" in one) for one in deleted] == [("", True)] * 3


async def test_s121_a_server_that_is_down_gets_all_in_order_when_it_is_back(world: World) -> None:
    world.there.usual = "drop"
    async with world.notify() as health:
        assert samples(health, "linkup_breaker_state")["webhooks"] == 0
        await world.put()
        said = await world.said(12)
        await world.until_requests(8)
        found = await world.webhook()
        assert (found.reason, found.breaker == "closed") == ("no_answer", False)
        assert samples(health, "linkup_breaker_state")["webhooks"] > 0
        assert samples(health, "linkup_breakers_open") == {"webhooks": 1}
        assert samples(health, "linkup_webhook_lag_seconds")[""] > 0
        assert "the webhook main fails: no_answer" in health.report()[1]["webhooks"].output
        world.there.usual = "200"
        await world.until_idle(12)
        outcomes = samples(health, "linkup_webhook_events_total")
        assert (outcomes["delivered"], outcomes["failed"] > 4) == (12, True)
        assert samples(health, "linkup_breakers_open") == {"webhooks": 0}
    assert world.told() == said


async def test_c3_failures_of_any_kind_lose_and_repeat_and_reorder_nothing(world: World) -> None:
    fails = ["500", "503 retry-after: 0", "429", "404", "drop", "302 location: https://x.test/"]
    draw = random.Random(7)
    world.there.script = [draw.choice([*fails, "200", "204"]) for _ in range(40)]
    async with world.notify():
        await world.put()
        said = await world.said(15)
        await world.until_idle(15)
    assert world.told() == said
    ids = [
        one.headers["webhook-id"]
        for one, answer in zip(world.there.asked, world.there.answers, strict=True)
        if answer.startswith("2")
    ]
    assert len(ids) == len(set(ids)) == 15
    assert {one.headers["webhook-id"] for one in world.there.asked} == set(ids)


async def test_a_slow_server_holds_up_only_the_conversation_it_is_slow_with(
    world: World,
) -> None:
    world.there.script = ["hang"]
    async with world.notify():
        await world.put()
        said = {"bob": [await world.say("bob")]}
        await world.until_requests(1)
        said["carol"] = [await world.say("carol")]
        said["bob"].append(await world.say("bob"))
        await world.until_idle(1, waiting=2)
        world.there.release.set()  # no answer comes
        await world.until_idle(3)
    assert world.told() == said
    assert world.there.asked[0].headers["webhook-id"] == world.there.asked[2].headers["webhook-id"]


async def test_a_redirect_is_not_followed_and_ends_as_a_dead_letter_that_is_replayed(
    world: World,
) -> None:
    world.there.usual = f"302 location: {world.there.url('/elsewhere')}"
    async with world.notify(webhook_retry_for=0.3):
        await world.put()
        said = await world.said(4)
        dead = await world.until_dead(4)
        assert {one.reason for one in dead} <= {"http_302", "expired"}
        assert {one.event_type for one in dead} == {"message.created"}
    world.there.usual = "200"
    async with world.notify():  # what is replayed would expire as soon on a machine that stalls
        asked = ReplayEvents(webhook_id="main")
        assert (await world.ask(asked, ReplayEventsAnswer)).count == 4
        await world.until_idle(4)
        assert await world.dead() == []
    assert world.told() == said
    assert {one.path for one in world.there.asked} == {"/hook"}


async def test_an_event_that_is_refused_alone_stops_no_other_conversation(world: World) -> None:
    async with world.notify(webhook_retry_for=0.4):
        await world.put()
        refused = await world.say("bob")
        world.there.refuse = refused.encode()
        said = [await world.say("carol") for _ in range(3)]
        later = await world.say("bob")
        [dead] = await world.until_dead(1)
        assert dead.reason == "http_400"
        await world.until_idle(4)
        assert (await world.webhook()).breaker == "closed"
        world.there.refuse = b""
        asked = ReplayEvents(webhook_id="main", event_ids=[dead.event_id, "evt_no"])
        assert (await world.ask(asked, ReplayEventsAnswer)).count == 1
        await world.until_idle(5)
    assert world.told() == {"carol": said, "bob": [later, refused]}


async def test_410_switches_it_off_and_switched_on_it_goes_on_in_order(world: World) -> None:
    async with world.notify():
        await world.put()
        said = [await world.say()]
        await world.until_idle(1)
        world.there.usual = "410"
        said.append(await world.say())
        [dead] = await world.until_dead(1)
        assert (dead.reason, dead.attempts) == ("http_410", 1)
        found = await world.webhook()
        assert (found.off, found.waiting, found.dead) == ("http_410", 0, 1)
        requests = len(world.there.asked)
        said.append(await world.say())
        world.there.usual = "200"
        await world.put()
        await world.until_idle(3)
        assert len(world.there.asked) == requests + 2
        assert (await world.webhook()).off == ""
    assert world.told() == {"bob": said}


async def test_410_for_one_event_counts_the_attempts_of_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is under way and gets no answer, another waits for it, and a third is answered."""
    monkeypatch.setattr(lines, "TIMEOUT", 300.0)  # the first is answered last
    async with world.notify() as health:
        await world.put()
        world.there.script = ["hang", "410"]
        await world.say("bob")
        await world.until_requests(1)
        await world.say("bob")
        await world.say("carol")
        found = await world.until_dead(3)
        world.there.release.set()

        async def tried() -> bool:
            attempts = [dead.attempts for dead in await world.dead()]
            return sorted(attempts) == [0, 1, 1]

        await eventually(tried, 20)
        assert {dead.reason for dead in [*found, *(await world.dead())]} == {"http_410"}
        assert samples(health, "linkup_webhook_events_total")["dead"] == 1


async def test_what_happens_while_it_is_switched_off_is_sent_when_it_is_on(world: World) -> None:
    async with world.notify():
        await world.put()
        await world.put(enabled=False)
        assert (await world.webhook()).off == "asked"
        said = [await world.say()]
    async with world.notify():
        await world.put()
        said.append(await world.say())
        await world.until_idle(2)
    assert world.told() == {"bob": said}


async def test_c3_kill_9_at_each_step_sends_it_again_with_the_same_id(world: World) -> None:
    world.there.usual = "drop"
    async with world.process() as child:
        await world.put()
        said = [await world.say()]
        await eventually(lambda: _waiting(world.folder) == 1)
        child.kill()  # it is written down
        await child.wait()
    world.there.usual = "200"
    world.there.script = ["hang"]
    async with world.process() as child:
        requests = len(world.there.asked)
        await world.until_requests(requests + 1)
        child.kill()  # it is on its way
        await child.wait()
    async with world.process() as child:
        world.there.after = lambda: os.kill(child.pid, signal.SIGKILL)  # it is accepted
        await child.wait()
    world.there.after = None
    async with world.process():
        said.append(await world.say())
        await eventually(lambda: world.told() == {"bob": said})
        await eventually(lambda: _waiting(world.folder) == 0)
    ids = {one.headers["webhook-id"] for one in world.there.asked}
    assert len(ids) == 2


@pytest.mark.slow
async def test_kill_9_at_any_moment_loses_nothing(world: World) -> None:
    said: dict[str, list[str]] = defaultdict(list)
    for number in range(4):
        async with world.process() as child:
            if number == 0:
                await world.put()
            before = len(world.there.asked)
            for friend, contents in (await world.said(9)).items():
                said[friend] += contents
            await world.until_requests(before + 1 + 2 * number)
            child.kill()
            await child.wait()
    async with world.process():
        await eventually(lambda: world.told() == said, 20)


@pytest.mark.slow
async def test_kill_9_of_persistence_in_mid_traffic_loses_and_reorders_nothing(
    tmp_path: Path, running: tuple[Lane, Endpoint, str]
) -> None:
    _, there, _ = running  # whose certificate is trusted
    there.forget()
    there.usual = "200"
    said: dict[str, list[str]] = defaultdict(list)
    async with nats_server() as url, notify(url, tmp_path, **ON):
        for number in range(3):
            async with persistence(url, tmp_path, message_rate=0) as lane:
                world = World(lane, there, tmp_path, url)
                world.sent = 100 * number
                await lane.do(*(PutUser(user_id=friend) for friend in FRIENDS))
                if number == 0:
                    await world.put()
                for friend, contents in (await world.said(12)).items():
                    said[friend] += contents
                await world.until_requests(12 * number + 3)
                if number < 2:
                    lane.child.kill()
                    continue
                await eventually(partial(_has_told, world, said), 20)


async def test_many_wait_in_the_log_and_not_in_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_WAITING", 4)
    monkeypatch.setattr(reader, "POLL", 3600.0)
    world.there.usual = "drop"
    async with world.notify():
        await world.put()
        said = await world.said(6)
        await world.until_requests(2)
        for friend, contents in (await world.said(30)).items():
            said[friend] += contents
        world.there.usual = "200"
        await world.until_idle(36)
    assert world.told() == said


async def test_one_that_fails_does_not_delay_another(world: World) -> None:
    world.there.refuse_path = "/down"
    async with world.notify():
        await world.put()
        await world.put("down", url=world.there.url("/down"))
        said = await world.said(6)
        await world.until_idle(6)
        await world.until_idle(0, "down", waiting=6)
        world.there.refuse_path = ""
        await world.until_idle(6, "down")
    contents = sorted(one["data"]["message"]["content"] for one in world.events())
    assert contents == sorted(one for contents in said.values() for one in contents)


async def test_it_hears_only_of_the_types_it_wants_and_not_of_what_was_before(
    world: World,
) -> None:
    async with world.notify():
        await world.say()
        await world.put(events=["message.read"])
        said = await world.lane.send(f"{world.folder.name}-r", "hello")
        await world.lane.read("bob", said.seq)
        await world.until_idle(1)
    assert [one["type"] for one in world.events()] == ["message.read"]


async def test_a_deleted_webhook_reads_no_more_whatever_is_on_its_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it asked for another page, it would be a follower again, for whom the log is kept."""
    ended, run = asyncio.Event(), reader.Reader.run

    async def watched(self: reader.Reader) -> None:
        try:
            await run(self)
        finally:
            ended.set()

    monkeypatch.setattr(reader.Reader, "run", watched)
    world.there.script = ["hang"]
    async with world.notify():
        await world.put()
        await world.say()
        await world.until_requests(1)
        await world.ask(DeleteWebhook(webhook_id="main"), DeleteWebhookAnswer)
        assert ended.is_set()
        world.there.release.set()


async def test_the_same_again_changes_nothing_and_a_secret_is_made_once(world: World) -> None:
    async with world.notify():
        made = await world.put(secret="")
        assert made.created
        Verifier(made.secret)
        again = await world.put(secret="")
        assert (again.created, again.secret, again.webhook) == (False, "", made.webhook)
        await world.put(secret=SECRET)
        await world.put(secret=OTHER_SECRET)
        await world.say()
        await world.until_idle(1)
    [asked] = world.there.asked
    for secret in (SECRET, OTHER_SECRET):
        Verifier(secret).verify(asked.body, asked.headers)


async def test_a_deleted_one_hears_no_more_and_begins_anew(world: World) -> None:
    async with world.notify():
        await world.put()
        gone = await world.ask(DeleteWebhook(webhook_id="main"), DeleteWebhookAnswer)
        assert gone.deleted
        gone = await world.ask(DeleteWebhook(webhook_id="main"), DeleteWebhookAnswer)
        assert not gone.deleted
        with pytest.raises(NotFound):
            await world.webhook()
        with pytest.raises(NotFound):
            await world.dead()
        await world.say()
        await world.put()
        said = await world.say()
        await world.until_idle(1)
    assert world.told() == {"bob": [said]}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
async def test_no_address_inside_is_taken(url: str) -> None:
    terms: Any = type("Terms", (), {"rules": Rules(), "between": None})()
    asked = PutWebhook(webhook_id="main", url=url, events=["message.created"])
    with pytest.raises(InvalidRequest, match="`url`"):
        await registry.Registry(terms).put(asked)


async def test_faults_of_a_registration_name_the_field(world: World) -> None:
    async with world.notify():
        with pytest.raises(InvalidRequest, match="`secret` must be whsec_"):
            await world.put(secret="whsec_c2hvcnQ=")
        for number in range(lines.MOST):
            await world.put(f"w{number}")
        with pytest.raises(InvalidRequest, match="16 webhooks already"):
            await world.put("one-more")
    assert lines.MOST * sender.AT_ONCE <= lines.CONNECTIONS  # none waits for those of another


async def test_a_test_event_is_sent_at_once_and_its_answer_is_told(world: World) -> None:
    async with world.notify():
        await world.put()
        told = await world.ask(TryWebhook(webhook_id="main"), TriedWebhook)
        assert told.reason == ""
        world.there.usual = "500"
        assert (await world.ask(TryWebhook(webhook_id="main"), TriedWebhook)).reason == "http_500"
    assert [one["type"] for one in world.events()] == ["webhook.test"] * 2
    Verifier(SECRET).verify(world.there.asked[0].body, world.there.asked[0].headers)


async def test_without_a_webhook_nothing_is_asked_of_the_log(world: World) -> None:
    asked: list[Any] = []
    for name in ("facts", "details"):
        await world.lane.wire.subscribe(subjects.query(name), asked.append)
    async with world.notify():
        await world.said(3)
        await asyncio.sleep(0)
        await world.put()
        await eventually(lambda: bool(asked))
    first = asked[0]
    assert b"at_end" in first.payload


def _has_told(world: World, said: dict[str, list[str]]) -> bool:
    return world.told() == said


def samples(health: Health, name: str) -> dict[str, float]:
    """As /metrics shows them, by the value of the label."""
    families = health.metrics.registry.collect()
    found = [one for family in families for one in family.samples if one.name == name]
    return {next(iter(one.labels.values()), ""): one.value for one in found}


def _waiting(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "notify.db", timeout=5)) as database:
        [(count,)] = database.execute("SELECT count(*) FROM webhook_events").fetchall()
    return int(count)
