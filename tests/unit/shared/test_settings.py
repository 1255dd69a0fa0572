"""What is in force, from where, and what is said of a setting that cannot be used."""

import os
from pathlib import Path
from typing import Any

import pytest
from databases import DatabaseURL
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from shared import settings
from shared.errors import SettingError
from shared.settings import SECRETS, Settings, load

SECRET = "this-is-a-secret"


def refused(environment: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(SettingError) as caught:
        load(environment, file)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_defaults_then_file_then_environment(tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text('gateway_port = 1\nlanes = 2\n[smtp]\nhost = "mail"\nport = 26\n')
    found = load({"LINKUP_LANES": "3", "PATH": "/bin", "LINKUP_SMTP_PORT": "27"}, file)
    assert (found.gateway_port, found.lanes, found.smtp_host, found.smtp_port) == (1, 3, "mail", 27)
    assert found.persistence_port == 8001
    assert load({"LINKUP_CONFIG": str(file)}).lanes == 2


def test_where_a_setting_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text("lanes = 2\nreaders = 2\n")
    found = settings.origins({"LINKUP_LANES": "3"}, file)
    assert found == {"lanes": "environment", "readers": str(file)}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DEV_LOGIN", "1", True),
        ("DEV_LOGIN", "false", False),
        ("HEARTBEAT", "2.5", 2.5),
        ("MESSAGE_RATE", "0", 0.0),
        (
            "ALLOWED_ORIGINS",
            " https://a.example , ,https://b.example",
            ("https://a.example", "https://b.example"),
        ),
        ("ALLOWED_ORIGINS", "", ()),
    ],
)
def test_values_of_the_environment(name: str, text: str, value: Any) -> None:
    assert getattr(load({f"LINKUP_{name}": text}), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_PORT", "80a"),
        ("GATEWAY_PORT", ""),
        ("LANES", "0"),
        ("HEARTBEAT", "0"),
        ("HEARTBEAT", "nan"),
        ("MESSAGE_RATE", "-1"),
        ("DEV_LOGIN", "maybe"),
        ("LOG_LEVEL", "loud"),
        ("OUTBOX_BYTES", "65535"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(name: str, text: str) -> None:
    assert refused({f"LINKUP_{name}": text}).startswith(f"LINKUP_{name}={text}: ")


def test_a_misspelt_setting_does_not_pass_in_silence(tmp_path: Path) -> None:
    assert "LINKUP_JWT_SECERT" in refused({"LINKUP_JWT_SECERT": SECRET})
    file = tmp_path / "linkup.toml"
    for content in ("lane = 1\n", '[smtp]\nhots = "x"\n', "[smtp]\n"):
        file.write_text(content)
        assert "is no setting" in refused({}, file)


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_comes_from_a_file_and_is_never_shown(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    found = load({f"LINKUP_{name.upper()}_FILE": str(file)})
    assert getattr(found, name) == SECRET
    assert settings.in_force(found)[name] == "********"
    assert SECRET not in str(settings.in_force(found))
    assert settings.in_force(Settings())[name] == ""


def test_a_secret_of_the_wrong_kind_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text(f'jwt_secret = ["{SECRET}"]\n')
    assert "jwt_secret" in refused({}, file)


def test_only_secrets_have_files(tmp_path: Path) -> None:
    assert "LINKUP_LANES_FILE" in refused({"LINKUP_LANES_FILE": str(tmp_path)})


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_secret_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    assert str(file) in refused({"LINKUP_JWT_SECRET_FILE": str(file)})


@pytest.mark.parametrize("content", [None, b"lanes = ", b"\xff"])
def test_a_settings_file_that_cannot_be_read_is_named(
    content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "linkup.toml"
    if content is not None:
        file.write_bytes(content)
    assert str(file) in refused({}, file)


def test_a_child_process_gets_the_same_settings() -> None:
    values = {"lanes": 3, "dev_login": True, "allowed_origins": ("https://a.example", "https://b")}
    found = load(settings.to_environment(values))
    assert {name: getattr(found, name) for name in values} == values


@given(name=st.binary(min_size=1, max_size=40).filter(lambda name: not {0, 47} & set(name)))
@example(b"caf\xc3\xa9")
@example(b"#1?%20&\n\r\t\\'\"{$HOME} :memory:")
@example(b"\xff\xfe%ff")
def test_f_s2_a_database_is_opened_where_its_path_says_whatever_is_in_it(name: bytes) -> None:
    file = Path("/data", os.fsdecode(name))
    url = settings.sqlite_url(file)
    assert DatabaseURL(url).database == str(file)
    assert make_url(url).database == str(file)  # Alembic's way to it


def test_f_s2_a_path_that_is_no_text_is_shown_escaped() -> None:
    found = load({"LINKUP_DATA_DIR": os.fsdecode(b"a\xff\nb")})
    assert settings.in_force(found)["data_dir"] == r"a\udcff\nb"


def test_stores_are_files_of_the_data_directory_unless_set(tmp_path: Path) -> None:
    found = Settings(data_dir=str(tmp_path))
    assert found.store_url == f"sqlite:///{tmp_path}/linkup.db"
    assert found.notify_store_url == f"sqlite:///{tmp_path}/notify.db"
    assert Settings(database_url="sqlite:////x.db").store_url == "sqlite:////x.db"
