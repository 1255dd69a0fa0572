"""Owns the assumed state of a watched user, derived from announcements. Pure."""

import math
from dataclasses import dataclass

AGAIN = 4  # debounces after which someone believed online is asked for again


@dataclass(slots=True)
class Belief:
    """The assumed state of one user; `online` is None until anything can be told.

    A *no* out of the blue is a doubt, since a gateway may have gone whose sockets are on their way
    to another one: it counts when there is still nobody `debounce` seconds later. A gateway that
    says they went has waited that long.
    """

    debounce: float
    online: bool | None = None
    ask_at: float = 0.0
    doubted_at: float | None = None

    def announced(self, online: bool, now: float) -> bool:
        """Take in that a gateway says that they came, or went. Return whether that changes
        anything."""
        if online:
            return self._is_there(now)
        if self.online is not False:  # asked at once: they may have come since
            self.doubt(now - self.debounce)
        return False

    def answered(self, yes: bool | None, asked_at: float, now: float) -> bool:
        """Take in an answer; `yes` is None when the question did not leave. Return whether that
        changes anything."""
        if yes is None:
            self.ask_at = now + self.debounce
            return False
        if yes:  # unless they have left since
            return (self.doubted_at is None or asked_at >= self.doubted_at) and self._is_there(now)
        if self.online and self.doubted_at is None:
            self.doubt(asked_at)
        if self.doubted_at is None or asked_at >= self.doubted_at + self.debounce:
            return self._is_gone()
        self.ask_at = self.doubted_at + self.debounce
        return False

    def doubt(self, now: float) -> None:
        self.doubted_at, self.ask_at = now, now + self.debounce

    def _is_there(self, now: float) -> bool:
        changed = self.online is not True
        self.online, self.doubted_at, self.ask_at = True, None, now + AGAIN * self.debounce
        return changed

    def _is_gone(self) -> bool:
        changed = self.online is not False
        self.online, self.doubted_at, self.ask_at = False, None, math.inf
        return changed
