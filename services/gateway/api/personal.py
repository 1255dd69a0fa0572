"""Owns the routes with which a host app exports and erases what is stored of a user."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import as_json, user_id
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.queries import Log
from shared import api, frames
from shared.commands import Done, EraseUser, Erasure, ErasureAnswer
from shared.errors import NotFound
from shared.reserved import is_reserved

ERASED, ERASING = 200, 202


@dataclass(slots=True, frozen=True)
class Personal:
    """`sweep`: wakes the deletion of files that no message has."""

    lanes: Lanes
    log: Log
    sweep: Callable[[], None]

    def endpoints(self) -> Endpoints:
        return {"DELETE /v1/admin/users/{user_id}": self.erase}

    async def erase(self, request: Request) -> Response:
        named = user_id(request)
        if is_reserved(named):
            raise NotFound("There is no such user")
        await self.lanes.call(EraseUser(user_id=named), Done)
        self.sweep()
        found = await self.log.ask(Erasure(user_id=named), ErasureAnswer)
        done = found.finished_at is not None and not found.files
        answer = api.ErasureAnswer(
            user_id=named,
            state="erased" if done else "erasing",
            asked_at=frames.time_of(found.asked_at),
        )
        return as_json(api.encode(answer), ERASED if done else ERASING)
