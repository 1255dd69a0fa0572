"""Owns the route with which a host app erases a user."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import user_id
from services.gateway.api.response import as_json
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.notices import Notices
from services.gateway.upstream.queries import Log
from shared import api, frames
from shared.commands import (
    Done,
    ErasedNotices,
    EraseNotices,
    EraseUser,
    Erasure,
    ErasureAnswer,
)
from shared.errors import LinkupError, NotFound
from shared.reserved import is_of_host

ERASED, ERASING = 200, 202


@dataclass(slots=True, frozen=True)
class UserErasure:
    """The route that erases a user. `sweep` wakes the deletion of files that no message has."""

    lanes: Lanes
    log: Log
    notices: Notices
    sweep: Callable[[], None]

    def endpoints(self) -> Endpoints:
        return {"DELETE /v1/admin/users/{user_id}": self.erase}

    async def erase(self, request: Request) -> Response:
        named = user_id(request)
        if not is_of_host(named):
            raise NotFound("There is no such user")
        await self.lanes.call(EraseUser(user_id=named), Done)
        self.sweep()
        found = await self.log.ask(Erasure(user_id=named), ErasureAnswer)
        done = not found.files and await self._notified(named, found.finished_at)
        answer = api.ErasureAnswer(
            user_id=named,
            state="erased" if done else "erasing",
            asked_at=frames.time_of(found.asked_at),
        )
        return as_json(answer, ERASED if done else ERASING)

    async def _notified(self, named: str, finished_at: int | None) -> bool:
        """Return whether notify has erased the user since persistence has."""
        if finished_at is None:
            return False
        asked = EraseNotices(user_id=named, since=finished_at)
        try:
            return (await self.notices.ask(asked, ErasedNotices)).finished
        except LinkupError:
            return False  # the health of notify says why
