"""Owns the errors that a process has met, and the one function that records them.

`record` may be called from anywhere: a coroutine, a thread, a finalizer. It does not wait and does
not raise. An error that repeats is counted in its existing record, so a flood costs little.
"""

import base64
import hashlib
import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Unpack, cast

from shared import clock
from shared.health.sliding import WINDOW, Sliding
from shared.health.taxonomy import CATEGORIES as CATEGORIES
from shared.health.taxonomy import Category as Category
from shared.health.taxonomy import Context, Record, Severity, Value

HOUR, HOURS = 3600.0, 24
LITTLE = 0.1  # of an occurrence: what is of low severity, as a client that goes without a word
KEPT = 200  # records; the one that happened longest ago goes first
NEW_A_MINUTE = 60  # records that were not there before; what is above that is only counted
REFRESHED_EVERY = 1.0  # seconds between two looks at the context of what repeats
LONGEST = 200  # characters of one value
LONGEST_MESSAGE = 500
_FIELD = re.compile(r"\{(\w+)\}")


Key = tuple[Category, Severity, str]


@dataclass(slots=True)
class _Entry:
    """A record while it grows. `told`: how many of its occurrences have been taken."""

    id: str
    first_at: int
    occurred_at: int
    context: dict[str, Value] = field(default_factory=dict)
    user: str | None = None
    trace: str | None = None
    count: int = 0
    told: int = 0
    refreshed: float = float("-inf")


