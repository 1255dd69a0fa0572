"""Owns one conversation's unacknowledged messages: their order, and when each is resent.

No I/O: `transmit` takes the bytes, `call_later` the waiting. What is not acknowledged keeps its
place, so nothing ever overtakes on a retry.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from linkup_client import backoff, frames
from linkup_client.backoff import Timing

Outcome = frames.Ack | frames.Error | BaseException

MAX_WINDOW = 32  # in flight at once; one after a refusal, doubled by each ack


class Pending:
    """One message on its way. `done` is told the outcome, once."""

    __slots__ = ("done", "frame", "sent_at", "text")

    def __init__(self, frame: frames.SendMessage, done: Callable[[Outcome], None]) -> None:
        self.frame = frame
        self.text = frames.encode(frame)
        self.done = done
        self.sent_at = 0.0


class Lane:
    """The first `in_flight` of `waiting` were transmitted on this connection."""

    def __init__(
        self,
        transmit: Callable[[bytes], None],
        loop: asyncio.AbstractEventLoop,
        timing: Timing,
        max_window: int = MAX_WINDOW,
    ) -> None:
        self.waiting: deque[Pending] = deque()
        self.in_flight = 0
        self._transmit = transmit
        self._loop = loop
        self._timing = timing
        self._max_window = max_window
        self._window = max_window
        self._refusals = 0
        self._rest: asyncio.TimerHandle | None = None
        self._online = False

    def submit(self, pending: Pending) -> None:
        self.waiting.append(pending)
        self._pump()

    def on_ack(self, ack: frames.Ack) -> Pending | None:
        """Return the message that the ack is for, or None if it was acknowledged before."""
        pending = self._remove(ack.client_id)
        if pending is None:
            return None
        self._refusals = 0
        self._window = min(self._max_window, self._window * 2)
        self._pump()
        return pending

    def on_error(self, error: frames.Error) -> Pending | None:
        """Return the message that failed for good; after a temporary error it is kept and sent
        again."""
        if not error.temporary:
            pending = self._remove(error.client_id)
            self._pump()
            return pending
        place = self._place(error.client_id)
        if place < self.in_flight:
            self._step_back(place, error)
        return None

    def connected(self) -> None:
        """Begin on a new connection: everything without an ack goes out again, in order."""
        self._online = True
        self._again()

    def lost(self) -> None:
        self._online = False
        self._cancel_rest()
        self.in_flight = 0

    def sweep(self, now: float) -> None:
        """Send again from the start when the oldest has waited too long for its ack."""
        if self.in_flight and self.waiting[0].sent_at + self._timing.ack_timeout <= now:
            self._again()

    # ---------------------------------------------------------- inside

    def _pump(self) -> None:
        if not self._online or self._rest is not None:
            return
        upto = min(self._window, len(self.waiting))
        if self.in_flight >= upto:
            return
        now = self._loop.time()
        for place in range(self.in_flight, upto):
            pending = self.waiting[place]
            pending.sent_at = now
            self._transmit(pending.text)
        self.in_flight = upto

    def _again(self) -> None:
        self._cancel_rest()
        self.in_flight = 0
        self._pump()

    def _cancel_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _step_back(self, place: int, error: frames.Error) -> None:
        # Errors of what was behind it are still to come; with a window of one they meet nothing
        # in flight and are stepped over.
        self.in_flight = place
        self._window = 1
        wait = backoff.delay(self._timing, self._refusals)
        if error.retry_after_ms is not None:
            wait = error.retry_after_ms / 1000
        self._refusals += 1
        self._cancel_rest()
        self._rest = self._loop.call_later(wait, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._pump()

    def _place(self, client_id: str | None) -> int:
        """Return its position; after the last one if it is not in the lane."""
        for place, pending in enumerate(self.waiting):
            if pending.frame.client_id == client_id:
                return place
        return len(self.waiting)

    def _remove(self, client_id: str | None) -> Pending | None:
        place = self._place(client_id)
        if place == len(self.waiting):
            return None
        pending = self.waiting[place]
        del self.waiting[place]
        if place < self.in_flight:
            self.in_flight -= 1
        return pending
