"""Owns what a past costs: the same work on a full store and on an empty one, in turn.

Both are filled by the store's own commits, so that marks, feeds, heads, log numbers and what
makes repeats harmless are as traffic leaves them; only the index takes larger steps than it does
beside traffic.
"""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.migrate import upgrade
from services.persistence.store.store import Store
from shared.commands import (
    Batch,
    Command,
    FeedFrom,
    FeedPages,
    History,
    Inbox,
    Question,
    Refused,
    Results,
    Search,
)
from shared.sqlite.held import Held
from shared.subjects import direct_conversation_id
from tests.bench import past

FULL = 1_000_000
EMPTY = 500  # a hundred of them in the big conversation, so that a page is full in either store
OLD = 80  # seq of the message that an old page ends before
MISSED = 50  # events at a resume
PAGE = 20  # of a search: an empty store holds more than that of the common word
PASSES, ROUNDS, WARM = 3, 200, 20
AT_ONCE = 10_000  # commands in a transaction of the filling
INDEXED_AT_ONCE = 100_000
MOST = 1.5  # times the empty store's

AB = direct_conversation_id(*past.BIG)
UNSYNCED = "PRAGMA synchronous=OFF"
LAST = "SELECT conversation_id, last_seq FROM conversations"
AT = "SELECT message_id FROM messages WHERE conversation_id = ?1 AND seq = ?2"

Work = Callable[[], Awaitable[None]]


class Cost(Struct, frozen=True, kw_only=True):
    """Milliseconds of one piece of work on both sides."""

    name: str
    empty_p50_ms: float
    full_p50_ms: float
    empty_min_ms: float
    full_min_ms: float

    @property
    def ratio(self) -> float:
        return self.full_p50_ms / self.empty_p50_ms

    @property
    def least_ratio(self) -> float:
        return self.full_min_ms / self.empty_min_ms


class Costs(Struct, frozen=True, kw_only=True):
    stored: int
    in_one_conversation: int
    megabytes: int
    filled_in_s: int
    costs: list[Cost]


class Side:
    """One store, and the work that is compared. Call `fill` first, then `stand`."""

    def __init__(self, store: Store, held: Held) -> None:
        self._store, self._held = store, held
        self._queries = Queries(held, store.epoch)
        self._number = self._head = self._old = 0
        self._lane = secrets.token_hex(4)
        self._common = past.common_word()

    async def fill(self, total: int) -> None:
        await self._store._held.fetch(UNSYNCED)  # noqa: SLF001 - nobody waits for these acks
        await self._store_all(past.people(total))
        await self._store_all(past.talk(total))
        while await self._store.index(INDEXED_AT_ONCE, INDEXED_AT_ONCE * 1000):
            pass
        await self._store_all(past.marks(total, dict(await self._held.fetch(LAST))))

    async def stand(self) -> None:
        """Look up the places that the work goes on from."""
        [(self._head,)] = await self._held.fetch("SELECT head FROM heads WHERE user_id = 'bob'")
        [(self._old,)] = await self._held.fetch(AT, (AB, OLD))

    async def send(self) -> None:
        self._number += 1
        await self._run([past.said("alice", "bob", f"more-{self._number}", "one message more")])

    async def newest_page(self) -> None:
        await self._ask(History(user_id="bob", conversation_id=AB))

    async def old_page(self) -> None:
        asked = History(user_id="bob", conversation_id=AB, before_id=self._old)
        await self._ask(asked)

    async def inbox(self) -> None:
        await self._ask(Inbox(user_id="bob"))

    async def resume(self) -> None:
        await self._ask(FeedPages(asked=[FeedFrom("bob", self._head - MISSED, MISSED)]))

    async def search_common_word(self) -> None:
        await self._search(self._common, AB)

    async def search_rare_word(self) -> None:
        await self._search(past.RARE, AB)

    async def search_everywhere(self) -> None:
        await self._search(self._common)

    def works(self) -> dict[str, Work]:
        return {
            "newest page": self.newest_page,
            "old page": self.old_page,
            "inbox": self.inbox,
            "resume": self.resume,
            "search, common word": self.search_common_word,
            "search, rare word": self.search_rare_word,
            "search, all conversations": self.search_everywhere,
            "send": self.send,  # the last, for it leaves a longer write-ahead log to the reads
        }

    async def _search(self, q: str, place: str | None = None) -> None:
        asked = Search(user_id="bob", q=q, conversation_id=place, limit=PAGE)
        await self._ask(asked)

    async def _ask(self, asked: Question) -> None:
        await self._queries.answer(asked)

    async def _store_all(self, told: Iterable[Command]) -> None:
        rest = iter(told)
        while some := list(islice(rest, AT_ONCE)):
            await self._run(some)

    async def _run(self, told: list[Command]) -> None:
        self._number += 1
        batch = Batch(lane=self._lane, number=self._number, commands=told)
        [reply] = (await self._store.commit([batch])).replies
        assert isinstance(reply, Results)
        assert not any(isinstance(result, Refused) for result in reply.results)


