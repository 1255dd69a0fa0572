"""Owns the watchdog of an event loop, which records blocking calls and tasks that nobody awaited.

A thread examines the loop's thread ten times a second. If the loop is busy, the thread schedules a
callback on it and measures the time until it runs, which is the lag. An idle loop is never woken.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from shared.health.defects import place, unexpected
from shared.health.records import record

logger = logging.getLogger("linkup.watchdog")

EVERY = 0.1  # seconds between two looks
BLOCKED = 0.2  # seconds without a sign of life: what holds the loop for 0.3 is always found
SAID_EVERY = 10.0  # seconds between two lines of the log
SAMPLES = int(60 / EVERY)  # of the last minute
PATIENCE = 1.0  # seconds between two looks whether the watch is over
# Where a loop's thread stands while it waits for events: asyncio's own, and uvloop's.
RESTING = ("selectors.py", "asyncio/runners.py", "asyncio/base_events.py")
NEVER_AWAITED = "was never awaited"


class Watchdog:
    """The watchdog of the loop that runs in this thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched = threading.get_ident()
        self._lags: deque[float] = deque(maxlen=SAMPLES)
        self._over = threading.Event()
        self._said_at = float("-inf")

    def lag(self) -> float:
        """Return the 99th percentile of the lags within the last minute, in seconds."""
        lags = sorted(self._lags)
        return lags[-1 - len(lags) // 100] if lags else 0.0

    @contextmanager
    def watching(self) -> Iterator["Watchdog"]:
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()
        try:
            yield self
        finally:
            self._over.set()  # the thread may wait for this loop: nobody waits for the thread

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - its public name
            resting = frame is None or _rests(frame)
            self._lags.append(0.0 if resting else self._measured())

    def _measured(self) -> float:
        """Return the seconds until the loop has run a callback."""
        alive, began = threading.Event(), time.monotonic()
        try:
            self._loop.call_soon_threadsafe(alive.set)
        except RuntimeError:  # it is closed
            return 0.0
        if not alive.wait(BLOCKED):
            self._blocked(alive, began)
        return time.monotonic() - began

    def _blocked(self, alive: threading.Event, began: float) -> None:
        """Record where the loop is blocked, and for how long once that is over."""
        file, line = self._place()
        if began - self._said_at >= SAID_EVERY:
            self._said_at = began
            logger.warning("the event loop is blocked in %s:%d", file, line)
        while not alive.wait(PATIENCE) and not self._over.is_set():
            pass
        record(
            "async_context_violation",
            f"loop blocked {{ms}} ms in {file}:{line}",
            ms=round(1000 * (time.monotonic() - began)),
            file=file,
            line=line,
        )

    def _place(self) -> tuple[str, int]:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - its public name
        return place(traceback.walk_stack(frame)) if frame else ("?", 0)


def _rests(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(RESTING)


@contextmanager
def noted(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Record the exceptions that nobody retrieves, and the coroutines that nobody awaits."""
    show = warnings.showwarning

    def warn(message: Warning | str, *where: Any, **options: Any) -> None:
        if NEVER_AWAITED in str(message):
            record("async_context_violation", str(message))
        show(message, *where, **options)

    loop.set_exception_handler(_unhandled)
    warnings.showwarning = warn
    try:
        yield
    finally:
        warnings.showwarning = show
        loop.set_exception_handler(None)


def _unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Record the error, then let asyncio log it. `message` is asyncio's own, and the same for the
    same fault."""
    error, message = context.get("exception"), str(context.get("message"))
    if isinstance(error, BaseException):
        unexpected(error, message.partition(" <")[0])
    else:
        record("async_context_violation", message.partition(" <")[0])
    loop.default_exception_handler(context)
