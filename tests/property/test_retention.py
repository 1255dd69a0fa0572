"""Whatever is written, read and pruned in whatever order: nobody who follows the log misses a row,
and nothing goes before its time."""

import asyncio
import itertools
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.queries.followers import Followers
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from services.persistence.upkeep import retention as retention_module
from services.persistence.upkeep.retention import Retention
from shared import commands
from shared.commands import LogPage, LogPageAnswer
from shared.sqlite.held import Held
from tests.support.stores import empty_store
from tests.unit.persistence.log import Log

DAY = 86_400
KEEP, PATIENCE = 30, 40  # days
NAMES = ("notify", "webhooks")
STEPS = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 4)),
    st.tuples(st.sampled_from(NAMES), st.integers(1, 5)),  # reads so many rows
    st.tuples(st.sampled_from(NAMES), st.just(0)),  # loses its place
    st.tuples(st.just("days"), st.integers(1, 25)),
    st.tuples(st.just("prune"), st.just(0)),
)


class Run:
    """One store, its followers, and a diary of what each row's age and number is."""

    def __init__(self, store: Store, queries: Queries, followers: Followers) -> None:
        self.log, self.queries, self.followers = Log(store), queries, followers
        self.days = 0
        self.written: list[int] = []  # the day of each row of the log, in order
        self.positions: dict[str, dict[str, int]] = {}
        self.heard: dict[str, int] = {}
        self.placeless: set[str] = set()  # new, or given up: nothing was kept for them
        self.words = itertools.count()
        seconds = {"keep": KEEP * DAY, "patience": PATIENCE * DAY}
        self.retention = Retention(store, followers, now=self.now, **seconds)

    def now(self) -> int:
        return self.days * DAY * 1_000_000 + 10**15

    async def step(self, what: str, number: int) -> None:
        if what == "say":
            await self.log.say("alice", "bob", *[f"{next(self.words)}" for _ in range(number)])
            self.written += [self.days] * 2 * number
            await self.log.store.between(self._date)
        elif what == "days":
            self.days += number
        elif what == "prune":
            await self.prune()
        else:
            await self.follow(what, number)

    def _date(self, connection: object) -> None:
        sql = "UPDATE feed SET created_at = ? WHERE n > ?"
        since = len([day for day in self.written if day < self.days])
        connection.execute(sql, (self.now(), since))  # type: ignore[attr-defined]

    async def prune(self) -> None:
        await self.retention.note()
        await self.retention.prune()
        [(first,)] = await self.log.store.between(
            lambda connection: connection.execute("SELECT min(n) FROM feed").fetchall()
        )
        gone = (first or 1) - 1
        assert all(day + KEEP <= self.days for day in self.written[:gone]), "too young to go"
        for name, heard in self.heard.items():
            if heard + PATIENCE >= self.days and name not in self.placeless:
                held = self.positions[name].get("1", 0)
                assert gone <= held, f"R16: {name} has not read {held + 1}, and it is gone"

    async def follow(self, name: str, limit: int) -> None:
        if name not in self.heard or self.heard[name] + PATIENCE < self.days:
            self.placeless.add(name)
        self.heard[name] = self.days
        before = self.positions.get(name, {})
        asked = LogPage(
            follower=name,
            positions=before if limit else {},
            epoch=self.log.store.epoch if limit else "",
            limit=max(1, limit),
        )
        answer = await self.queries.answer(asked)
        page = commands.open_answer(answer, LogPageAnswer)
        start = before.get("1", 0)
        wanted = range(start + 1, page.positions.get("1", 0) + 1)
        if name not in self.placeless:
            told = [row.n for row in page.rows]
            assert told == [n for n in wanted if n % 2 == 0], f"{name} went on elsewhere"
        if limit:  # it is stored there before it asks again
            self.positions[name] = dict(page.positions)
            self.placeless.discard(name)
            again = LogPage(
                follower=name, positions=self.positions[name], epoch=self.log.store.epoch, limit=1
            )
            self.followers.heard(again, self.log.store.epoch)
        else:
            self.positions.setdefault(name, {})


A_LONG_TIME = [("say", 2), ("days", 25), ("days", 25), ("prune", 0)]
CAME_LATE = [*A_LONG_TIME, ("notify", 1)]
CAME_BACK_LATE = [("notify", 0), *A_LONG_TIME, ("notify", 0), ("notify", 1)]


@settings(max_examples=200)
@example(steps=CAME_LATE)
@example(steps=CAME_BACK_LATE)
@given(steps=st.lists(STEPS, max_size=25))
def test_r16_nobody_misses_a_row_and_nothing_goes_before_its_time(
    steps: list[tuple[str, int]],
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention_module, "LEAST_REST", 0.0)
        patch.setattr(retention_module, "REST", 0.0)
        patch.setattr(retention_module, "GRACE", -1.0)
        patch.setattr(retention_module, "STEP_ROWS", (1, 4))
        path = Path(folder) / "linkup.db"
        shutil.copy(empty_store(), path)
        asyncio.run(play(path, steps))


async def play(path: Path, steps: list[tuple[str, int]]) -> None:
    url = f"sqlite:///{path}"
    store, held = Store(url, Limits(1, 0.0)), Held(url, ReaderConnection)
    await store.open()
    try:
        run: Run
        followers = Followers(lambda: run.now())
        run = Run(store, Queries(held, store.epoch, followers), followers)
        await run.log.people("alice", "bob")
        for what, number in steps:
            await run.step(what, number)
        await run.prune()
    finally:
        await held.close()
        await store.close()
