"""One running product for all tests of a module that do not hurt it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.stack import Stack, run_stack
from tests.support.traffic import make_known

UNLIMITED: dict[str, Any] = {"message_rate": 0, "sockets_per_address": 0, "strikes_per_minute": 0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("stack"), **UNLIMITED) as running:
        await make_known(running, ["alice", "bob", "carol", "eve"])
        yield running
