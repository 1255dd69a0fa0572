"""Owns a mail server that goes wrong at random: it greylists, refuses, stalls and breaks off."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

from aiosmtpd.smtp import SMTP

from tests.integration.notify_support import Mailbox

# Of a thousand times that a step is reached, how often each of these happens there.
FAULTS: Mapping[str, Mapping[str, int]] = {
    "mail": {"421 closing": 10, "451 busy": 10, "drop": 10},
    "rcpt": {"451 busy": 10, "550 no such user": 10, "drop": 10},
    "data": {"451 busy": 10, "554 refused": 5, "drop": 10, "hang": 4},
    "dot": {"": 860, "451 busy": 50, "550 spam": 20, "421 closing": 20, "drop": 40, "hang": 10},
}


class Unruly(Mailbox):
    """`greylisted`: the addresses that were told to come again, each the first time.

    `calm`: from then on, nothing goes wrong. `stalled`: how many connections hang.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = Random(seed)
        self.calm = False
        self.greylisted: set[str] = set()
        self.stalled = 0

    async def step(self, server: SMTP, step: str) -> str | None:
        if not self.script.get(step):
            self.script[step] = [self._act(step)]
        hangs = self.script[step][0] == "hang"
        self.stalled += hangs
        try:
            return await super().step(server, step)
        finally:  # a connection that breaks off cancels it
            self.stalled -= hangs

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address not in self.greylisted:
            self.greylisted.add(address)
            return "451 4.7.1 come again"
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.script["dot"] = [self._act("dot")]  # what it is decides whether the e-mail is taken
        return await super().handle_DATA(server, session, envelope)

    def let_go(self) -> None:
        """End what hangs now."""
        release, self.release = self.release, asyncio.Event()
        release.set()

    def _act(self, step: str) -> str:
        if self.calm:
            return ""
        drawn = self._random.randrange(1000)
        for act, weight in FAULTS[step].items():
            drawn -= weight
            if drawn < 0:
                return act
        return ""
