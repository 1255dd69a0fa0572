"""Owns the webhooks that are served now: a reader and a sender for each.

Without a webhook nothing runs: no subscription, no connection, no question to the log.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from services.notify.database import Between
from services.notify.webhooks.backlog import Backlog
from services.notify.webhooks.reader import Reader
from services.notify.webhooks.rows import Hook
from services.notify.webhooks.sender import AT_ONCE, Sender
from shared import subjects
from shared.bus import Bus, Delivery
from shared.clock import SECOND
from shared.health.endpoints import Check
from shared.outward import Outward, open_outward
from shared.outward.destinations import Rules
from shared.retry import Retries

CONNECT_TIMEOUT, TIMEOUT = 5.0, 15.0  # seconds, of a request
MOST = 16  # webhooks; each reads the log by itself
CONNECTIONS = MOST * AT_ONCE  # enough that no webhook waits for another


@dataclass(slots=True, frozen=True, kw_only=True)
class Terms:
    """The parameters that all webhooks share. An event is tried for `lasting` seconds. `count` is
    called with the name of what is counted."""

    bus: Bus
    between: Between
    rules: Rules
    retries: Retries
    lasting: float
    clock: Callable[[], int]
    count: Callable[[str], None]


class Line:
    """One webhook that is served."""

    def __init__(
        self, hook: Hook, terms: Terms, outward: Outward, ended: Callable[[], None]
    ) -> None:
        self.hook = hook
        self.backlog = Backlog()
        self.stopped = False
        self._clock = terms.clock
        self._reading: asyncio.Task[None] | None = None
        self.reader = Reader(hook, terms.bus, terms.between, self.backlog, terms.clock, self._grown)
        self.sender = Sender(
            hook,
            terms.bus,
            terms.between,
            self.backlog,
            outward,
            retries=terms.retries,
            lasting=terms.lasting,
            clock=terms.clock,
            room=self.reader.eased,
            ended=ended,
            count=terms.count,
        )

    def _grown(self) -> None:
        self.sender.wake()

    def behind(self) -> float:
        """Return for how many seconds the oldest event has been waiting."""
        oldest = self.backlog.oldest()
        return 0.0 if oldest is None else max(0.0, (self._clock() - oldest) / SECOND)

    def stop(self) -> None:
        """Read no more, at once; the requests that are on their way come to their end."""
        self.stopped = True
        self.sender.stop()
        if self._reading is not None:
            self._reading.cancel()

    async def run(self) -> None:
        """Read and send events until `stop` is called."""
        async with asyncio.TaskGroup() as group:
            self._reading = group.create_task(self.reader.run())
            await self.sender.run()
            self._reading.cancel()


class Lines:
    """All webhooks that are served. `ended` is called when a receiver wants no more events."""

    def __init__(self, terms: Terms, ended: Callable[[], None]) -> None:
        self._terms = terms
        self._ended = ended
        self._wanted: Mapping[str, Hook] = {}
        self._changed = asyncio.Event()
        self._running: dict[str, tuple[Line, asyncio.Task[None]]] = {}

    def want(self, hooks: Iterable[Hook]) -> None:
        """Serve these webhooks and no others, as they are now."""
        self._wanted = {hook.webhook_id: hook for hook in hooks if not hook.off}
        for line, _ in self._running.values():
            if not self._is_wanted(line):
                line.stop()
        if self._wanted or self._running:
            self._changed.set()

    def of(self, webhook_id: str) -> Line | None:
        running = self._running.get(webhook_id)
        return running[0] if running else None

    async def run(self) -> None:
        await self._changed.wait()
        terms = self._terms
        async with open_outward(
            terms.rules,
            timeout=TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
            connections=CONNECTIONS,
        ) as outward:
            await terms.bus.subscribe(subjects.LOG, self._on_doorbell)
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._changed.wait()
                    self._changed.clear()
                    await self._end()
                    self._begin(group, outward)

    async def drain(self) -> None:
        """Let the requests on their way end, and send no more."""
        self._wanted = {}
        await self._end()

    def check(self) -> Check:
        """Return the check, which warns at worst: an event that waits for a webhook is not lost."""
        checks = [line.sender.breaker.check() for line, _ in self._running.values()]
        return max(checks, key=lambda check: check.observed or 0, default=Check("pass"))

    def failing(self) -> float:
        """The number of webhooks that are left alone."""
        lines = [line for line, _ in self._running.values()]
        return sum(line.sender.breaker.state != "closed" for line in lines)

    def lag(self) -> float:
        """Return for how many seconds the oldest event of all has been waiting."""
        return max((line.behind() for line, _ in self._running.values()), default=0.0)

    async def _end(self) -> None:
        """End the webhooks that are not wanted any more, or were changed."""
        gone = [name for name, (line, _) in self._running.items() if not self._is_wanted(line)]
        ending = [self._running.pop(name) for name in gone]
        for line, _ in ending:
            line.stop()
        if ending:
            await asyncio.wait([task for _, task in ending])

    def _is_wanted(self, line: Line) -> bool:
        wanted = self._wanted.get(line.hook.webhook_id)
        return not line.stopped and wanted is not None and wanted.updated_at == line.hook.updated_at

    def _begin(self, group: asyncio.TaskGroup, outward: Outward) -> None:
        for name, hook in self._wanted.items():
            if name not in self._running:
                line = Line(hook, self._terms, outward, self._ended)
                self._running[name] = line, group.create_task(line.run())

    def _on_doorbell(self, delivery: Delivery) -> None:
        for line, _ in self._running.values():
            line.reader.ring()
