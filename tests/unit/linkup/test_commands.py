import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import linkup
from linkup.__main__ import main
from services.notify.upkeep import operation
from shared.settings import PREFIX, Settings


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def call(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


def test_the_version() -> None:
    assert linkup.__version__ in call("--version").output


@pytest.mark.parametrize("command", ["run", "config", "schema", "message", "notify-test", "vapid"])
def test_every_command_explains_itself(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.output


@pytest.mark.parametrize("group", ["", "user", "report", "notifications", "webhooks", "token"])
def test_a_list_of_commands_cuts_no_sentence(group: str) -> None:
    listed = call(*group.split(), "--help").output.partition("Commands:")[2].splitlines()
    assert listed
    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("notifications dead", "failed or may have failed"),
        ("notifications retry", "A digest is not tried again as a whole"),
        ("notifications digest", "quiet hours"),
        ("notifications cleanup", "dead letters of webhooks"),
        ("notifications stats", "subscribed to web push"),
        ("webhooks list", "another one while this one waited"),
        ("restore", "E-mails and pushes that were due"),
        ("token check", "revoked, or its user banned, is not checked"),
        ("user", "export"),
    ],
)
def test_help_tells_all_that_a_command_does(command: str, words: str) -> None:
    assert words in " ".join(call(*command.split(), "--help").output.split())


def test_help_names_the_states_that_are_listed_as_dead() -> None:
    [states] = re.findall(r"state IN \((.*?)\)", operation.DEAD)
    text = call("notifications", "dead", "--help").output
    assert [f"`{name}`" in text for name in re.findall(r"\w+", states)] == [True, True]


@pytest.mark.parametrize(
    "arguments", [["fly"], ["run", "--gateways", "0"], ["run", "--port", "high"], ["config", "x"]]
)
def test_bad_usage_exits_2(arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


def test_config_prints_every_setting_and_where_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text('heartbeat = 20\n[smtp]\nhost = "mail.example"\n')
    result = call("config", "--json", "--config", str(file), LINKUP_LANES="8")
    shown = json.loads(result.stdout)
    assert shown.keys() == set(Settings.__struct_fields__)
    assert shown["lanes"] == {"value": 8, "from": "environment"}
    assert shown["heartbeat"] == {"value": 20.0, "from": str(file)}
    assert shown["smtp_host"] == {"value": "mail.example", "from": str(file)}
    assert shown["host"] == {"value": "127.0.0.1", "from": "default"}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_f_s2_config_shows_paths_that_are_no_text(form: list[str], tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff.toml")
    file.write_text("heartbeat = 20\n")
    result = call("config", *form, "--config", str(file), LINKUP_DATA_DIR=os.fsdecode(b"\xff\n"))
    assert result.exit_code == 0
    assert "udcff" in result.output


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_config_masks_secrets(form: list[str]) -> None:
    result = call(
        "config",
        *form,
        LINKUP_JWT_SECRET="hidden-one",
        LINKUP_NATS_URL="nats://gateway:hidden-two@nats.example:4222",
        LINKUP_DATABASE_URL="sqlite:////srv/hidden-three.db",
    )
    assert result.exit_code == 0
    assert "hidden" not in result.output
    assert "********" in result.output


def test_an_unknown_setting_exits_78_and_is_named() -> None:
    result = call("config", LINKUP_LAINS="8")
    assert result.exit_code == 78
    assert result.stderr.count("\n") == 1
    assert "LINKUP_LAINS" in result.stderr


def test_a_bad_value_exits_78_and_is_named() -> None:
    result = call("run", "--port", "70000")
    assert result.exit_code == 78
    assert "LINKUP_GATEWAY_PORT=70000" in result.stderr


def test_a_missing_settings_file_exits_78_and_is_named() -> None:
    result = call("run", "--config", "/nowhere/linkup.toml")
    assert result.exit_code == 78
    assert "/nowhere/linkup.toml" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "dev_login"),
    [
        ([], {}, True),
        (["--host", "::1"], {}, True),
        (["--host", "0.0.0.0"], {}, False),
        (["--host", "0.0.0.0"], {"LINKUP_DEV_LOGIN": "1"}, True),
        ([], {"LINKUP_DEV_LOGIN": "0"}, False),
    ],
)
def test_anybody_may_sign_in_only_on_loopback_unless_it_is_set(
    arguments: list[str],
    environment: dict[str, str],
    dev_login: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings_of_run(arguments, environment, monkeypatch).dev_login is dev_login


@pytest.mark.parametrize(
    ("arguments", "environment", "most"),
    [
        ([], {}, 0),
        ([], {"LINKUP_AUTH_PER_MINUTE": "7"}, 7),
        (["--host", "0.0.0.0"], {"LINKUP_DEV_LOGIN": "1"}, 10),
    ],
)
def test_on_loopback_one_may_sign_in_as_often_as_one_likes_unless_it_is_set(
    arguments: list[str], environment: dict[str, str], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings_of_run(arguments, environment, monkeypatch).auth_per_minute == most


def test_f_s23_on_loopback_one_may_open_any_number_of_sockets_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def most(*arguments: str, **environment: str) -> int:
        return settings_of_run(list(arguments), environment, monkeypatch).sockets_per_address

    assert most() == 0
    assert most(LINKUP_SOCKETS_PER_ADDRESS="7") == 7
    assert most("--host", "0.0.0.0") == 50


def test_flags_stand_above_the_environment_and_that_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text('host = "10.0.0.1"\ngateway_port = 1\nlanes = 3\n')
    settings = settings_of_run(
        ["--config", str(file), "--host", "10.0.0.3"],
        {"LINKUP_HOST": "10.0.0.2", "LINKUP_GATEWAY_PORT": "2"},
        monkeypatch,
    )
    assert (settings.host, settings.gateway_port, settings.lanes) == ("10.0.0.3", 2, 3)


def settings_of_run(
    arguments: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Return the settings with which `linkup run` would start."""
    given: list[Settings] = []

    def supervise(settings: Settings, *_: object) -> int:
        given.append(settings)
        return 0

    monkeypatch.setattr("linkup.run.supervise", supervise)
    assert call("run", *arguments, **environment).exit_code == 0
    return given[0]


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("linkup.config.load", interrupt)
    assert call("config").exit_code == 130
