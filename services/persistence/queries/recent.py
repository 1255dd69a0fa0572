"""Owns the figures of the latest transactions with messages, in memory.

The event loop writes one entry a transaction; the readers' threads look them up.
"""

from shared.commands import Transacted

KEPT = 4096  # transactions: at least as many messages


class Recent:
    def __init__(self, kept: int = KEPT) -> None:
        self._entries: list[Transacted | None] = [None] * kept  # its length never changes
        self._next = 0

    def add(self, entry: Transacted) -> None:
        self._entries[self._next] = entry
        self._next = (self._next + 1) % len(self._entries)

    def of(self, message_id: int) -> Transacted | None:
        """Return the transaction that stored it, if that is still known."""
        for entry in self._entries:
            if entry is not None and entry.first_id <= message_id <= entry.last_id:
                return entry
        return None
