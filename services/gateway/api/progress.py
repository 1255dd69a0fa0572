"""Owns the routes that tell a sender how far a message of theirs has come."""

from dataclasses import dataclass
from typing import get_args

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import as_json, converted, integer, message_id
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.log import Log
from shared import api, frames
from shared.commands import Receipts, Step, TimelineAnswer
from shared.frames import UserId
from shared.progress import StepName, StepView
from shared.progress import TimelineAnswer as Shown

ORDER = get_args(StepName)  # of steps of one moment


@dataclass(slots=True, frozen=True)
class Progress:
    log: Log

    def endpoints(self) -> Endpoints:
        one = "/v1/messages/{message_id}"
        return {f"GET {one}/receipts": self.receipts, f"GET {one}/timeline": self.timeline}

    async def receipts(self, request: Request, identity: Identity) -> Response:
        after = request.query_params.get("after")
        asked = Receipts(
            user_id=identity.user_id,
            message_id=message_id(request),
            after="" if after is None else converted(after, UserId, "`after`"),
            limit=integer(request, "limit", most=100) or api.DEFAULT_LIMIT,
        )
        return as_json(await self.log.receipts(asked))

    async def timeline(self, request: Request, identity: Identity) -> Response:
        found = await self.log.timeline(identity.user_id, message_id(request))
        return as_json(api.encode(shown(found)))


def shown(found: TimelineAnswer) -> Shown:
    return Shown(
        epoch=found.epoch,
        cursor=found.cursor,
        message_id=found.message_id,
        conversation_id=found.conversation_id,
        seq=found.seq,
        client_id=found.client_id,
        member_count=found.member_count,
        delivered_count=found.delivered_count,
        read_count=found.read_count,
        steps=[_step(step) for step in sorted(found.steps, key=_order)],
    )


def _order(step: Step) -> tuple[bool, int, int, str]:
    """Of what is not known when, only that it was accepted is known to be the first."""
    late = step.at is None and step.step != "accepted"
    return late, step.at or 0, ORDER.index(step.step), step.user_id


def _step(step: Step) -> StepView:
    return StepView(
        step=msgspec.convert(step.step, StepName),
        at=None if step.at is None else frames.time_of(step.at),
        user_id=step.user_id or UNSET,
    )
