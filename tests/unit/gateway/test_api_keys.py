"""/v1/admin is open to the holder of a whole key, on the routes of that key."""

import hmac
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import contract
from services.gateway.auth import Authenticator
from services.gateway.auth.api_keys import ApiKeys, check_scope
from services.gateway.rates import Rates
from shared.errors import Forbidden, RateLimited, SettingError, Unauthorized
from shared.frames import KeyName
from shared.route import Route
from shared.routes import ROUTES
from shared.settings import Settings, in_force, load
from tests.support.recorder import Recorder

OLD, NEW, HOST = "o" * 32, "n" * 40, "h" * 32
OPERATOR = Route(method="GET", path="/", summary="", answers=(), auth="operator", limit="admin")
USERS = Route(
    method="PUT", path="/", summary="", answers=(), auth="operator", scope="users", limit="host"
)


def keys_of(**settings: object) -> ApiKeys:
    every = Settings(**settings)  # type: ignore[arg-type]
    return ApiKeys(every, Rates(every))


def admit(key: str | None, route: Route = OPERATOR, **settings: object) -> KeyName:
    name = keys_of(**settings).admit(key, route, "address 192.0.2.1")
    check_scope(name, route)
    return name


@pytest.mark.parametrize("setting", ["admin", "host"])
def test_either_of_two_keys_is_valid(setting: KeyName) -> None:
    both = {f"{setting}_key": f"{OLD}, {NEW}"}
    assert [admit(key, USERS, **both) for key in (OLD, NEW)] == [setting, setting]


@pytest.mark.parametrize("key", [None, "", OLD[:-1], OLD + "o", f"{OLD},{NEW}", f"{OLD}, {NEW}"])
def test_no_other_key_does(key: str | None) -> None:
    with pytest.raises(Unauthorized):
        admit(key, admin_key=f"{OLD},{NEW}", host_key=HOST)


def test_without_a_key_nobody_is_the_operator() -> None:
    for key in (None, "", "anything"):
        with pytest.raises(Unauthorized):
            admit(key)


def test_the_key_of_the_host_app_opens_its_own_routes_only() -> None:
    both = {"admin_key": OLD, "host_key": HOST}
    assert [admit(OLD, route, **both) for route in (OPERATOR, USERS)] == ["admin", "admin"]
    assert admit(HOST, USERS, **both) == "host"
    with pytest.raises(Forbidden, match="LINKUP_HOST_KEY"):
        admit(HOST, OPERATOR, **both)


def test_every_key_is_compared_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    admit(OLD, admin_key=f"{OLD},{NEW}", host_key=HOST)
    assert [len(one) for pair in compared for one in pair] == [32] * 6


@pytest.mark.parametrize("name", ["admin_key", "host_key"])
@pytest.mark.parametrize("setting", ["short", f"{OLD},", f"{OLD},short", f"{OLD},{NEW},{OLD}x"])
def test_a_short_key_or_a_third_is_refused_without_naming_it(name: str, setting: str) -> None:
    with pytest.raises(SettingError, match=f"LINKUP_{name.upper()}") as refused:
        keys_of(**{name: setting})
    assert "short" not in str(refused.value)
    assert OLD not in str(refused.value)


def test_one_key_cannot_have_two_names() -> None:
    with pytest.raises(SettingError, match="common"):
        keys_of(admin_key=f"{NEW},{OLD}", host_key=OLD)


@pytest.mark.parametrize("name", ["admin_key", "host_key"])
def test_the_key_is_masked(name: str) -> None:
    assert in_force(Settings(**{name: OLD}))[name] == "********"  # type: ignore[arg-type]
    assert getattr(load({f"LINKUP_{name.upper()}": OLD}), name) == OLD


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{HOST}\n")
    assert load({"LINKUP_HOST_KEY_FILE": str(tmp_path / "key")}).host_key == HOST


def test_each_key_has_a_limit_of_its_own() -> None:
    keys = keys_of(admin_key=OLD, host_key=HOST, admin_per_minute=1, host_per_minute=2)
    for key, route in ((HOST, USERS), (OLD, USERS), (HOST, USERS), (OLD, OPERATOR)):
        keys.admit(key, route, "address 192.0.2.1")
    for key, route in ((HOST, USERS), (OLD, OPERATOR)):
        with pytest.raises(RateLimited):
            keys.admit(key, route, "address 192.0.2.1")
    assert keys.admit(HOST, USERS, "address 192.0.2.2") == "host"


def test_every_route_under_v1_admin_needs_a_key_and_has_the_limit_of_its_scope() -> None:
    for route in ROUTES:
        assert (route.auth == "operator") == route.path.startswith("/v1/admin/"), route.name
        if route.keys:
            assert route.limit == ("host" if "host" in route.keys else "admin"), route.name


@pytest.mark.parametrize(("key", "told"), [(OLD, True), (HOST, False), (NEW, False), ("", False)])
def test_the_details_of_health_are_told_to_the_operator_alone(key: str, told: bool) -> None:
    every = Settings(admin_key=OLD, host_key=HOST)
    headers = [(b"authorization", f"Bearer {key}".encode()), (b"x-forwarded-for", b"192.0.2.7")]
    scope = {"type": "http", "headers": headers, "client": ("192.0.2.1", 1)}
    assert contract.insiders(every, Rates(every))(scope) == told


ERRORS = "GET /v1/admin/errors"


async def served(request: Request) -> Response:
    return Response("served")


def client(**settings: object) -> httpx2.AsyncClient:
    """Return a client of a gateway with these routes, which raises the gateway's errors."""
    all_of_it = Settings(jwt_secret="j" * 32, **settings)  # type: ignore[arg-type]
    routes = contract.bind(
        {ERRORS: served}, Authenticator(all_of_it), Rates(all_of_it), all_of_it, Recorder()
    )
    transport = httpx2.ASGITransport(Starlette(routes=routes))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


async def test_s81_without_a_key_there_are_no_such_routes() -> None:
    async with client() as api:
        assert (await api.get("/v1/admin/errors")).status_code == 404


async def test_a_guess_costs_as_much_as_a_request() -> None:
    async with client(admin_key=OLD, admin_per_minute=2) as api:
        given = {"authorization": f"Bearer {OLD}"}
        assert (await api.get("/v1/admin/errors", headers=given)).text == "served"
        for refusal in (Unauthorized, Unauthorized, RateLimited):
            with pytest.raises(refusal):
                await api.get("/v1/admin/errors", headers={"authorization": f"Bearer {NEW}"})
        with pytest.raises(RateLimited):  # or the answer would tell a good guess from a bad one
            await api.get("/v1/admin/errors", headers=given)
