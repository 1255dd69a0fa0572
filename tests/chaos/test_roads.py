"""Tests the Python client while WebSockets are blocked and allowed at random and services die."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from tests.integration.test_roads import Talk, behind
from tests.support.blocker import run_blocker
from tests.support.stack import run_stack
from tests.support.traffic import newcomers
from tests.support.waiting import within

STEPS = 50
KILLS = {15: "gateway", 25: "persistence", 35: "gateway"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
async def test_s62_c4_c5_any_changes_of_road_lose_and_repeat_nothing(
    tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    async with run_stack(tmp_path, message_rate=0, api_per_minute=0) as stack:
        names = await newcomers(stack, "roderick", "rowena")
        async with (
            run_blocker(stack.url) as one,
            run_blocker(stack.url) as other,
            asyncio.TaskGroup() as listening,
        ):
            between = (one, other)
            pairs = zip(names, between, strict=True)
            talk = Talk({name: behind(blocker, stack, name) for name, blocker in pairs})
            first, second = talk.clients.values()
            async with first, second:
                tasks = [listening.create_task(talk.listen(name)) for name in names]
                for step in range(STEPS):
                    blocker = random.choice(between)
                    if status := random.choice([403, 404, None]):
                        blocker.block(status)
                    else:
                        blocker.allow()
                    talk.write(random.randrange(8))
                    if step in KILLS:
                        await stack.kill(KILLS[step])
                    await asyncio.sleep(random.random() * 0.6)
                for blocker in between:
                    blocker.allow()
                await stack.ready()
                async with within(60):
                    await talk.settled()
            await asyncio.wait(tasks)
