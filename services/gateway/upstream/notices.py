"""Owns the gateway's question to notify. It may be away: then no answer is an answer, and soon."""

import logging
from functools import partial

import msgspec

from shared import commands, readiness, subjects
from shared.bus import Bus
from shared.commands import NotificationStep, NotificationSteps, NotificationStepsAnswer
from shared.errors import LinkupError
from shared.health import Check
from shared.probe import Probe

logger = logging.getLogger("linkup.gateway.notices")

PATIENCE = 1.0
ASK_EVERY = 5.0
REMEDY = "e-mails wait; see its /health"


class Notices:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        ask = partial(readiness.ask, bus, subjects.notify("health"))
        self.probe = Probe("notify", ask, remedy=REMEDY, every=ASK_EVERY, status="warn")

    def check(self) -> Check:
        """Never fails: everything but the e-mails goes on without it."""
        return self.probe.check()

    async def steps(self, asked: NotificationSteps) -> list[NotificationStep] | None:
        """What became of a message's notifications; None when notify does not say."""
        if not asked.user_ids:
            return []
        try:
            payload = commands.encode(asked)
            reply = await self._bus.request(subjects.notify("steps"), payload, PATIENCE)
            return commands.open_answer(reply, NotificationStepsAnswer).steps
        except (LinkupError, msgspec.MsgspecError) as error:
            logger.info("notify does not answer: %s", error)
            return None
