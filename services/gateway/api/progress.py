"""Owns the routes of a message's receipts and timeline, for its sender."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, get_args

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import after, message_id, page_size
from services.gateway.api.response import as_json, as_read
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.queries import Log
from shared import api, frames
from shared.commands import (
    NotificationStep,
    NotificationSteps,
    Receipts,
    Snapshot,
    Step,
    Timeline,
    TimelineAnswer,
)

N = TypeVar("N")

ORDER = get_args(api.StepName)  # of steps of one moment
BEGINNING = frames.time_of(0)


@dataclass(slots=True, frozen=True)
class Progress:
    log: Log

    def endpoints(self) -> Endpoints:
        one = "/v1/messages/{message_id}"
        return {f"GET {one}/receipts": self.receipts, f"GET {one}/timeline": self.timeline}

    async def receipts(self, request: Request, identity: Identity) -> Response:
        asked = Receipts(
            user_id=identity.user_id,
            message_id=message_id(request),
            after=after(request),
            limit=page_size(request),
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def timeline(self, request: Request, identity: Identity) -> Response:
        """Notify is asked about nothing that this user may not know of."""
        question = Timeline(user_id=identity.user_id, message_id=message_id(request))
        found = await self.log.ask(question, TimelineAnswer)
        asked = NotificationSteps(
            conversation_id=found.conversation_id, seq=found.seq, user_ids=found.user_ids
        )
        return as_json(shown(found, await self.log.notices(asked)))


def shown(found: TimelineAnswer, notices: list[NotificationStep] | None) -> api.TimelineAnswer:
    steps = [_step(step) for step in found.steps] + [_notice(one) for one in notices or ()]
    return api.TimelineAnswer(
        epoch=found.epoch,
        cursor=found.cursor,
        message_id=found.message_id,
        conversation_id=found.conversation_id,
        seq=found.seq,
        client_id=found.client_id,
        member_count=found.member_count,
        delivered_count=found.delivered_count,
        read_count=found.read_count,
        notifications="unavailable" if notices is None else "complete",
        steps=sorted(steps, key=_order),
    )


def _step(step: Step) -> api.StepView:
    return api.StepView(
        step=msgspec.convert(step.step, api.StepName),
        at=_time(step.at, None),
        user_id=step.user_id or UNSET,
    )


def _notice(one: NotificationStep) -> api.StepView:
    return api.StepView(
        step="notification",
        at=_time(one.at, None),
        user_id=one.user_id,
        channel=msgspec.convert(one.channel, api.Channel),
        outcome=msgspec.convert(one.outcome, api.Outcome),
        due_at=_time(one.due_at, UNSET),
        reason=one.reason or UNSET,
    )


def _order(step: api.StepView) -> tuple[bool, datetime, int, str]:
    """Sort by time. Of steps without one, only `accepted` has a known place: the first."""
    late = step.at is None and step.step != "accepted"
    return late, step.at or BEGINNING, ORDER.index(step.step), step.user_id or ""


def _time(microseconds: int | None, unknown: N) -> datetime | N:
    return unknown if microseconds is None else frames.time_of(microseconds)
