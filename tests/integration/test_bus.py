"""The bus on a real broker: what may be relied on between two of its clients."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client

from shared import bus
from shared.bus import Delivery
from shared.errors import Unavailable
from shared.health.records import Ledger
from tests.support.nats import nats_broker
from tests.support.waiting import TIMEOUT_FACTOR, eventually

WAIT = 20.0 * TIMEOUT_FACTOR


async def test_after_a_flush_the_broker_knows_of_a_subscription() -> None:
    """Subscribe and flush first, read the log second: nothing of what comes after is missed."""
    async with (
        nats_broker() as server,
        bus.connect(server.url, "a") as asking,
        bus.connect(server.url, "b") as answering,
    ):

        def answer(question: Delivery) -> None:
            answering.post(question.reply_to, b"here")

        for number in range(1000):
            await answering.subscribe(f"test.{number}", answer)
            await answering.flush()
            assert await asking.request(f"test.{number}", b"", timeout=WAIT) == b"here"


async def test_r11_who_subscribes_and_then_asks_misses_nothing_in_between() -> None:
    """Both go over one connection, and the broker takes them in that order: no flush between."""
    async with (
        nats_broker() as server,
        bus.connect(server.url, "a") as joining,
        bus.connect(server.url, "b") as store,
    ):

        def answer(question: Delivery) -> None:
            store.post(f"user.{question.payload.decode()}", b"stored after that")
            store.post(question.reply_to, b"so far")

        heard: list[str] = []

        def hear(event: Delivery) -> None:
            heard.append(event.subject)

        async def join(number: int) -> None:
            await joining.subscribe(f"user.{number}", hear)
            await joining.request("joins", str(number).encode(), timeout=WAIT)

        await store.subscribe("joins", answer)
        await store.flush()
        for start in range(0, 1000, 50):
            await asyncio.gather(*map(join, range(start, start + 50)))
        await eventually(lambda: len(set(heard)) == 1000)


async def test_f_s1_those_who_flush_in_one_instant_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Subscribers share one flush, after which the broker knows the subscription of each."""
    flushes = 0
    flush = Client.flush

    async def counted(client: Client, timeout: int = 10) -> None:
        nonlocal flushes
        flushes += 1
        await flush(client, timeout)

    monkeypatch.setattr(Client, "flush", counted)
    async with (
        nats_broker() as server,
        bus.connect(server.url, "a") as asking,
        bus.connect(server.url, "b") as answering,
    ):

        def answer(question: Delivery) -> None:
            answering.post(question.reply_to, b"here")

        async def come(number: int) -> None:
            await asyncio.sleep(0.0005 * (number // 5))
            await answering.subscribe(f"test.{number}", answer)
            await answering.flush()
            assert await asking.request(f"test.{number}", b"", timeout=WAIT) == b"here"

        await asyncio.gather(*map(come, range(500)))
        assert flushes < 500
        await server.kill()
        await eventually(lambda: not answering.connected)
        gone = await asyncio.gather(*[answering.flush() for _ in range(2)], return_exceptions=True)
        assert [type(error) for error in gone] == [Unavailable, Unavailable]


async def test_r1_what_is_said_without_a_broker_is_not_said_when_it_comes_back() -> None:
    """A client that kept it would repeat an old batch behind newer ones."""
    heard: list[bytes] = []
    async with nats_broker() as server, bus.connect(server.url, "a") as client:

        def hear(delivery: Delivery) -> None:
            heard.append(delivery.payload)

        await client.subscribe("test", hear)
        await client.flush()
        await server.kill()
        await eventually(lambda: not client.connected)
        await client.publish("test", b"published meanwhile")
        with pytest.raises(Unavailable):
            await client.request("test", b"asked meanwhile", timeout=0.2)
        await server.start()
        await eventually(lambda: client.connected)
        await client.publish("test", b"now")
        await eventually(lambda: b"now" in heard)
    assert heard == [b"now"]


async def test_s82_the_loss_of_the_broker_is_one_error(recorded: Ledger) -> None:
    """Attempts to reconnect and requests that cannot leave meanwhile are not counted again."""
    said: list[str] = []
    async with nats_broker() as server, bus.connect(server.url, "a", on_fault=said.append) as one:
        await server.kill()
        await eventually(lambda: len(said) >= 3)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await one.request("linkup.store", b"", timeout=0.2)
        await server.start()
        await eventually(lambda: one.connected)
        assert recorded.counts()["connection_error"] == 1
        await server.kill()
        await eventually(lambda: recorded.counts()["connection_error"] == 2)


@pytest.mark.parametrize("ended", ["by its deadline", "by a cancellation"])
async def test_f_t1_a_late_answer_to_a_flush_does_not_make_the_client_deaf(
    monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    """Nor does the answer to a ping of the probe, which waits the same way."""
    monkeypatch.setattr(bus, "FLUSH_TIMEOUT", 0.1 if ended == "by its deadline" else 60.0)
    heard = asyncio.Event()
    async with nats_broker() as server, bus.connect(server.url, "a") as client:

        def hear(delivery: Delivery) -> None:
            heard.set()

        await client.subscribe("test", hear)
        async with server.frozen():
            flushing = asyncio.create_task(client.flush())
            await asyncio.sleep(0)
            if ended == "by its deadline":
                with pytest.raises(Unavailable):
                    await flushing
            else:
                await asyncio.wait([flushing], timeout=0.1)
                flushing.cancel()
        await eventually(lambda: _heard(client, heard))


async def _heard(client: bus.Bus, heard: asyncio.Event) -> bool:
    await client.publish("test", b"")
    return heard.is_set()


async def test_f_t1_a_frozen_broker_is_noticed_without_traffic_and_when_it_is_back() -> None:
    async with nats_broker() as server, bus.connect(server.url, "a") as client:
        assert client.check().status == "pass"
        async with server.frozen():
            await eventually(lambda: client.check().status == "fail", 10)
            assert client.connected, "the client's own pings come later"
            assert "nats-server: no answer" in client.check().output
        await eventually(lambda: client.check().status == "pass")


@pytest.mark.parametrize("awaited", ["request", "flush"])
async def test_a_cancellation_that_comes_with_the_answer_is_not_forgotten(awaited: str) -> None:
    """Else a service that stops while it asks goes on asking, and never stops."""
    async with nats_broker() as server, bus.connect(server.url, "a") as client:

        def answer(question: Delivery) -> None:
            client.post(question.reply_to, b"here")

        await client.subscribe("test", answer)
        await client.flush()
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "request": lambda: client.request("test", b"", timeout=WAIT),
            "flush": client.flush,
        }
        for turns in range(25):  # of the loop: in some of them the answer is just there
            asking = asyncio.create_task(_ask_for_ever(ways[awaited]))
            await asyncio.sleep(0.01)
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking], timeout=WAIT)
            assert asking.cancelled()


async def _ask_for_ever(ask: Callable[[], Awaitable[object]]) -> None:
    while True:
        await ask()
