"""A store in a file of its own, for each test that asks for one."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.queries.followers import Followers
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from services.persistence.upkeep import user_erasure
from services.persistence.upkeep.user_erasure import UserErasure
from services.persistence.writer import Writer
from shared.sqlite.held import Held
from tests.support.stores import empty_store
from tests.unit.persistence.log import Log
from tests.unit.persistence.place import Place, reader

UNLIMITED = Limits(burst=1, rate=0.0)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_store(), tmp_path / "linkup.db"))


@asynccontextmanager
async def opened(path: Path, limits: Limits = UNLIMITED) -> AsyncIterator[Store]:
    store = Store(f"sqlite:///{path}", limits)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    async with opened(database) as store:
        yield store


@pytest.fixture
def log(store: Store) -> Log:
    return Log(store)


@pytest.fixture
def followers() -> Followers:
    return Followers()


@pytest.fixture
async def queries(database: Path, store: Store, followers: Followers) -> AsyncIterator[Queries]:
    held = Held(f"sqlite:///{database}", ReaderConnection)
    try:
        yield Queries(held, store.epoch, followers)
    finally:
        await held.close()


@pytest.fixture
async def erasure(
    store: Store, database: Path, followers: Followers, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[UserErasure]:
    """In a hurry, and nobody is told."""
    monkeypatch.setattr(user_erasure, "REST", 0)
    monkeypatch.setattr(user_erasure, "AGAIN", 0.01)
    reader = Held(f"sqlite:///{database}", ReaderConnection)
    writer = Writer(store, Silent())  # type: ignore[arg-type]
    yield UserErasure(store, writer.store, reader, followers)
    await reader.close()


class Silent:
    async def publish(self, subject: str, payload: bytes) -> None:
        pass

    def post(self, subject: str, payload: bytes) -> None:
        pass


@pytest.fixture
async def talk(log: Log) -> Log:
    """Alice and Bob, messages 1 to 9 in turn; Carol and Dave stand by, with one of their own."""
    await log.people("alice", "bob", "carol", "dave")
    for number in range(1, 10):
        pair = ("alice", "bob") if number % 2 else ("bob", "alice")
        await log.say(*pair, str(number))
    await log.say("carol", "dave", "secret")
    return log


@pytest.fixture
def empty() -> Path:
    """A store without a row, to copy."""
    return empty_store()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        path = Path(shutil.copy(empty_store(), Path(folder) / "linkup.db"))
        stack = AsyncExitStack()
        one = runner.run(stack.enter_async_context(reader(path)))
        try:
            yield Place(runner, one)
        finally:
            runner.run(stack.aclose())