class Ledger:
    """The errors of one process, in memory: the latest records, and how many there were."""

    def __init__(
        self,
        service: str,
        *,
        window: float = WINDOW,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self.service = service
        self.totals: Counter[tuple[Category, Severity]] = Counter()  # since the process started
        self.news: Callable[[], None] = lambda: None  # called when `take` has something again
        self.unlisted = 0  # occurrences for which there was no room in the records
        self._sliding = {category: Sliding(window) for category in CATEGORIES}
        self._hour = {category: Sliding(HOUR) for category in CATEGORIES}
        self._all, self._day = Sliding(window), Sliding(HOURS * HOUR, HOURS)
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._monotonic = monotonic
        self._now = now
        self._minute, self._new = 0, 0
        self._pending = False
        self._lock = threading.RLock()  # a finalizer may come in the midst of its own thread

    def record(
        self,
        category: Category,
        message: str,
        *,
        severity: Severity | None = None,
        user: str | None = None,
        trace: str | None = None,
        **context: Unpack[Context],
    ) -> None:
        """Note an error. The same error has the same `message`. In it, `{name}` stands for a
        value of the context of the latest occurrence."""
        grave = severity or CATEGORIES[category].severity
        at = self._monotonic()
        with self._lock:
            self.totals[category, grave] += 1
            self._sliding[category].add(at, LITTLE if grave == "low" else 1)
            for sliding in (self._hour[category], self._all, self._day):
                sliding.add(at, 1)
            entry = self._entry((category, grave, message), at)
            if entry is None:
                self.unlisted += 1
                return
            entry.count += 1
            self._grown()
            entry.occurred_at = self._now()
            if at - entry.refreshed >= REFRESHED_EVERY:
                entry.refreshed = at
                entry.context = _allowed(cast("dict[str, object]", context))
                entry.user, entry.trace = _short(user), _short(trace)

    def counts(self, now: float | None = None) -> dict[Category, float]:
        """Return the occurrences within the window. `now` is a time of the monotonic clock."""
        at = self._monotonic() if now is None else now
        with self._lock:
            return {category: sliding.sum(at) for category, sliding in self._sliding.items()}

    def last_hour(self) -> dict[str, int]:
        """Return the occurrences within the last hour, by category."""
        now = self._monotonic()
        with self._lock:
            sums = {category: int(each.sum(now)) for category, each in self._hour.items()}
        return {category: count for category, count in sums.items() if count}

    def trend(self) -> list[int]:
        """Return the occurrences within the window by step, the latest last."""
        with self._lock:
            return [int(each) for each in self._all.trend(self._monotonic())]

    def hourly_trend(self) -> list[int]:
        """Return the occurrences by hour of the last day, the latest last."""
        with self._lock:
            return [int(each) for each in self._day.trend(self._monotonic())]

    def recent(self) -> list[Record]:
        """Return all records that are kept, the latest first."""
        with self._lock:
            return [self._shown(*each) for each in reversed(self._entries.items())]

    def take(self, most: int = KEPT) -> list[Record]:
        """Return the errors since the last call, each with the number of new occurrences."""
        with self._lock:
            grown = [each for each in self._entries.items() if each[1].count > each[1].told][:most]
            taken = [self._shown(key, entry, entry.count - entry.told) for key, entry in grown]
            for _, entry in grown:
                entry.told = entry.count
            self._pending = False
            if len(taken) == most:
                self._grown()
        return taken

    def give_back(self, records: list[Record]) -> None:
        """Let `take` return these again, since they could not be told."""
        back = {record.id: record.count for record in records}
        with self._lock:
            for entry in self._entries.values():
                entry.told -= back.get(entry.id, 0)
            self._grown()

    def _grown(self) -> None:
        if not self._pending:
            self._pending = True
            self.news()

    def _entry(self, key: Key, at: float) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            if not self._has_room(at):
                return None
            now = self._now()
            entry = self._entries[key] = _Entry(_id_of(self.service, key), now, now)
            if len(self._entries) > KEPT:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        return entry

    def _has_room(self, at: float) -> bool:
        minute = int(at / 60)
        if minute != self._minute:
            self._minute, self._new = minute, 0
        self._new += 1
        return self._new <= NEW_A_MINUTE

    def _shown(self, key: Key, entry: _Entry, count: int | None = None) -> Record:
        category, severity, message = key
        return Record(
            id=entry.id,
            category=category,
            severity=severity,
            service=self.service,
            message=_filled(message, entry.context)[:LONGEST_MESSAGE],
            context=entry.context,
            user=entry.user,
            trace=entry.trace,
            first_at=entry.first_at,
            occurred_at=entry.occurred_at,
            count=entry.count if count is None else count,
        )


def _id_of(service: str, key: Key) -> str:
    said = "\x00".join((service, *key)).encode("utf-8", "backslashreplace")
    digest = hashlib.blake2b(said, digest_size=10, person=b"linkup.error").digest()
    return "e" + base64.b32encode(digest).decode().lower()


def _allowed(context: Mapping[str, object]) -> dict[str, Value]:
    """Return short, printable values for the fields of `Context`."""
    named = {name: value for name, value in context.items() if name in Context.__annotations__}
    return {name: _plain(value) for name, value in named.items()}


def _plain(value: object) -> Value:
    if isinstance(value, bool | int | float):
        return value
    return _short(value) or "" if isinstance(value, str) else type(value).__name__


def _short(text: str | None) -> str | None:
    """Return the text on one line, without characters that UTF-8 cannot encode."""
    return None if text is None else "".join(c if c.isprintable() else "?" for c in text[:LONGEST])


def _filled(message: str, context: Mapping[str, Value]) -> str:
    return _FIELD.sub(lambda found: str(context.get(found[1], found[0])), message)


_ledger = Ledger("linkup")  # this process's; `use` sets it


def record(
    category: Category,
    message: str,
    *,
    severity: Severity | None = None,
    user: str | None = None,
    trace: str | None = None,
    **context: Unpack[Context],
) -> None:
    """Note an error in this process's ledger; see `Ledger.record`."""
    _ledger.record(category, message, severity=severity, user=user, trace=trace, **context)


@contextmanager
def use(ledger: Ledger) -> Iterator[Ledger]:
    """Send the records of this process to it until the block ends."""
    global _ledger  # as logging has its own: who notes an error is handed nothing
    before, _ledger = _ledger, ledger
    try:
        yield ledger
    finally:
        _ledger = before
