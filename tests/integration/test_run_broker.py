"""The nats-server of `linkup run`: who may do what, and that it comes back where it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from linkup.installation.owners import bare_environment
from linkup.run.broker import NAME, PUBLISH, Broker
from linkup.run.children import Child
from linkup.run.events import Died, Event, Ready
from linkup.run.orphans import leash
from tests.support.waiting import eventually, within

TOKEN = "abcdefghijklmnopqrstuvwx"
FEED, LIVE, ASK, CONTROL = (
    f"linkup.user.{TOKEN}.{kind}" for kind in ["feed", "live", "ask", "control"]
)
PRESENCE = f"linkup.presence.{TOKEN}"
EVERYTHING = (
    *("linkup.store", "linkup.query.log", "linkup.notify.badges", "linkup.log", "linkup.errors"),
    *(FEED, LIVE, ASK, CONTROL, PRESENCE, "_INBOX.x", "$SYS.REQ.SERVER.PING", "anything"),
    *(f"_INBOX_{user}.x" for user in PUBLISH),
)
MAY_PUBLISH = {
    "gateway": {
        *("linkup.store", "linkup.query.log", "linkup.notify.badges", "linkup.errors"),
        *(LIVE, ASK, CONTROL, PRESENCE),
    },
    "persistence": {FEED, CONTROL, "linkup.log"},
    "notify": {"linkup.query.log", ASK, LIVE, "linkup.errors"},
    "operator": {"linkup.query.log", "linkup.notify.badges"},
}
MAY_SUBSCRIBE = {
    "gateway": {FEED, LIVE, ASK, CONTROL, PRESENCE, "_INBOX_gateway.x"},
    "persistence": set[str](),  # all of it in a queue group
    "notify": {"linkup.log", "_INBOX_notify.x"},
    "operator": {"_INBOX_operator.x"},
}


class Running:
    def __init__(self, broker: Broker, child: Child, events: list[Event]) -> None:
        self.broker = broker
        self.child = child
        self.events = events

    def ports(self) -> list[int]:
        return [event.port for event in self.events if isinstance(event, Ready)]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    broker, events = Broker(folder), list[Event]()
    broker.prepare()
    async with leash() as tether:
        child = Child(broker.plan(bare_environment()), tether, events.append)
        child.start()
        try:
            await child.ready()
            yield Running(broker, child, events)
        finally:
            await child.stop()


@asynccontextmanager
async def connected(broker: Broker, user: str, refused: list[str]) -> AsyncIterator[Client]:
    async def on_error(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await nats.connect(
        broker.url(user), inbox_prefix=f"_INBOX_{user}".encode(), error_cb=on_error
    )
    try:
        yield client
    finally:
        await client.close()


async def nothing(_: object) -> None:
    return None


@pytest.mark.parametrize("user", PUBLISH)
async def test_each_service_publishes_to_its_own_subjects_only(tmp_path: Path, user: str) -> None:
    refused: list[str] = []
    async with running(tmp_path) as server, connected(server.broker, user, refused) as client:
        for subject in EVERYTHING:
            await client.publish(subject, b"")
        await client.flush()
        denied = set(EVERYTHING) - MAY_PUBLISH[user]
        await eventually(lambda: len(refused) == len(denied))
        assert all(any(f'"{subject.lower()}"' in told for told in refused) for subject in denied)


@pytest.mark.parametrize("user", PUBLISH)
async def test_each_service_listens_to_its_own_subjects_only(tmp_path: Path, user: str) -> None:
    refused: list[str] = []
    async with running(tmp_path) as server, connected(server.broker, user, refused) as client:
        for subject in EVERYTHING:
            await client.subscribe(subject, cb=nothing)
        await client.flush()
        denied = set(EVERYTHING) - MAY_SUBSCRIBE[user]
        await eventually(lambda: len(refused) == len(denied))
        assert all(any(f'"{subject.lower()}"' in told for told in refused) for subject in denied)


@pytest.mark.parametrize(
    ("asker", "subject", "answerer", "group"),
    [
        ("gateway", "linkup.store", "persistence", "persistence"),
        ("gateway", "linkup.query.log", "persistence", "persistence"),
        ("notify", "linkup.query.log", "persistence", "persistence"),
        ("operator", "linkup.query.log", "persistence", "persistence"),
        ("gateway", "linkup.notify.badges", "notify", "notify"),
        ("notify", ASK, "gateway", ""),
    ],
)
async def test_who_is_asked_may_answer(
    tmp_path: Path, asker: str, subject: str, answerer: str, group: str
) -> None:
    refused: list[str] = []
    async with (
        running(tmp_path) as server,
        connected(server.broker, asker, refused) as asking,
        connected(server.broker, answerer, refused) as answering,
    ):

        async def answer(message: Msg) -> None:
            await answering.publish(message.reply, b"yes")

        await answering.subscribe(subject, queue=group, cb=answer)
        for _ in range(2):  # the first PING may overtake the subscription, see shared/bus.py
            await answering.flush()
        reply = await asking.request(subject, b"", timeout=5)
        assert reply.data == b"yes"
        assert refused == []


async def test_nobody_enters_without_a_password(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        url = server.broker.url("gateway")
        for wrong in (url.replace("//gateway:", "//notify:"), url.rpartition("@")[2]):
            client = Client()
            with pytest.raises(nats.errors.Error):
                async with within(5):
                    await client.connect(wrong, allow_reconnect=False, error_cb=nothing)
            await client.close()


async def test_a_killed_server_comes_back_on_the_same_port_with_the_same_passwords(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        url = server.broker.url("gateway")
        server.child.kill()
        await eventually(lambda: len(server.ports()) == 2)
        assert len(set(server.ports())) == 1
        assert [event for event in server.events if isinstance(event, Died)]
        client = await nats.connect(url)
        await client.close()


async def test_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    async with running(tmp_path):
        private = {file.name for file in (tmp_path / "nats").iterdir() if not public(file)}
        assert f"{NAME}.conf" in private
        assert (tmp_path / "nats").stat().st_mode & 0o077 == 0


def public(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o077)


async def test_the_files_of_an_earlier_server_do_not_confuse(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "nats-server_1.ports").write_text('{"nats":["nats://127.0.0.1:1"]}')
    async with running(tmp_path) as server:
        assert server.ports() != [1]
        assert not (tmp_path / "nats" / "nats-server_1.ports").exists()


async def test_it_refuses_more_than_the_services_reckon_with(tmp_path: Path) -> None:
    async with running(tmp_path) as server, connected(server.broker, "gateway", []) as client:
        assert client.max_payload == 1024 * 1024


def test_it_runs_on_one_thread_of_go_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    assert broker.plan({}).environment["GOMAXPROCS"] == "1"
    assert broker.plan({"GOMAXPROCS": "4"}).environment["GOMAXPROCS"] == "4"
