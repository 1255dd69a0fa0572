"""One running product for all tests that do not hurt it: see SHARING in tests/conftest.py."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.stack import KEYS, UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("stack"), **KEYS, **UNLIMITED) as running:
        await make_known(running, ["alice", "bob", "carol", "eve"])
        yield running
