"""The indexer gathers: few transactions, and a search that lags behind by a second."""

import asyncio

from services.persistence.upkeep.indexer import Indexer
from tests.support.background import running
from tests.support.virtual import VirtualLoop


class Stored:
    """The part of a store that it uses: messages that wait to be indexed, since when."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.grown = asyncio.Event()
        self.lags: list[float] = []  # of each message, in seconds
        self.transactions = 0
        self._loop = loop
        self._waiting: list[float] = []

    def say(self) -> None:
        self._waiting.append(self._loop.time())
        self.grown.set()

    async def index(self, messages: int, characters: int) -> bool:
        self.transactions += 1
        taken, self._waiting = self._waiting[:messages], self._waiting[messages:]
        self.lags += [self._loop.time() - since for since in taken]
        return len(taken) == messages


def indexed(messages: int, rate: float) -> Stored:
    """Index `messages` messages at `rate` per second, and return the store."""
    loop = VirtualLoop()
    stored = Stored(loop)

    async def talk() -> None:
        async with running(Indexer(stored).run()):  # type: ignore[arg-type]
            for _ in range(messages):
                stored.say()
                await asyncio.sleep(1 / rate)
            await asyncio.sleep(10)

    try:
        loop.run_until_complete(talk())
    finally:
        loop.close()
    assert len(stored.lags) == messages
    return stored


def test_a_lone_message_is_indexed_soon() -> None:
    assert max(indexed(1, 1.0).lags) < 0.3


def test_messages_that_come_one_by_one_share_a_transaction() -> None:
    """A transaction of the index costs about as much as that of a message."""
    stored = indexed(200, 20.0)
    assert stored.transactions <= 12
    assert max(stored.lags) < 1.1
