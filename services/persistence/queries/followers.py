"""Owns the followers of the log: their positions, and when they last sent a query.

Asking for a page says where one stands, so following is registering. Retention writes it down and
keeps what a follower has yet to read.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.persistence.store.connections import Row
from shared import clock
from shared.clock import SECOND
from shared.commands import FactPage, LogPage
from shared.health.records import record

logger = logging.getLogger("linkup.persistence.followers")

NOWHERE = ""  # no writer: the row says only that there is a follower
HEARD_STEP = 3600 * SECOND  # one who stands still is written down again no more often


@dataclass(slots=True)
class Follower:
    """A follower of the log. `positions` has the last row it holds, by writer; a writer that it
    does not name is at 0."""

    heard_at: int
    positions: dict[str, int] = field(default_factory=dict)
    written: tuple[int, dict[str, int]] | None = None  # heard_at and positions in the database

    @property
    def is_news(self) -> bool:
        if self.written is None:
            return True
        heard_at, positions = self.written
        return positions != self.positions or self.heard_at - heard_at > HEARD_STEP


class Followers:
    """Everybody who reads the log, by name."""

    def __init__(self, now: Callable[[], int] = clock.now) -> None:
        self._now = now
        self._known: dict[str, Follower] = {}
        self._left: list[str] = []

    def load(self, rows: Sequence[Row]) -> None:
        """Load the stored (follower, writer, n, heard_at), before any follower asks."""
        self._known = _by_name(rows)
        self.wrote(rows)

    def heard(self, asked: LogPage | FactPage, epoch: str) -> Mapping[str, int]:
        """Take in where the follower stands; where its page begins.

        One that has lost its place, or names a place in another store, goes on from the
        registered one.
        """
        follower = self._known.setdefault(asked.follower, Follower(0))
        follower.heard_at = self._now()
        if asked.positions and asked.epoch == epoch:
            follower.positions = dict(asked.positions)
        return asked.positions or follower.positions

    def stood(self, asked: LogPage, epoch: str) -> Mapping[str, int]:
        """Return the position that the follower last named, if it is one in the same store."""
        follower = self._known.get(asked.follower)
        return follower.positions if follower and asked.epoch == epoch else {}

    def leave(self, name: str) -> None:
        """Forget a follower, which has said that it reads no more."""
        if self._known.pop(name, None) is not None:
            self._left.append(name)

    def slowest(self, writer: str) -> int | None:
        """Return the last row of that writer that all of them hold; None without a follower."""
        return min((one.positions.get(writer, 0) for one in self._known.values()), default=None)

    def forget(self, patience: int) -> list[str]:
        """Give up on who was not heard of for so long; their names."""
        since = self._now() - patience
        gone = [name for name, one in self._known.items() if one.heard_at < since]
        for name in gone:
            logger.warning("a follower is gone: the feed waits no longer", extra={"follower": name})
            record("delivery_error", f"a follower is gone: {name}", follower=name)
            del self._known[name]
        return gone

    def departed(self) -> list[str]:
        """Return the names of those who have left since this was last asked."""
        left, self._left = self._left, []
        return [name for name in left if name not in self._known]

    def news(self) -> list[Row]:
        """Return the positions to store, as `load` takes them; NOWHERE for a follower without
        one."""
        rows: list[Row] = []
        for name, one in self._known.items():
            if one.is_news:
                positions = one.positions or {NOWHERE: 0}
                rows += [(name, writer, n, one.heard_at) for writer, n in positions.items()]
        return rows

    def wrote(self, rows: Iterable[Row]) -> None:
        """Note that the rows of `news` are in the database."""
        for name, one in _by_name(rows).items():
            if name in self._known:
                self._known[name].written = one.heard_at, one.positions


def _by_name(rows: Iterable[Row]) -> dict[str, Follower]:
    found: dict[str, Follower] = {}
    for name, writer, n, heard_at in rows:
        one = found.setdefault(name, Follower(heard_at))
        one.heard_at = max(one.heard_at, heard_at)
        if writer != NOWHERE:
            one.positions[writer] = n
    return found
