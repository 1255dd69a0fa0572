"""C1 to C7 with real processes: the crowd of the property test, while each of them is killed.

`tests/property/test_machine.py` plays the same in one process, where time is virtual. Here a seed
says who does what and who is killed; it is in the names of the people, which a failure shows.
"""

import asyncio
import functools
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from tests.support import web
from tests.support.crowd import NAMES, Crowd
from tests.support.live import Live
from tests.support.poller import Lost
from tests.support.stack import Stack, run_stack
from tests.support.traffic import make_known
from tests.support.verdict import read_truth, violations
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES = ("persistence", "gateway", "nats-server")
UNLIMITED: dict[str, Any] = {
    "message_rate": 0,
    "sockets_per_address": 0,
    "sockets_per_user": 0,
    "api_per_minute": 0,
    "other_per_minute": 0,
}
ACTIONS = 25  # a round
SETTLED_WITHIN = 45.0  # seconds; heads are compared every ten


async def play(stack: Stack, seed: int, crowds_at_once: int = 10, rounds: int = 3) -> None:
    """In each round everybody does something while a process dies.

    The crowds have nothing to do with each other, so that they share what it costs to die.
    """
    chance = random.Random(seed)
    async with AsyncExitStack() as opened:
        crowds = [
            await opened.enter_async_context(crowd_of(stack, f"r{seed}x{number}-"))
            for number in range(crowds_at_once)
        ]
        for _ in range(rounds):
            for crowd, _ in crowds:
                crowd.connect_all()
                crowd.bustle(chance, ACTIONS)
            await asyncio.sleep(chance.uniform(0.0, 0.1))  # somewhere in the middle of that
            await stack.kill(chance.choice(SERVICES))
            for crowd, _ in crowds:
                crowd.bustle(chance, ACTIONS // 3)
            await stack.ready()
        for crowd, live in crowds:
            await eventually(functools.partial(at_rest, crowd, live), SETTLED_WITHIN)


@asynccontextmanager
async def crowd_of(stack: Stack, prefix: str) -> AsyncIterator[tuple[Crowd, Live]]:
    """Four people nobody has heard of."""
    epoch = await make_known(stack, [prefix + name for name in NAMES])
    async with web.client(base_url=stack.url, timeout=10) as client:
        live = Live(stack, client)
        crowd = Crowd(epoch, [live.dial], live.call, prefix)
        try:
            yield crowd, live
        except BaseException as error:
            error.add_note(f"crowd {prefix}: {await verdict(crowd, live)}")
            raise
        finally:
            await live.hang_up()


async def at_rest(crowd: Crowd, live: Live) -> bool:
    """Return whether everybody's view equals the log; fail at once if time cannot mend it."""
    assert not crowd.ledger.faults, crowd.ledger.faults[:10]
    await crowd.settle()
    await asyncio.sleep(0.2)
    return not await verdict(crowd, live)


async def verdict(crowd: Crowd, live: Live) -> list[str]:
    path = live.stack.data_dir / "linkup.db"
    try:
        return violations(crowd, await read_truth(path, crowd, live.call))[:10]
    except Lost:
        return ["a gateway went away"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("crowd"), **UNLIMITED) as stack:
        yield stack


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("crowds", "rounds"),
    [pytest.param(3, 2, id="some"), pytest.param(10, 3, id="many")],
)
async def test_c1_to_c7_everybodys_view_equals_the_log_after_kill_9(
    stack: Stack, crowds: int, rounds: int
) -> None:
    await play(stack, random.randrange(10**6), crowds, rounds)


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_c1_to_c7_three_hundred_crowds_and_their_kills(stack: Stack) -> None:
    first = random.randrange(10**6) * 1000
    for seed in range(first, first + 30):
        await play(stack, seed)
