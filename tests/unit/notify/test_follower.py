"""The follower of the log: what its check blames, and how long it waits for more rows."""

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from services.notify.follower import GATHER, GATHER_MANY, MANY, Follower
from services.notify.store.store import Progress
from shared.commands import LogPageAnswer, LogRow, encode
from shared.health.report import Check
from tests.support.virtual import VirtualLoop


@pytest.mark.parametrize(
    ("bus", "log", "words"),
    [
        (Check("pass"), "fail", "see whether persistence runs"),
        (Check("fail", "no connection"), "warn", "not known while the bus does not answer"),
    ],
)
async def test_s84_a_log_out_of_reach_is_the_fault_of_the_bus_if_that_is_away(
    monkeypatch: pytest.MonkeyPatch, bus: Check, log: str, words: str
) -> None:
    wire: Any = SimpleNamespace(check=lambda: bus)
    store: Any = None
    follower = Follower(
        wire,
        store,
        asyncio.Event(),
        waits={},
        clock=lambda: 0,
        told=lambda changes: None,
        followed=asyncio.Event(),
    )
    assert follower.check().status == "pass"
    monkeypatch.setattr("services.notify.follower.STUCK_AFTER", 0.0)
    check = follower.check()
    assert (check.status, check.output.endswith(words)) == (log, True)


class BusyLog:
    """A log that always grows, and a store that remembers how far it was read. `answers` are the
    numbers of rows since the last wait, in pages."""

    def __init__(self, answers: list[list[int]], loop: VirtualLoop) -> None:
        self.pages = [(n, more < len(one)) for one in answers for more, n in enumerate(one, 1)]
        self.asked_at: list[float] = []
        self.bell = asyncio.Event()
        self._loop = loop
        self._n = 0
        self._progress = Progress("e")
        self.done = asyncio.Event()

    async def subscribe(self, *_: object) -> None: ...

    async def request(self, *_: object) -> bytes:
        self.asked_at.append(self._loop.time())
        if not self.pages:
            self.done.set()
            await asyncio.Event().wait()
        self.bell.set()
        count, more = self.pages.pop(0)
        numbers = range(self._n + 1, self._n + count + 1)
        rows = [LogRow("1", n, "bob", "set", "c", 0, 0, "bob", 0) for n in numbers]
        self._n += count
        return encode(LogPageAnswer(epoch="e", rows=rows, more=more, positions={"1": self._n}))

    async def progress(self) -> Progress:
        return self._progress

    async def follow(self, progress: Progress, *_: object) -> None:
        self._progress = progress


def test_many_rows_are_gathered_for_longer() -> None:
    """However they are cut into pages; and no longer once they are few again."""
    loop = VirtualLoop()
    half = MANY // 2 + 1
    log: Any = BusyLog([[1], [MANY], [MANY + 1], [half, half], [3], [2]], loop)
    follower = Follower(
        log,
        log,
        log.bell,
        waits={},
        clock=lambda: 0,
        told=lambda changes: None,
        followed=asyncio.Event(),
    )

    async def until_done() -> None:
        running = asyncio.create_task(follower.run())
        await log.done.wait()
        running.cancel()
        await asyncio.wait([running])

    loop.let(until_done())
    loop.close()
    gaps = [round(later - before, 3) for before, later in pairwise(log.asked_at)]
    assert gaps == [GATHER, GATHER, GATHER_MANY, 0, GATHER_MANY, GATHER, GATHER]
