"""Owns the product that is measured, as the generator sees it: address, processes, loads."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from linkup.installation.tokens import Tokens
from linkup.load import running
from linkup.load.cpu import Usage
from linkup.load.report import Report
from linkup.load.running import Plan
from tests.bench.product import SETTINGS
from tests.support.stack import Stack

T = TypeVar("T")

PREFIX = "bench-"  # of the users, who are as all others are: reserved ones have no notifications
PAIRS, WINDOW, SIZE = 100, 8, 120
RATE = 200.0
EDGES = (
    2.0  # s of a load: its progress is told once a second, and what is done meanwhile ends first
)


class Unsound(Exception):
    """A message was lost, doubled or out of order: the figures mean nothing."""


class Extent(Struct, frozen=True, kw_only=True):
    """The amount of work that is done for each figure."""

    seconds: float
    warmup: float = 2.0
    sockets: int = 500
    pages: int = 200


QUICK = Extent(seconds=3.0, warmup=1.0, sockets=200, pages=100)


class Subject:
    def __init__(self, stack: Stack, extent: Extent, say: Callable[[str], None]) -> None:
        self.url = stack.url
        self.pids = stack.pids()
        self.tokens = Tokens(stack.url, stack.secret, SETTINGS["jwt_audience"])
        self.extent = extent
        self.say = say

    async def load(
        self, rate: float = 0.0, listen: Callable[[str], None] = lambda text: None
    ) -> Report:
        """Raises Unsound."""
        report = await self.report(rate, listen=listen)
        if not report.sound:
            raise Unsound(f"not every promise was kept: {report}")
        return report

    async def during(self, rate: float, work: Callable[[float], Awaitable[T]]) -> tuple[Report, T]:
        """The load, and what `work` finds in so many seconds of it. Raises Unsound."""
        measuring = asyncio.Event()

        def listen(text: str) -> None:
            if text.startswith("measuring"):
                measuring.set()

        loading = asyncio.create_task(self.load(rate, listen))
        waiting = asyncio.create_task(measuring.wait())
        await asyncio.wait([loading, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        found = await work(self.extent.seconds - EDGES)
        return await loading, found

    async def report(
        self,
        rate: float = 0.0,
        typists: int = 0,
        seconds: float | None = None,
        listen: Callable[[str], None] = lambda text: None,
    ) -> Report:
        plan = Plan(
            url=self.url,
            pairs=PAIRS,
            window=WINDOW,
            rate=rate,
            seconds=seconds or self.extent.seconds,
            warmup=self.extent.warmup,
            size=SIZE,
            typists=typists,
            prefix=PREFIX,
            pids=self.pids,
        )
        return await running.run(plan, self.tokens, listen)

    async def spent(self, work: Callable[[], Awaitable[None]]) -> dict[str, float]:
        """CPU seconds by process until the work is done."""
        usage = Usage(self.pids)
        usage.start()
        await work()
        return usage.seconds()
