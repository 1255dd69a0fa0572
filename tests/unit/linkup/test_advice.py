"""The warnings at start."""

import pytest

from linkup.run.advice import warnings
from shared.settings import Settings

SECRET = "x" * 32


def said(**settings: object) -> str:
    return "\n".join(warnings(Settings(**settings)))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "chat.example"])
def test_f_h10_a_login_for_anybody_that_others_reach_is_warned_of(host: str) -> None:
    warning = said(host=host, dev_login=True, gateway_port=9000)
    assert "sign in as any user" in warning
    assert "LINKUP_DEV_LOGIN=0" in warning
    assert f"{host}:9000" in warning.replace("[", "").replace("]", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_f_h10_a_demo_on_this_machine_is_not_warned_of(host: str) -> None:
    assert said(host=host, dev_login=True) == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_f_s22_a_server_nobody_can_sign_in_to_is_warned_of(host: str) -> None:
    warning = said(host=host)
    assert "nobody can sign in" in warning
    for way in ("LINKUP_JWKS_URL", "LINKUP_JWT_SECRET", "jwt-secret", "LINKUP_DEV_LOGIN=1"):
        assert way in warning
    assert ("LINKUP_HOST=0.0.0.0" in warning) == (host == "0.0.0.0")
    assert said(host=host, jwt_secret=SECRET) == ""


def test_f_s22_links_that_lead_nowhere_are_warned_of() -> None:
    everywhere = {"host": "0.0.0.0", "jwt_secret": SECRET, "smtp_host": "mail.example"}
    assert "LINKUP_PUBLIC_URL" in said(**everywhere)
    assert said(**everywhere, public_url="https://chat.example") == ""
    assert said(**{**everywhere, "host": "192.168.1.7"}) == ""
