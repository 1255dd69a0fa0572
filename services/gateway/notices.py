"""Owns the gateway's question to notify. It may be away: then no answer is an answer, and soon."""

import logging

import msgspec

from shared import commands, subjects
from shared.bus import Bus
from shared.commands import NotificationStep, NotificationSteps, NotificationStepsAnswer
from shared.errors import LinkupError

logger = logging.getLogger("linkup.gateway.notices")

PATIENCE = 1.0


class Notices:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

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
