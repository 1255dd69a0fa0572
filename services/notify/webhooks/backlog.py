"""Owns the order of the events that wait for a webhook: one at a time of each conversation.

Pure. Times are microseconds.
"""

import heapq
from collections import deque
from collections.abc import Iterable

from msgspec.structs import replace

from services.notify.webhooks.event import Event


class Backlog:
    """The waiting events of a webhook. `take` gives out the first event of a thread; until `done`,
    `again` or `back` is called with it, no other event of that thread is given out."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._threads: dict[str, deque[Event]] = {}
        self._due: list[tuple[int, int, str]] = []  # by thread, unless its first event is out
        self._count = 0
        self.newest = 0  # the number of the last one added
        self.add(events)

    def __len__(self) -> int:
        return self._count

    def reset(self, events: Iterable[Event]) -> None:
        """Forget all, and begin with these. Nothing is out."""
        self._threads.clear()
        self._due.clear()
        self._count = self.newest = 0
        self.add(events)

    def add(self, events: Iterable[Event]) -> None:
        """Add events, which are in the order of their numbers. Known ones are skipped."""
        for event in events:
            if event.number <= self.newest:
                continue
            waiting = self._threads.setdefault(event.thread, deque())
            waiting.append(event)
            if len(waiting) == 1:
                self._push(event)
            self._count += 1
            self.newest = event.number

    def take(self, now: int, room: int) -> list[Event]:
        """Return the events that are due, the longest due first."""
        taken: list[Event] = []
        while self._due and len(taken) < room and self._due[0][0] <= now:
            _, _, thread = heapq.heappop(self._due)
            taken.append(self._threads[thread][0])
        return taken

    def done(self, event: Event) -> None:
        """Remove an event that has ended: the next one of its thread has its turn."""
        waiting = self._threads[event.thread]
        waiting.popleft()
        self._count -= 1
        if waiting:
            self._push(waiting[0])
        else:
            del self._threads[event.thread]

    def again(self, event: Event, due_at: int) -> None:
        """Put back an event that failed once more, to be due at `due_at`."""
        later = replace(event, due_at=due_at, attempts=event.attempts + 1)
        self._threads[event.thread][0] = later
        self._push(later)

    def back(self, events: Iterable[Event]) -> None:
        """Put back events that were not tried."""
        for event in events:
            self._push(event)

    def due_at(self) -> int | None:
        """Return when the next event is due, or None if there is none."""
        return self._due[0][0] if self._due else None

    def oldest(self) -> int | None:
        """Return since when the oldest event has been waiting, or None if there is none."""
        firsts = (waiting[0].queued_at for waiting in self._threads.values())
        return min(firsts, default=None)

    def _push(self, event: Event) -> None:
        heapq.heappush(self._due, (event.due_at, event.number, event.thread))
