"""A message that no device has becomes one push: notify itself, with a push service."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared import vapid
from shared.commands import (
    Announce,
    AnnounceAnswer,
    PushAnswer,
    PushKey,
    PushKeyAnswer,
    PushSubscribe,
    RetryAnswer,
    RetryDeliveries,
)
from shared.retry import Retries
from tests.integration.notify_support import (
    FakeLog,
    Notify,
    fake_log,
    notify,
    process,
    rows,
    smtp_server,
    to_mailbox,
)
from tests.support.endpoint import Endpoint, certificate, endpoint
from tests.support.receiver import Receiver
from tests.support.waiting import eventually

ON: dict[str, Any] = {
    "vapid_private_key": vapid.new_key(),
    "outbound_allowed": ("127.0.0.1",),
    "notify_push_after": 0.0,
    "notify_email_after": 3600.0,
    "public_url": "https://chat.example",
}


class World:
    """Bob, who has a browser, and notify."""

    def __init__(self, log: FakeLog, there: Endpoint, folder: Path, nats_url: str) -> None:
        self.log = log
        self.there = there
        self.browser = Receiver()
        self._folder = folder
        self._nats_url = nats_url

    @asynccontextmanager
    async def notify(self, **values: Any) -> AsyncIterator[Notify]:
        async with notify(self._nats_url, self._folder, **{**ON, **values}) as running:
            yield running

    @asynccontextmanager
    async def process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        async with process(self._nats_url, self._folder, **ON) as child:
            yield child

    async def subscribe(self, user_id: str = "bob", path: str = "/bob") -> None:
        asked = PushSubscribe(user_id=user_id, endpoint=self.there.url(path), **self.browser.keys)
        await self.log.ask(asked, PushAnswer)

    def pushed(self) -> list[dict[str, Any]]:
        return [json.loads(self.browser.decrypt(asked.body)) for asked in self.there.asked]

    def states(self) -> list[tuple[str, str]]:
        """Return the states of the pushes, oldest first."""
        return [(one["state"], one["reason"]) for one in self.rows()]

    def rows(self) -> list[dict[str, Any]]:
        return [one for one in rows(self._folder / "notify.db") if one["channel"] == "push"]

    async def until(self, *states: tuple[str, str]) -> None:
        await eventually(lambda: self.states() == list(states))


@pytest.fixture
async def world(
    nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    async with endpoint(tmp_path) as there, fake_log(nats_url) as log:
        log.know("alice")
        log.know("bob")
        yield World(log, there, tmp_path, nats_url)


async def test_c8_s74_s97_what_no_device_has_is_pushed_once(world: World) -> None:
    async with world.notify():
        await world.subscribe()
        await world.log.send("alice", "bob", "Lunch?")
        await world.until(("sent", "http_201"))
        [told] = world.pushed()
        assert (told["title"], told["body"]) == ("Alice", "Lunch?")
        assert told["url"] == "https://chat.example/chat/alice/"
        await world.log.send("alice", "bob", "At noon?")
        await world.until(("sent", "http_201"), ("sent", "http_201"))
        assert [told["body"] for told in world.pushed()] == ["Lunch?", "At noon?"]
        assert [told["tag"] for told in world.pushed()] == [told["tag"]] * 2


async def test_c8_what_was_read_before_is_not_pushed(world: World) -> None:
    async with world.notify(notify_push_after=60.0):
        await world.subscribe()
        seq = await world.log.send("alice", "bob")
        await eventually(lambda: len(world.states()) == 1)
        await world.log.mark_read("bob", "alice", seq)
        await world.until(("cancelled", "read"))
    assert world.there.asked == []


async def test_s97_who_has_no_browser_has_no_pushes(world: World) -> None:
    async with world.notify(notify_email_after=0.0) as running:
        await world.log.send("alice", "bob")
        await running.until_states("sent")
    assert world.states() == []


async def test_c8_a_push_without_an_answer_is_unknown_and_stays_so_after_a_restart(
    world: World,
) -> None:
    world.there.script = ["hang"]
    async with world.notify():
        await world.subscribe()
        await world.log.send("alice", "bob")
        await eventually(lambda: len(world.there.asked) == 1)
    async with world.notify():
        await eventually(lambda: world.states()[0][0] == "unknown")
        await world.log.send("alice", "bob", "later")
        await eventually(lambda: len(world.there.asked) == 2)
    assert len(world.there.asked) == 2


async def test_s97_a_push_service_that_asks_for_a_pause_gets_it(world: World) -> None:
    world.there.script = ["429 retry-after: 3600"]
    async with world.notify():
        await world.subscribe()
        await world.log.send("alice", "bob")
        await world.until(("waiting", "http_429"))
    [push] = world.rows()
    assert push["due_at"] - push["created_at"] > 3_500 * 1_000_000


async def test_c8_s97_a_browser_that_fails_holds_up_no_other(world: World) -> None:
    """A new message is pushed to the browser that works, without waiting for the next attempt."""
    async with world.notify():
        await world.subscribe()
        await world.subscribe("bob", "/broken")
        world.there.script = ["201", "429 retry-after: 3600"]
        await world.log.send("alice", "bob", "Lunch?")
        await world.until(("waiting", "http_429"))
        world.there.script = ["201", "429 retry-after: 3600"]
        await world.log.send("alice", "bob", "At noon?")
        await eventually(lambda: len(world.there.asked) == 4)
        await world.until(("waiting", "http_429"))
    paths = [asked.path for asked in world.there.asked]
    assert sorted(paths) == ["/bob", "/bob", "/broken", "/broken"]


async def test_c8_s97_a_browser_that_fails_is_tried_again_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = Retries(attempts=8, base=0.1, cap=0.1)
    monkeypatch.setattr("services.notify.app.RETRIES", soon)
    monkeypatch.setattr("services.notify.parts.RETRIES", soon)
    async with world.notify():
        await world.subscribe()
        await world.subscribe("bob", "/broken")
        world.there.script = ["201", "503", "503", "201"]
        await world.log.send("alice", "bob", "Lunch?")
        await world.until(("sent", "http_201"))
    paths = [asked.path for asked in world.there.asked]
    assert sorted(paths.count(path) for path in ("/bob", "/broken")) == [1, 3]


async def test_c10_push_services_that_do_not_answer_hold_up_no_other(world: World) -> None:
    world.there.script = ["hang"] * 5
    async with world.notify():
        await world.subscribe()
        for person in ("ann", "ben", "cat", "dan", "eve", "alice"):
            await world.log.send(person, "bob")
        await eventually(lambda: ("sent", "http_201") in world.states(), 10)
        assert len(world.there.asked) == 6


async def test_s97_without_a_key_nothing_is_pushed_and_with_one_it_is_told(world: World) -> None:
    async with world.notify(vapid_private_key="", notify_email_after=0.0) as running:
        assert (await world.log.ask(PushKey(), PushKeyAnswer)).public_key == ""
        await world.log.send("alice", "bob")
        await running.until_states("sent")
    async with world.notify(push_content="none"):
        assert (await world.log.ask(PushKey(), PushKeyAnswer)).public_key != ""
        await world.subscribe()
        await world.log.send("alice", "bob", "secret")
        await world.until(("sent", "http_201"))
    [told] = world.pushed()
    assert (told["title"], told["body"]) == ("", "")


async def test_s73_s97_a_notification_from_the_host_is_pushed_too(world: World) -> None:
    announce = Announce(
        idempotency_key="k1",
        user_ids=["bob"],
        notification_type="security_alert",
        priority="urgent",
        title="New sign-in",
        body="From Berlin",
        action_url="/security",
    )
    async with world.notify():
        await world.subscribe()
        answer = await world.log.ask(announce, AnnounceAnswer)
        await world.until(("sent", "http_201"))
    [told] = world.pushed()
    assert (told["title"], told["body"], told["priority"]) == (
        *("New sign-in", "From Berlin", "urgent"),
    )
    assert told["notification_id"] == answer.results[0].notification_id
    assert (told["url"], told["badge"]) == ("https://chat.example/security", 1)


async def test_s97_what_a_push_service_refused_is_tried_again_when_the_operator_says_so(
    world: World,
) -> None:
    world.there.script = ["400"]
    async with world.notify():
        await world.subscribe()
        await world.log.send("alice", "bob")
        await world.until(("failed", "http_400"))
        await world.log.ask(RetryDeliveries(), RetryAnswer)
        await world.until(("sent", "http_201"))
    assert len(world.there.asked) == 2


@pytest.mark.slow
async def test_c8_however_often_notify_is_killed_a_browser_gets_a_push_once(world: World) -> None:
    """SIGKILL hits notify while pushes are under way; their outcome is unknown."""
    people, draw = [f"user{number}" for number in range(40)], random.Random(7)
    world.there.script = ["late"] * 1000
    async with world.process():
        await world.subscribe()
    for person in people:
        await world.log.send(person, "bob")
    for _ in range(8):
        reached = len(world.there.asked) + draw.randrange(1, 5)
        async with world.process() as running:
            await eventually(partial(got, world, reached), 20)
            await asyncio.sleep(draw.uniform(0, 0.06))
            running.kill()
        if settled(world):
            break
    async with world.notify():
        await eventually(lambda: settled(world), 20)
    tags = [told["tag"] for told in world.pushed()]
    assert len(tags) == len(set(tags))
    states = Counter(state for state, _ in world.states())
    assert states["sent"] + states["unknown"] == len(people)
    assert states["unknown"] > 0
    assert len(tags) >= states["sent"]


def got(world: World, requests: int) -> bool:
    return len(world.there.asked) >= requests or settled(world)


def settled(world: World) -> bool:
    states = [state for state, _ in world.states()]
    return len(states) == 40 and not {"waiting", "claimed", "sending"} & set(states)


async def test_c10_a_mail_server_that_hangs_delays_no_push(world: World) -> None:
    async with smtp_server() as mailbox:
        mailbox.script["mail"] = ["hang"] * 100
        async with world.notify(**to_mailbox(mailbox), notify_email_after=0.0):
            await world.subscribe()
            for number in range(8):
                world.log.know(f"user{number}")
                await world.log.send("alice", f"user{number}")
            await eventually(lambda: mailbox.seen.count("mail") == 4)
            await world.log.send("alice", "bob", "Lunch?")
            await world.until(("sent", "http_201"))
            assert mailbox.accepted == []
            mailbox.release.set()
