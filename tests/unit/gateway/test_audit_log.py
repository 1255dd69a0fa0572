"""Each request with a key that was to change something is recorded, without its body."""

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import contract
from services.gateway.api.response import problems
from services.gateway.auth import Authenticator
from services.gateway.rates import Rates
from services.gateway.socket.refusals import Refusals
from shared.commands import RecordChange
from shared.errors import LinkupError, NotFound, Unavailable
from shared.health.counters import Counters
from shared.settings import Settings
from tests.support.recorder import Recorder

ADMIN, HOST = "o" * 32, "h" * 32
PUT_USER, ERRORS = "PUT /v1/admin/users/{user_id}", "GET /v1/admin/errors"
NOTIFY = "POST /v1/admin/notifications"
RESOLVE = "POST /v1/admin/errors/{error_id}/resolve"
SETTINGS = Settings(jwt_secret="j" * 32, admin_key=ADMIN, host_key=HOST)


async def put_user(request: Request) -> Response:
    match request.path_params["user_id"]:
        case "nobody":
            raise NotFound("There is no such user")
        case "broken":
            raise RuntimeError
    return Response()


async def notify(request: Request) -> Response:
    contract.concerns(request, "alice", "bob")
    return Response(status_code=201)


async def read(request: Request) -> Response:
    return Response()


def client(record: contract.Recorder, key: str = HOST) -> httpx2.AsyncClient:
    endpoints = {PUT_USER: put_user, NOTIFY: notify, ERRORS: read, RESOLVE: read}
    auth, rates = Authenticator(SETTINGS), Rates(SETTINGS)
    app = Starlette(
        routes=contract.bind(endpoints, auth, rates, SETTINGS, record),
        exception_handlers={LinkupError: problems(Refusals(Counters()))},
    )
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@pytest.mark.parametrize(
    ("user_id", "status"), [("alice", 200), ("nobody", 404), ("broken", 500), ("a%20b", 200)]
)
async def test_a_change_is_recorded_with_its_key_its_target_and_its_outcome(
    user_id: str, status: int
) -> None:
    recorded = Recorder()
    async with client(recorded) as api:
        answer = await api.put(f"/v1/admin/users/{user_id}", json={"name": "canary"})
    assert answer.status_code == status
    target = user_id.replace("%20", " ")
    assert recorded == [RecordChange(key="host", route=PUT_USER, target=target, status=status)]


async def test_what_the_path_does_not_name_is_named_by_the_route() -> None:
    recorded = Recorder()
    async with client(recorded, ADMIN) as api:
        await api.post("/v1/admin/notifications")
    assert recorded == [RecordChange(key="admin", route=NOTIFY, target="alice/bob", status=201)]


async def test_a_request_is_refused_and_recorded_or_reads_and_is_not() -> None:
    recorded = Recorder()
    async with client(recorded, ADMIN) as api:
        assert (await api.get("/v1/admin/errors")).status_code == 200
        assert recorded == []
        assert (await api.put("/v1/admin/users/alice?odd=1")).status_code == 400
        assert [one.status for one in recorded] == [400]
    async with client(recorded, "x" * 32) as stranger:
        assert (await stranger.put("/v1/admin/users/alice")).status_code == 401
        assert len(recorded) == 1


async def test_a_key_that_does_not_open_a_route_leaves_a_trace() -> None:
    recorded = Recorder()
    async with client(recorded, HOST) as api:
        assert (await api.post("/v1/admin/errors/e1/resolve")).status_code == 403
    assert recorded == [RecordChange(key="host", route=RESOLVE, target="e1", status=403)]


async def test_what_cannot_be_recorded_is_not_answered_as_done() -> None:
    async def away(change: RecordChange) -> None:
        raise Unavailable("The store did not answer")

    async with client(away) as api:
        answer = await api.put("/v1/admin/users/alice")
    assert (answer.status_code, answer.json()["temporary"]) == (503, True)
