from pathlib import Path

import pytest

from linkup.installation.owners import ALLOWED_SECRETS, environment
from shared.settings import SECRETS, Settings, load

SETTINGS = Settings(
    data_dir="somewhere",
    jwt_secret="the-jwt-secret-of-at-least-32-bytes",
    admin_key="the-operators-key-of-at-least-32-bytes",
    host_key="the-host-apps-key-of-at-least-32-bytes",
    moderation_secret="the-secret-of-the-moderation",
    smtp_password="the-smtp-password",
    vapid_private_key="the-key-of-web-push",
    nats_url="nats://name:the-nats-password@127.0.0.1:4222",
    database_url="sqlite:////tmp/the-database",
    notify_database_url="sqlite:////tmp/the-notify-database",
    allowed_origins=("https://a.example", "https://b.example"),
    dev_login=True,
)


@pytest.mark.parametrize("service", ALLOWED_SECRETS)
def test_a_service_gets_its_own_secrets_and_no_others(service: str) -> None:
    given = environment(service, SETTINGS, 1234)
    for secret in SECRETS:
        value = getattr(SETTINGS, secret)
        assert (value in given.values()) == (secret in ALLOWED_SECRETS[service])


@pytest.mark.parametrize("service", ALLOWED_SECRETS)
def test_the_service_reads_back_what_is_in_force(service: str) -> None:
    read = load(environment(service, SETTINGS, 1234))
    assert read.allowed_origins == SETTINGS.allowed_origins
    assert read.dev_login is True
    assert getattr(read, f"{service}_port") == 1234
    assert read.data_dir == str(Path("somewhere").absolute())


def test_the_settings_around_us_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKUP_SMTP_PASSWORD", "the-outer-password")
    monkeypatch.setenv("LINKUP_CONFIG", "/etc/linkup.toml")
    monkeypatch.setenv("LINKUP_REQUIRE_ALL", "1")
    monkeypatch.setenv("TZ", "UTC")
    given = environment("gateway", SETTINGS, 1234)
    assert "the-outer-password" not in given.values()
    assert "LINKUP_CONFIG" not in given
    assert given["LINKUP_REQUIRE_ALL"] == "1"
    assert given["TZ"] == "UTC"
