"""Owns the waiting commands of a lane: in order for each user, with users taking turns.

So one who sends a thousand has as many in the next batch as one who sends ten.
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiting(Generic[T]):
    """The waiting items of all users, at most `own` of each."""

    def __init__(self, own: int) -> None:
        self._own = own
        self._lines: dict[str, deque[T]] = {}  # whose turn it is stands first
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._lines.values())

    def push(self, user_id: str, item: T) -> bool:
        """Queue an item. Return False when that user has too many; the item is not queued then."""
        line = self._lines.get(user_id)
        if line is None:
            line = self._lines[user_id] = deque()
        elif len(line) >= self._own:
            return False
        line.append(item)
        self._count += 1
        return True

    def pop(self) -> T:
        """Take the next of whose turn it is, who then stands last. Raises IndexError when empty."""
        if not self._count:
            raise IndexError("nothing waits")
        user_id = next(iter(self._lines))
        line = self._lines.pop(user_id)
        item = line.popleft()
        if line:
            self._lines[user_id] = line
        self._count -= 1
        return item