@asynccontextmanager
async def side(path: Path) -> AsyncIterator[Side]:
    url = f"sqlite:///{path}"
    store, held = Store(url, Limits(burst=1, rate=0.0)), Held(url, ReaderConnection)
    await store.open()
    try:
        yield Side(store, held)
    finally:
        await held.close()
        await store.close()


async def measure(folder: Path, total: int = FULL, rounds: int = ROUNDS) -> Costs:
    began = time.monotonic()
    await fill(folder / "empty.db", EMPTY)
    await fill(folder / "full.db", total)
    filled_in = time.monotonic() - began
    return Costs(
        stored=total,
        in_one_conversation=total // past.BIG_SHARE,
        megabytes=(folder / "full.db").stat().st_size >> 20,
        filled_in_s=round(filled_in),
        costs=await compare(folder / "empty.db", folder / "full.db", rounds),
    )


async def fill(path: Path, total: int) -> None:
    await upgrade(f"sqlite:///{path}")
    async with side(path) as one:
        await one.fill(total)


async def compare(empty: Path, full: Path, rounds: int = ROUNDS) -> list[Cost]:
    """Return the middle one of several passes for each work: on a busy machine, one side may have
    the slower core for a while."""
    passes = [await _pass(empty, full, rounds) for _ in range(PASSES)]
    return [
        sorted(costs, key=lambda cost: cost.ratio)[PASSES // 2]
        for costs in zip(*passes, strict=True)
    ]


async def _pass(empty: Path, full: Path, rounds: int) -> list[Cost]:
    async with side(empty) as little, side(full) as much:
        await little.stand()
        await much.stand()
        works = zip(little.works().items(), much.works().values(), strict=True)
        return [await _compare(name, mine, theirs, rounds) for (name, mine), theirs in works]


async def _compare(name: str, empty: Work, full: Work, rounds: int) -> Cost:
    """Taken in turn, so that whatever else runs here slows both alike."""
    for _ in range(min(WARM, rounds)):
        await empty()
        await full()
    taken: Any = ([], [])
    for _ in range(rounds):
        for work, times in zip((empty, full), taken, strict=True):
            began = time.perf_counter()
            await work()
            times.append((time.perf_counter() - began) * 1e3)
    return Cost(
        name=name,
        empty_p50_ms=median(taken[0]),
        full_p50_ms=median(taken[1]),
        empty_min_ms=min(taken[0]),
        full_min_ms=min(taken[1]),
    )


def markdown(found: Costs) -> str:
    rows = [
        f"{found.stored:,} messages stored, {found.in_one_conversation:,} of them in one "
        f"conversation ({found.megabytes:,} MiB, filled in {found.filled_in_s} s), beside a "
        f"store of {EMPTY}; ms, in turn",
        "",
        "| | empty p50 | full p50 | ratio | ratio of the minima | |",
        "|---|---|---|---|---|---|",
        *(
            f"| {one.name} | {one.empty_p50_ms:.2f} | {one.full_p50_ms:.2f} | {one.ratio:.2f} "
            f"| {one.least_ratio:.2f} | {'pass' if one.ratio <= MOST else 'FAIL'} |"
            for one in found.costs
        ),
    ]
    return "\n".join(rows) + "\n"
