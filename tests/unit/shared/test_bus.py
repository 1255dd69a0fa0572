"""The bus without a broker: what a lost connection may do to whoever publishes or asks."""

import asyncio
import logging

import nats.errors
import pytest

from shared import subjects
from shared.bus import FLUSH_EVERY, Bus, BusTimeout, NoResponders, connect
from shared.errors import StartError, Unavailable
from shared.health.records import Ledger


class FakeClient:
    """Raises what it is told to."""

    def __init__(self, on_publish: Exception | None = None, on_flush: Exception | None = None):
        self.on_publish, self.on_flush = on_publish, on_flush
        self.on_request: Exception | None = None
        self.published = 0
        self.flushed = 0

    def send(self, subject: str, payload: bytes) -> None:
        if self.on_publish:
            raise self.on_publish
        self.published += 1

    is_connected = True

    async def _send_ping(self, answered: asyncio.Future[bool]) -> None:
        self.flushed += 1
        if self.on_flush:
            raise self.on_flush
        answered.set_result(True)

    async def ask(self, subject: str, payload: bytes, timeout: float) -> bytes:
        if self.on_request:
            raise self.on_request
        return payload


def bus_on(client: FakeClient) -> Bus:
    return Bus(client)  # type: ignore[arg-type]  # the part of a Client a Bus uses


@pytest.mark.parametrize(
    "lost", [nats.errors.OutboundBufferLimitError(), nats.errors.MaxPayloadError()]
)
async def test_a_publish_that_cannot_leave_is_dropped(lost: Exception) -> None:
    await bus_on(FakeClient(on_publish=lost)).publish("linkup.log", b"")


async def test_a_broker_that_dies_in_a_burst_of_publishes_does_not_stop_the_publisher() -> None:
    """The writer publishes live events: it must outlive the broker."""
    client = FakeClient(on_flush=nats.errors.FlushTimeoutError())
    bus = bus_on(client)
    for _ in range(FLUSH_EVERY * 2):
        await bus.publish("linkup.log", b"")
    assert (client.published, client.flushed) == (FLUSH_EVERY * 2, 2)


async def test_a_flush_that_was_asked_for_says_that_it_failed() -> None:
    with pytest.raises(Unavailable):
        await bus_on(FakeClient(on_flush=nats.errors.FlushTimeoutError())).flush()


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (nats.errors.NoRespondersError(), NoResponders),
        (nats.errors.TimeoutError(), BusTimeout),
        (TimeoutError(), BusTimeout),
        (nats.errors.MaxPayloadError(), Unavailable),
        (nats.errors.OutboundBufferLimitError(), Unavailable),
        (ConnectionResetError(), Unavailable),
    ],
)
async def test_every_failed_request_is_unavailable(
    raised: Exception, expected: type[Unavailable]
) -> None:
    client = FakeClient()
    client.on_request = raised
    with pytest.raises(expected) as caught:
        await bus_on(client).request("linkup.store", b"", 1.0)
    assert caught.value.temporary


async def test_a_broker_that_is_not_there_is_named_without_its_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """f_s22: once, while it may still come, and at the end."""
    with caplog.at_level(logging.WARNING), pytest.raises(StartError) as caught:
        async with connect("nats://user:secret@127.0.0.1:1", "test", timeout=1.0):
            pass
    told = [record.getMessage() for record in caplog.records if record.name == "linkup.bus"]
    assert len(told) == 1
    for text in (*told, str(caught.value)):
        assert "nats://127.0.0.1:1" in text
        assert "Connect call failed" in text
        assert "secret" not in text


@pytest.mark.parametrize(
    ("raised", "category"),
    [
        (nats.errors.NoRespondersError(), "routing_error"),
        (nats.errors.TimeoutError(), "connection_error"),
        (nats.errors.OutboundBufferLimitError(), "connection_error"),
    ],
)
async def test_s102_a_failed_request_is_recorded_but_that_a_user_is_away(
    raised: Exception, category: str, recorded: Ledger
) -> None:
    client = FakeClient()
    client.on_request = raised
    for subject in (subjects.STORE, subjects.ask("alice")):
        with pytest.raises(Unavailable):
            await bus_on(client).request(subject, b"", 1)
    [found] = recorded.recent()
    assert (found.category, found.context) == (category, {"subject": subjects.STORE})
