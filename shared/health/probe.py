"""Owns the latest result of one dependency: when it worked, or why it does not.

Traffic that uses the same thing reports whether it worked; if nothing was reported for a while, the
thing is asked. The check itself never waits. A question that hangs is not cancelled, since that
would break the thing that it waits for.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shared.errors import LinkupError
from shared.health.endpoints import Check, Status
from shared.health.records import record
from shared.health.taxonomy import Category

logger = logging.getLogger("linkup.probe")

EVERY = 2.0  # seconds from a word that it works to the next question
AGAIN = 0.5  # seconds from a word that it does not
DEADLINE = 3.0  # seconds for an answer
STEP = 0.25  # seconds: that many of ours have to pass, or it is our own loop that is held up
LOST = 4 * DEADLINE  # seconds without a word after which even the question must have been lost

Ask = Callable[[], Awaitable[float | None]]


class Probe:
    """The probe of one thing, called `name`.

    `ask` raises LinkupError if the thing does not work. Otherwise it returns the time by the loop's
    clock at which the thing worked, or None for now. `remedy` tells an operator what to do, and
    follows the reason. `status` is that of the check while the thing fails, and `category` that of
    the error if it does not answer, or None if somebody else records that.
    """

    def __init__(
        self,
        name: str,
        ask: Ask,
        *,
        remedy: str = "",
        every: float = EVERY,
        status: Status = "fail",
        category: Category | None = "connection_error",
    ) -> None:
        self.name = name
        self._ask = ask
        self._remedy = f"; {remedy}" if remedy else ""
        self._every = every
        self._status = status
        self._category = category
        self._trouble = "not asked yet"
        self._at = float("-inf")  # of the last word, by the loop's clock

    def proved(self, at: float | None = None) -> None:
        """Note that it works, or did at that time of the loop's clock. A later result stands."""
        at = _now() if at is None else at
        if at < self._at:
            return
        if self._trouble and self._at > float("-inf"):
            logger.info("%s works again", self.name)
        self._at, self._trouble = at, ""

    def failed(self, reason: str) -> None:
        """Note that it does not work. The reason may be shown to anybody."""
        if not self._trouble:  # said once: the check says how it is
            logger.warning("%s fails: %s", self.name, reason)
        self._at, self._trouble = _now(), reason

    def check(self) -> Check:
        if self._trouble:
            return Check(self._status, f"{self.name}: {self._trouble}{self._remedy}")
        silent = _now() - self._at
        if silent > self._every + LOST:
            words = f"{self.name}: not heard of for {silent:.0f} s{self._remedy}"
            return Check(self._status, words)
        return Check("pass")

    async def ask(self) -> None:
        """Ask now, and note the answer, or that none comes in time."""
        began, steps = _now(), 0
        asking = asyncio.ensure_future(self._ask())
        try:
            while not asking.done():
                await asyncio.wait([asking], timeout=STEP)
                steps += not asking.done()
                if steps * STEP == DEADLINE:
                    self._silent()
        finally:
            asking.cancel()  # when we are
            await asyncio.wait([asking])
        try:
            self.proved(asking.result())
        except LinkupError as error:
            if steps * STEP >= (_now() - began) / 2 - STEP:  # else it may have answered in time
                self.failed(str(error.__cause__ or error))

    def _silent(self) -> None:
        reason = f"no answer for {DEADLINE:.0f} s"
        if self._category is not None:
            record(self._category, f"{self.name}: {reason}")
        self.failed(reason)

    async def run(self) -> None:
        """Ask whenever nothing was heard for a while, until cancelled."""
        asked = float("-inf")
        while True:
            due = self._at + (AGAIN if self._trouble else self._every)
            pause = max(due, asked + STEP) - _now()
            if pause > 0:
                await asyncio.sleep(pause)  # meanwhile traffic may have told
            else:
                await self.ask()
                asked = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
