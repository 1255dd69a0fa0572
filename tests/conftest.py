"""Fixtures for every test."""

import gc
import os
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.scheduler import LoadScopeScheduling

from shared.health.records import Ledger, use
from tests.support.nats import nats_server
from tests.support.waiting import TIMEOUT_FACTOR

QUICK = {"contract", "unit"}
LONGEST = "e2e"
SESSION = 'loop_scope="session"'  # stands in files whose tests share what lasts for the session
# By folder, how many workers run those files: each starts a product for them, and a browser.
SHARING = {"e2e": 2, "integration": 1}
SLOW_SECONDS = 240  # what a slow test may take, unless it has a limit of its own
REQUIRE_ALL = bool(os.environ.get("LINKUP_REQUIRE_ALL"))

# What is imported and collected stays until the end: the collector has nothing to find in it.
gc.disable()

settings.register_profile(
    "default",
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
# Enough to see that it fails: no smaller example is looked for.
settings.register_profile(
    "plants", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("ci" if REQUIRE_ALL else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test` and `make slow` run the tests that are marked `alone` in a second step."""
    about = "the tests that are marked alone: with all others, never, or only these"
    parser.addoption("--alone", choices=["also", "never", "only"], default="also", help=about)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `--alone only`, leave out the files that have no such test."""
    if config.option.alone != "only" or collection_path.suffix != ".py":
        return None
    return b"mark.alone" not in collection_path.read_bytes() or None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The limit of a whole test grows by the same factor as the waits in it."""
    if config.option.timeout is None:
        config.option.timeout = float(config.getini("timeout")) * TIMEOUT_FACTOR


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed if LINKUP_REQUIRE_ALL is set."""
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first and the quick ones last: no worker is left alone at the end. The limit of
    a test's own grows by the factor, too, and a slow one has a longer limit than others."""
    select(config, items)
    items.sort(key=lambda item: (LONGEST not in item.path.parts, bool(QUICK & {*item.path.parts})))
    for item in items:
        limit = item.get_closest_marker("timeout")
        if limit is not None or item.get_closest_marker("slow") is not None:
            seconds = limit.args[0] if limit else SLOW_SECONDS
            item.add_marker(pytest.mark.timeout(seconds * TIMEOUT_FACTOR), append=False)


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `--alone` says."""
    if config.option.alone != "also":
        wanted = config.option.alone == "only"
        left_out = [one for one in items if (one.get_closest_marker("alone") is None) is wanted]
        items[:] = [one for one in items if one not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return ByFile(config, log) if config.option.dist == "loadfile" else None


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of a file go to one worker, and those that share a product to as few as SHARING
    says."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._root = config.rootpath
        self._scopes: dict[str, str] = {}
        self._shared: Counter[str] = Counter()

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file not in self._scopes:
            self._scopes[file] = self._scope(file)
        return self._scopes[file]

    def _scope(self, file: str) -> str:
        path = self._root / file
        workers = SHARING.get(path.parent.name, 0)
        if not workers or SESSION not in path.read_text(encoding="utf-8"):
            return file
        self._shared[path.parent.name] += 1
        return f"{path.parent.name} {self._shared[path.parent.name] % workers}"


@pytest.fixture
async def nats_url() -> AsyncIterator[str]:
    """The URL of a real nats-server, this test's own."""
    async with nats_server() as url:
        yield url


@pytest.fixture
def recorded() -> Iterator[Ledger]:
    """The errors that are recorded during a test."""
    with use(Ledger("test")) as ledger:
        yield ledger
