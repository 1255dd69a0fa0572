"""Who is the operator: either of two keys, long enough, compared as a whole."""

import hmac

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import contract
from services.gateway.auth import Authenticator
from services.gateway.auth.operator import AdminKeys
from services.gateway.rates import Rates
from shared.errors import RateLimited, SettingError, Unauthorized
from shared.settings import Settings, in_force, load

OLD, NEW = "o" * 32, "n" * 40


def test_either_of_two_keys_lets_the_operator_in() -> None:
    keys = AdminKeys(f"{OLD}, {NEW}")
    keys.verify(OLD)
    keys.verify(NEW)


@pytest.mark.parametrize("key", [None, "", OLD[:-1], OLD + "o", f"{OLD},{NEW}", f"{OLD}, {NEW}"])
def test_no_other_key_does(key: str | None) -> None:
    with pytest.raises(Unauthorized):
        AdminKeys(f"{OLD},{NEW}").verify(key)


def test_without_a_key_nobody_is_the_operator() -> None:
    for key in (None, "", "anything"):
        with pytest.raises(Unauthorized):
            AdminKeys("").verify(key)


def test_every_key_is_compared_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    AdminKeys(f"{OLD},{NEW}").verify(OLD)
    assert [len(one) for pair in compared for one in pair] == [32, 32, 32, 32]


@pytest.mark.parametrize("setting", ["short", f"{OLD},", f"{OLD},short", f"{OLD},{NEW},{OLD}x"])
def test_a_short_key_or_a_third_is_refused_without_naming_it(setting: str) -> None:
    with pytest.raises(SettingError) as refused:
        AdminKeys(setting)
    assert "short" not in str(refused.value)
    assert OLD not in str(refused.value)


def test_the_key_is_masked() -> None:
    assert in_force(Settings(admin_key=OLD))["admin_key"] == "********"
    assert load({"LINKUP_ADMIN_KEY": OLD}).admin_key == OLD


ERRORS = "GET /v1/admin/errors"


async def served(request: Request) -> Response:
    return Response("served")


def client(**settings: object) -> httpx2.AsyncClient:
    """Of a gateway that has these routes; its errors come out as they are."""
    all_of_it = Settings(jwt_secret="j" * 32, **settings)  # type: ignore[arg-type]
    routes = contract.bind({ERRORS: served}, Authenticator(all_of_it), Rates(all_of_it), all_of_it)
    transport = httpx2.ASGITransport(Starlette(routes=routes))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


async def test_s81_without_a_key_there_are_no_such_routes() -> None:
    async with client() as api:
        assert (await api.get("/v1/admin/errors")).status_code == 404


async def test_a_guess_costs_as_much_as_a_request() -> None:
    async with client(admin_key=OLD, admin_per_minute=3) as api:
        given = {"authorization": f"Bearer {OLD}"}
        assert (await api.get("/v1/admin/errors", headers=given)).text == "served"
        for refusal in (Unauthorized, Unauthorized, RateLimited):
            with pytest.raises(refusal):
                await api.get("/v1/admin/errors", headers={"authorization": f"Bearer {NEW}"})
