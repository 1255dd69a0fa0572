"""Owns combining queries: those that arrive while one is under way are sent together.

So questions grow with the crowd and wait for nothing without it, as the batches of a lane do. Who
waits, waits in a line of bounded length and for a bounded time.
"""

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from shared.bus import BusTimeout
from shared.errors import Internal, LinkupError, Overloaded, Unavailable
from shared.health.counters import Counters
from shared.http.turns import Turns

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

PATIENCE = 30.0  # seconds until one is no longer asked for


class Backlog:
    """The limit on waiting queries, over all kinds. Who waits in line does so within `with`, which
    raises Overloaded when too many do."""

    def __init__(self, most: int, counters: Counters) -> None:
        self._most = most
        self._counters = counters
        self._waiting = 0

    def count(self) -> int:
        """Count the waiting queries."""
        return self._waiting

    def __enter__(self) -> None:
        if self._waiting >= self._most:
            text = f"{self._most} wait for the log already (LINKUP_LOG_WAITING): more are refused"
            self._counters.hit("log_waiting", text)
            raise Overloaded("Too many requests are waiting: try again later", retry_after_ms=1000)
        self._waiting += 1

    def __exit__(self, *raised: object) -> None:
        self._waiting -= 1


@dataclass(slots=True)
class Asked(Generic[A]):
    """The futures of one answer; the first of them waits until that time."""

    until: float
    futures: list["asyncio.Future[A]"] = field(default_factory=list)

    def settle(self, answer: A) -> None:
        for future in self.futures:
            if not future.done():  # who asked may have gone
                future.set_result(answer)

    def fail(self, error: Exception) -> None:
        for future in self.futures:
            if not future.done():
                future.set_exception(copy.copy(error))  # each is raised, and traced, by itself


class Gathering(Generic[K, A]):
    """Answers by key. `ask` gets up to `most` keys, and answers them in their order, at least the
    first; what it leaves out is asked for again. Up to `at_once` questions are under way."""

    def __init__(
        self,
        ask: Callable[[Sequence[K]], Awaitable[Sequence[A]]],
        backlog: Backlog,
        turns: Turns,
        *,
        most: int,
        at_once: int,
    ) -> None:
        self._ask = ask
        self._backlog = backlog
        self._turns = turns
        self._most = most
        self._at_once = at_once
        self._line: dict[K, Asked[A]] = {}
        self._idle: deque[asyncio.Future[None]] = deque()

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        return [tasks.create_task(self._run()) for _ in range(self._at_once)]

    async def get(self, key: K) -> A:
        """Return the answer, as of now or later. Raises Overloaded, Unavailable, and what `ask`
        raises.

        Who asks the same while it waits in line shares the answer; what is under way already may
        be too old for them.
        """
        with self._backlog:
            if self._most == 1 and self._idle:
                return await self._alone(key)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[A] = loop.create_future()
            self._line.setdefault(key, Asked(loop.time() + PATIENCE)).futures.append(future)
            self._wake()
            return await future

    async def _alone(self, key: K) -> A:
        """Ask in the place of an idle worker, since there is nothing to combine: it would only have
        to be woken, and to wake its caller."""
        worker = self._idle.pop()
        try:
            [answer] = await self._ask([key])
        finally:
            self._idle.append(worker)
            if self._line:
                self._wake()
        await self._turns.turn()
        return answer

    def _wake(self) -> None:
        while self._idle:
            worker = self._idle.popleft()
            if not worker.done():
                worker.set_result(None)
                return

    async def _run(self) -> None:
        while True:
            asked = self._take()
            if asked:
                await self._carry(asked)
            else:
                worker = asyncio.get_running_loop().create_future()
                self._idle.append(worker)
                await worker

    def _take(self) -> dict[K, Asked[A]]:
        """Take the next keys in line, but for those nobody waits for any more."""
        taken: dict[K, Asked[A]] = {}
        now = asyncio.get_running_loop().time()
        while self._line and len(taken) < self._most:
            key = next(iter(self._line))
            asked = self._line.pop(key)
            if asked.until < now:
                asked.fail(Unavailable("The query was not answered in time: try again"))
            elif not all(future.done() for future in asked.futures):
                taken[key] = asked
        return taken

    async def _carry(self, asked: Mapping[K, Asked[A]]) -> None:
        keys = list(asked)
        try:
            answers = await self._ask(keys)
        except (LinkupError, msgspec.MsgspecError) as error:
            await self._failed(asked, error)
        else:
            self._put_back({key: asked[key] for key in keys[len(answers) :]})
            await self._settle([asked[key] for key in keys[: len(answers)]], answers)

    async def _failed(self, asked: Mapping[K, Asked[A]], error: Exception) -> None:
        keys = list(asked)
        if len(keys) > 1 and isinstance(error, Internal):  # one of them alone may break it
            for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
                await self._carry({key: asked[key] for key in half})
        elif len(keys) > 1 and isinstance(error, BusTimeout):  # a crowd has come, and it is busy
            self._put_back(dict(asked))  # until nobody is asked for any more
        else:
            for one in asked.values():
                one.fail(error)

    def _put_back(self, left: dict[K, Asked[A]]) -> None:
        """Put queries back to the front of the line."""
        if not left:
            return
        for key, asked in self._line.items():
            left.setdefault(key, Asked(asked.until)).futures.extend(asked.futures)
        self._line = left
        self._wake()

    async def _settle(self, asked: Sequence[Asked[A]], answers: Sequence[A]) -> None:
        """Settle queries in turns of the loop: each who is answered goes on at once."""
        for one, answer in zip(asked, answers, strict=True):
            await self._turns.turn()
            one.settle(answer)
