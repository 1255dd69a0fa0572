"""The message that a gateway sends to itself: it goes the whole way, and nobody else sees it."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from linkup.installation.operator import operator
from services.persistence.upkeep.canary import CONVERSATION
from shared.reserved import CANARIES
from shared.settings import Settings
from tests.support import web
from tests.support.peer import peer
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import eventually

EVERY = 0.5

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("canary")
    async with run_stack(folder, canary_every=EVERY, **UNLIMITED) as started:
        await make_known(started, ["alice", "bob"])
        yield started


def rows(stack: Stack, sql: str, *values: object) -> list[tuple[object, ...]]:
    with sqlite3.connect(stack.data_dir / "linkup.db") as connection:
        return connection.execute(sql, values).fetchall()


def sent(stack: Stack) -> int:
    sql = "SELECT last_seq FROM conversations WHERE conversation_id = ?"
    return sum(int(str(seq)) for (seq,) in rows(stack, sql, CONVERSATION))


async def health(stack: Stack) -> dict[str, object]:
    url = operator(Settings(data_dir=str(stack.data_dir))).urls["gateway"]
    async with web.client(timeout=60) as client:
        told: dict[str, object] = (await client.get(f"{url}/health")).json()
        return told


async def test_s85_a_message_goes_the_whole_way_when_nobody_writes(stack: Stack) -> None:
    await eventually(lambda: sent(stack) >= 3)
    told = await health(stack)
    assert told["health_score"] == 100, told
    assert told["figures"]["canary_ms"] > 0  # type: ignore[index]
    marks = "SELECT read_seq FROM members WHERE conversation_id = ? AND user_id = ?"
    await eventually(lambda: rows(stack, marks, CONVERSATION, CANARIES[1])[0][0] >= 2)  # type: ignore[operator]


async def test_s85_nobody_sees_it_and_nobody_is_notified(stack: Stack) -> None:
    await eventually(lambda: sent(stack) >= 1)
    async with peer(stack, "alice") as alice:
        token = stack.token("alice")
        async with web.client(base_url=stack.url, timeout=60) as client:
            head = {"Authorization": f"Bearer {token}"}
            inbox = (await client.get("/v1/conversations", headers=head)).json()
            assert not [one for one in inbox["conversations"] if "canary" in str(one)]
        refused = await alice.message(CANARIES[0], "who is there?")
        assert refused["code"] == "not_found"
    with sqlite3.connect(stack.data_dir / "notify.db") as connection:
        sql = "SELECT count(*) FROM deliveries WHERE user_id IN (?, ?)"
        assert connection.execute(sql, CANARIES).fetchone() == (0,)


async def test_s85_real_messages_spare_it(stack: Stack) -> None:
    async with peer(stack, "alice") as alice:
        at = time.monotonic()
        await alice.message("bob", "hello")
        before, lulls = sent(stack), 0
        for _ in range(12):
            await asyncio.sleep(EVERY / 4)
            last, at = at, time.monotonic()
            await alice.message("bob", "hello")
            lulls += int((time.monotonic() - last) / EVERY)  # on a machine that stands still
        assert sent(stack) <= before + 1 + lulls
