"""Owns the position of one WebSocket in its user's feed.

The feed is passed on in cursor order, without gap or repeat (C5). A gap is repaired from the log,
page by page at the socket's own pace, and no buffer is kept meanwhile: remember the highest
cursor seen, fetch until it is reached, go live (R6).
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol

from msgspec import Struct

from shared import frames
from shared.commands import Event, FeedPageAnswer, Joined
from shared.errors import LinkupError
from shared.frames import Hello
from shared.health.records import record

logger = logging.getLogger("linkup.gateway.feed")

HOLE_WAIT = 0.02  # two publishers may overtake each other (R8)
MAX_MISSED = 10_000  # events; beyond that a client reloads instead of replaying
RETRY = (0.1, 1.0)  # seconds between two tries to reach the log


class State(Enum):
    WAITING = auto()  # the log has not said yet where the feed ends
    LIVE = auto()  # the next event is passed on as it comes
    REPAIRING = auto()  # what is missing is fetched; events only say how far


class Log(Protocol):
    """The part of the log that a feed reads."""

    async def feed(self, user_id: str, after: int) -> FeedPageAnswer: ...


class Reader(Protocol):
    """The side of a connection that a feed is passed on to."""

    user_id: str

    def push(self, frame: Struct) -> None: ...

    def pass_on(self, event: Event) -> None:
        """Pass on a live event, the next in order."""

    def replay(self, event: Event) -> None:
        """Pass on an event of a page, the next in order; it is not counted against any bound."""

    async def drained(self) -> None:
        """Wait until all that was replayed is written."""

    def start_over(self) -> None:
        """Forget what was told of events that come no more."""

    def broken(self, error: BaseException) -> None:
        """Take in that a repair has failed for a reason nobody expected."""


class Feed:
    __slots__ = (
        "_log",
        "_reader",
        "_repaired",
        "_repairing",
        "_syncing",
        "began",
        "cursor",
        "epoch",
        "seen",
        "state",
    )

    def __init__(
        self, log: Log, reader: Reader, repaired: Callable[[], None] = lambda: None
    ) -> None:
        """Begin without a position. `repaired` is called with each hole that was filled."""
        self._repaired = repaired
        self.state = State.WAITING
        self.epoch = ""
        self.cursor = -1  # of the last event passed on
        self.seen = -1  # the highest cursor heard of
        self.began = 0  # where the feed ended as this socket began
        self._syncing = False  # the client waits for `sync_completed`
        self._log = log
        self._reader = reader
        self._repairing: asyncio.Task[None] | None = None

    def start(self, epoch: str, cursor: int, head: int) -> None:
        """Begin after `cursor`; what lies between it and the head is replayed first."""
        self.epoch = epoch
        self.cursor = cursor
        self.seen = max(self.seen, head)
        self.began = head
        self.state = State.LIVE
        self._replay()

    def sync(self, cursor: int | None) -> None:
        """Send the feed again from there, as the client asks; never from ahead of what it was
        sent."""
        if cursor is not None and self.seen - cursor > MAX_MISSED:
            self._start_over(self.epoch, self.seen, f"more than {MAX_MISSED} events were missed")
        elif cursor is not None:
            self.cursor = min(cursor, self.cursor)
        self._replay()

    def on_events(self, epoch: str, events: Sequence[Event]) -> None:
        """Take in live events of this user: pass on what is next, drop what was seen, mark a
        hole."""
        if self.state is State.WAITING:
            self.seen = max(self.seen, events[-1].cursor)
            return
        if epoch != self.epoch:
            self._start_over(epoch, events[-1].cursor, "the store was replaced")
            return
        for event in events:
            if event.cursor == self.cursor + 1 and self.state is State.LIVE:
                self.cursor = event.cursor
                self._reader.pass_on(event)
            elif event.cursor > self.cursor:
                self._missing(event.cursor)
        self.seen = max(self.seen, self.cursor)

    def compare(self, epoch: str, head: int, cursor: int = -1) -> None:
        """Take in where the feed ends, as the log says: whatever lies between was lost on the wire
        (C7). `cursor`: where this feed stood before the log was asked, if known."""
        if self.state is State.WAITING:
            return
        if epoch != self.epoch or head < cursor:
            self._start_over(epoch, head, "the store was replaced")
        elif head > self.cursor:
            self._missing(head)

    async def stop(self) -> None:
        """Stop, since the socket has ended."""
        if self._repairing is not None:
            self._repairing.cancel()
            await asyncio.wait([self._repairing])

    # ------------------------------------------------------------ repair

    def _missing(self, cursor: int) -> None:
        self.seen = max(self.seen, cursor)
        self._repair_soon(hole=True)

    def _replay(self) -> None:
        """Send what was missed up to the highest cursor heard of, and say when it is reached."""
        self._syncing = True
        if self.cursor < self.seen or self.state is State.REPAIRING:
            self._repair_soon(hole=False)
        else:
            self._go_live()

    def _repair_soon(self, hole: bool) -> None:
        if self.state is not State.REPAIRING:
            self.state = State.REPAIRING
            self._repairing = asyncio.get_running_loop().create_task(self._repair(hole))
            self._repairing.add_done_callback(self._ended)

    async def _repair(self, hole: bool) -> None:
        if hole:
            await asyncio.sleep(HOLE_WAIT)
        if hole and self.cursor < self.seen:
            record("delivery_error", "a gap in a feed is repaired from the log")
        while self.cursor < self.seen:
            await self._fetch_page()
        if hole:
            self._repaired()
        self._go_live()

    def _go_live(self) -> None:
        self.state = State.LIVE
        if self._syncing:
            self._syncing = False
            self._reader.push(frames.SyncCompleted(cursor=self.cursor))

    def _ended(self, repair: "asyncio.Task[None]") -> None:
        if self._repairing is repair:
            self._repairing = None
        if not repair.cancelled() and (error := repair.exception()) is not None:
            self._reader.broken(error)

    async def _fetch_page(self) -> None:
        epoch, after = self.epoch, self.cursor
        try:
            page = await self._log.feed(self._reader.user_id, after)
        except LinkupError as error:
            logger.info("the log is out of reach, trying again: %s", error.code)
            await asyncio.sleep(random.uniform(*RETRY))
            return
        if (epoch, after) == (self.epoch, self.cursor):
            await self._take_page(page)
        # Else the client or the store moved the cursor meanwhile: that was asked too early.

    async def _take_page(self, page: FeedPageAnswer) -> None:
        if page.epoch != self.epoch:
            self._start_over(page.epoch, page.head, "the store was replaced")
        elif not page.events and page.head <= self.cursor:
            self.seen = self.cursor  # what was heard of lies beyond the log's own end
        elif not page.events or page.events[0].cursor != self.cursor + 1:
            self._start_over(page.epoch, page.head, "the feed no longer reaches back that far")
        else:
            for event in page.events:
                if event.cursor == self.cursor + 1:
                    self.cursor = event.cursor
                    self._reader.replay(event)
            # A page shows things as they are now: no older live event may follow it.
            self.seen = max(self.seen, page.head)
            await self._reader.drained()

    def _start_over(self, epoch: str, head: int, reason: str) -> None:
        """The feed cannot go on without a gap: say so and stand at the present (C6).

        A replay that was asked for still ends with `sync_completed`: somebody waits for it.
        """
        self.epoch, self.cursor, self.seen = epoch, head, head
        self.began = head
        self._reader.start_over()
        self._reader.push(frames.ResyncRequired(reason=reason, epoch=epoch, cursor=head))


def resume_point(hello: Hello, joined: Joined) -> tuple[int, str | None]:
    """Return the position from which the feed resumes, and the reason if it cannot (C6)."""
    if hello.cursor is None:
        return joined.head, None
    if hello.epoch is None:
        return joined.head, "a cursor needs its epoch"
    if hello.epoch != joined.epoch:
        return joined.head, "the store was replaced"
    if hello.cursor > joined.head:
        return joined.head, "the cursor lies ahead of the feed"
    if hello.cursor < joined.oldest:
        return joined.head, "the feed no longer reaches back that far"
    if joined.head - hello.cursor > MAX_MISSED:
        return joined.head, f"more than {MAX_MISSED} events were missed"
    return hello.cursor, None
