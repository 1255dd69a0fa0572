"""The bus on a real broker: what may be relied on between two of its clients."""

from shared import bus
from shared.bus import Delivery
from tests.support.nats import nats_broker


async def test_after_a_flush_the_broker_knows_of_a_subscription() -> None:
    """Subscribe and flush first, read the log second: nothing of what comes after is missed."""
    async with (
        nats_broker() as server,
        bus.connect(server.url, "a") as asking,
        bus.connect(server.url, "b") as answering,
    ):

        async def answer(question: Delivery) -> None:
            await answering.publish(question.reply_to, b"here")

        for number in range(1000):
            await answering.subscribe(f"test.{number}", answer)
            await answering.flush()
            assert await asking.request(f"test.{number}", b"", timeout=5) == b"here"
