"""The host app is told that a user is erased when nothing is left in any of three places."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from services.gateway.api.erasure import UserErasure
from services.gateway.api.response import problems
from services.gateway.socket.refusals import Refusals
from shared.commands import ErasedNotices, EraseNotices, EraseUser, Erasure, ErasureAnswer
from shared.errors import LinkupError, Unavailable
from shared.health.counters import Counters
from tests.unit.gateway.test_notifications_api import Behind

DONE = ErasureAnswer(asked_at=1, finished_at=7, files=0)
GONE = ErasedNotices(finished=True)


@asynccontextmanager
async def served(log: Behind, notify: Behind) -> AsyncIterator[httpx2.AsyncClient]:
    lanes: Any = log
    swept: list[int] = []
    endpoint = UserErasure(lanes, lanes, notify, lambda: swept.append(1))  # type: ignore[arg-type]
    [answer] = endpoint.endpoints().values()
    routes = [Route("/v1/admin/users/{user_id}", answer, methods=["DELETE"])]
    app = Starlette(routes=routes, exception_handlers={LinkupError: problems(Refusals(Counters()))})
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    assert len(swept) == (EraseUser(user_id="xena") in log.asked)


@pytest.mark.parametrize(
    ("found", "told", "status"),
    [
        (DONE, GONE, 200),
        (ErasureAnswer(asked_at=1, finished_at=None, files=0), GONE, 202),
        (ErasureAnswer(asked_at=1, finished_at=7, files=1), GONE, 202),
        (DONE, ErasedNotices(finished=False), 202),
    ],
)
async def test_a_user_is_erased_when_all_have_finished(
    found: ErasureAnswer, told: ErasedNotices, status: int
) -> None:
    log, notify = Behind(found), Behind(told)
    async with served(log, notify) as api:
        answer = await api.delete("/v1/admin/users/xena")
    assert answer.status_code == status
    assert answer.json()["state"] == ("erased" if status == 200 else "erasing")
    assert log.asked == [EraseUser(user_id="xena"), Erasure(user_id="xena")]
    assert notify.asked in ([], [EraseNotices(user_id="xena", since=7)])


async def test_while_notify_is_away_a_user_is_not_erased() -> None:
    async with served(Behind(DONE), Behind(error=Unavailable("away"))) as api:
        assert (await api.delete("/v1/admin/users/xena")).status_code == 202


@pytest.mark.parametrize("user_id", ["linkup--system", "linkup--canary-1"])
async def test_nobody_of_ours_is_erased(user_id: str) -> None:
    log = Behind(DONE)
    async with served(log, Behind(GONE)) as api:
        assert (await api.delete(f"/v1/admin/users/{user_id}")).status_code == 404
    assert log.asked == []
