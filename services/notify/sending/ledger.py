"""Owns the writing down of what becomes of the deliveries of a channel: all that is to be written
at the same time, in one transaction.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable

from services.notify.ladder.cases import Case
from services.notify.ladder.delivery import Channel, Ending, Waits
from services.notify.store import handover, refusals
from services.notify.store.store import Store
from shared.errors import LinkupError

Step = Case | Ending  # begun, or ended
Waiting = tuple[Step, asyncio.Future[bool]]


class Ledger:
    def __init__(
        self, channel: Channel, store: Store, waits: Waits, clock: Callable[[], int]
    ) -> None:
        self._channel = channel
        self._store = store
        self._waits = waits
        self._clock = clock
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def begin(self, case: Case) -> bool:
        """The point of no return. False: go no further. Raises Unavailable."""
        return await self._written(case)

    async def settle(self, ending: Ending) -> None:
        """Raises Unavailable."""
        await self._written(ending)

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def _written(self, step: Step) -> bool:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((step, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            waiting.sort(key=lambda one: isinstance(one[0], Case))  # as `_work` returns them
            await self._together(waiting)

    async def _together(self, waiting: list[Waiting]) -> None:
        steps = [step for step, _ in waiting]
        try:
            results = await self._store.between(lambda raw: self._work(raw, steps))
        except LinkupError as error:
            _fail(waiting, error)
        except Exception as error:  # noqa: BLE001 - it is raised where that step was asked for
            if len(waiting) == 1:
                _fail(waiting, error)
            else:
                for one in waiting:
                    await self._together([one])
        else:
            for (_, done), result in zip(waiting, results, strict=True):
                if not done.done():  # whoever waited may have been cancelled
                    done.set_result(result)

    def _work(self, connection: sqlite3.Connection, steps: Iterable[Step]) -> list[bool]:
        """The endings, then the cases."""
        now = self._clock()
        endings = [step for step in steps if isinstance(step, Ending)]
        cases = [step for step in steps if isinstance(step, Case)]
        settled, begun = handover.advance(connection, endings, cases, now, self._waits)
        if self._channel == "email":
            ended = zip(endings, settled, strict=True)
            refusals.note(connection, [one for one, known in ended if known and one.address])
        return [*settled, *begun]


def _fail(waiting: Iterable[Waiting], error: Exception) -> None:
    for _, done in waiting:
        if not done.done():
            done.set_exception(error)
