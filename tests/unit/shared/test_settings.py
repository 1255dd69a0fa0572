"""The effective settings, their sources, and the error for a setting that cannot be used."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from databases import DatabaseURL
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from shared import settings
from shared.errors import SettingError
from shared.settings import SECRETS, Settings, load
from shared.settings.allowed import allowed

DEFAULTS = msgspec.structs.asdict(Settings())
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
        ("HEARTBEAT", "inf"),
        ("EDIT_WINDOW", "inf"),
        ("EDIT_WINDOW", "-1"),
        ("MESSAGE_RATE", "1e300"),
        ("SMTP_PORT", "0"),
        ("LOG_FORMAT", ""),
        ("SMTP_SECURITY", "ssl"),
        ("SOCKETS_PER_USER", "1" + "0" * 30),
        ("MESSAGE_RATE", "-1"),
        ("DEV_LOGIN", "maybe"),
        ("LOG_LEVEL", "loud"),
        ("OUTBOX_BYTES", "65535"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(name: str, text: str) -> None:
    assert refused({f"LINKUP_{name}": text}).startswith(f"LINKUP_{name}={text}: write ")


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("LOG_LEVEL", "INFO", "write debug, error, info or warning"),
        ("LOG_FORMAT", "xml", "write auto, json or text"),
        ("SMTP_SECURITY", "ssl", "write none, starttls or tls"),
        ("GATEWAY_PORT", "65536", "write a whole number from 0 to 65535"),
        ("HEARTBEAT", "0", "write a number above 0, at most 86400"),
        ("DEV_LOGIN", "maybe", "write 1 or 0"),
        ("FEED_RETENTION", "5", "write 604800 seconds or more, or 0 for ever"),
        ("DATA_DIR", "", "leave it out"),
        ("HOST", "", "leave it out"),
        ("JWT_AUDIENCE", "", "leave it out"),
        ("SMTP_FROM", "", "leave it out"),
        ("JWT_SECRET", "\udcff", "not UTF-8"),
        ("DATA_DIR", "a\0b", "NUL"),
    ],
)
def test_f_s22_a_bad_value_is_answered_with_what_to_write(
    name: str, text: str, advice: str
) -> None:
    said = refused({f"LINKUP_{name}": text})
    assert f"LINKUP_{name}" in said
    assert advice in said


def test_f_s22_every_setting_says_what_it_may_hold() -> None:
    for name in Settings.__struct_fields__:
        value = getattr(Settings(), name)
        said = allowed(Settings, name)
        assert said.startswith("a whole number from ") == (type(value) is int)
        assert said.startswith("a number ") == (type(value) is float)
        assert (said == "1 or 0") == (type(value) is bool)


@pytest.mark.parametrize("name", [n for n, v in DEFAULTS.items() if type(v) in (int, float)])
def test_f_s22_no_number_is_without_end(name: str) -> None:
    for text in ("inf", "-inf", "nan", "1e999", "-1"):
        assert f"LINKUP_{name.upper()}" in refused({f"LINKUP_{name.upper()}": text})


@pytest.mark.parametrize("other", ["/x.db", "//x.db", "/./x.db", "/y/../x.db", "/%78.db"])
def test_f_s22_two_databases_are_not_one_file(other: str) -> None:
    urls = {"LINKUP_DATABASE_URL": "sqlite:////x.db"}
    assert "one file" in refused(urls | {"LINKUP_NOTIFY_DATABASE_URL": f"sqlite:///{other}"})


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("JWT_SECERT", "JWT_SECRET"),
        ("SOCKET_PER_USER", "SOCKETS_PER_USER"),
        ("ALLOWED_ORIGIN", "ALLOWED_ORIGINS"),
    ],
)
def test_f_s22_a_misspelt_setting_is_answered_with_the_one_meant(misspelt: str, meant: str) -> None:
    assert f"did you mean LINKUP_{meant}?" in refused({f"LINKUP_{misspelt}": "x"})


@pytest.mark.parametrize("name", ["LINKUP_HEARTBEAT", "Heartbeat"])
def test_a_variable_in_the_file_is_answered_with_its_name_there(name: str, tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text(f"{name} = 5\n")
    assert f"`{name}` in {file} is not a setting; did you mean heartbeat?" in refused({}, file)


def test_a_misspelt_setting_does_not_pass_in_silence(tmp_path: Path) -> None:
    assert "LINKUP_JWT_SECERT" in refused({"LINKUP_JWT_SECERT": SECRET})
    file = tmp_path / "linkup.toml"
    for content in ("lane = 1\n", '[smtp]\nhots = "x"\n', "[smtp]\n"):
        file.write_text(content)
        assert "is not a setting" in refused({}, file)


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_comes_from_a_file_and_is_never_shown(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    url = "nats://{}" if name == "nats_url" else "sqlite:////{}"
    secret = url.format(SECRET) if name in settings.URLS else SECRET
    file.write_text(f"{secret}\n")
    found = load({f"LINKUP_{name.upper()}_FILE": str(file)})
    assert getattr(found, name) == secret
    assert settings.in_force(found)[name] == "********"
    assert SECRET not in str(settings.in_force(found))
    assert settings.in_force(Settings())[name] == ""


def test_a_secret_of_the_wrong_kind_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text(f'jwt_secret = ["{SECRET}"]\n')
    assert "LINKUP_JWT_SECRET" in refused({}, file)
    assert "LINKUP_DATABASE_URL" in refused({"LINKUP_DATABASE_URL": SECRET})


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_f_s22_the_settings_file_may_name_the_file_of_a_secret(name: str, tmp_path: Path) -> None:
    secret, file = tmp_path / "secret", tmp_path / "linkup.toml"
    url = "nats://{}" if name == "nats_url" else "sqlite:////{}"
    secret.write_text(url.format(SECRET) if name in settings.URLS else SECRET)
    file.write_text(f'{name}_file = "{secret}"\n')
    assert getattr(load({}, file), name) == secret.read_text()
    assert settings.origins({}, file) == {name: str(file)}
    table, _, rest = name.partition("_")
    file.write_text(f'[{table}]\n{rest}_file = "{secret}"\n')
    assert getattr(load({}, file), name) == secret.read_text()


def test_f_s22_a_secret_of_the_environment_counts_before_one_of_the_settings_file(
    tmp_path: Path,
) -> None:
    secret, file = tmp_path / "secret", tmp_path / "linkup.toml"
    secret.write_text("of the file")
    file.write_text(f'jwt_secret_file = "{secret}"\n')
    assert load({"LINKUP_JWT_SECRET": SECRET}, file).jwt_secret == SECRET


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('jwt_secret_file = "/nowhere/at-all"', "`jwt_secret_file` in {}: cannot read /nowhere"),
        ('jwt_secret_file = ""', "`jwt_secret_file` in {}: it is empty"),
        ("jwt_secret_file = 5", "`jwt_secret_file` in {}: write the path of a file"),
        ('jwt_secret = "x"\njwt_secret_file = "y"', "`jwt_secret_file` in {} are both set"),
        ('lanes_file = "x"', "`lanes_file` in {} is not a setting"),
        ('jwt_secert_file = "x"', "did you mean jwt_secret_file?"),
    ],
)
def test_f_s22_a_fault_in_the_name_of_a_secrets_file_is_said(
    content: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text(content)
    assert words.format(file) in refused({}, file)


def test_only_secrets_have_files(tmp_path: Path) -> None:
    assert "LINKUP_LANES_FILE" in refused({"LINKUP_LANES_FILE": str(tmp_path)})
    assert "did you mean LINKUP_JWT_SECRET_FILE?" in refused({"LINKUP_JWT_SECERT_FILE": "x"})


def test_f_s22_an_empty_variable_does_not_hide_the_file_of_its_secret(tmp_path: Path) -> None:
    """Docker compose passes on variables that are not set as empty ones."""
    file, toml = tmp_path / "secret", tmp_path / "linkup.toml"
    file.write_text(SECRET)
    named, empty = {"LINKUP_JWT_SECRET_FILE": str(file)}, {"LINKUP_JWT_SECRET": ""}
    for environment in (named | empty, empty | named):
        assert load(environment).jwt_secret == SECRET
    toml.write_text(f'jwt_secret_file = "{file}"\njwt_secret = ""\n')
    assert load({}, toml).jwt_secret == SECRET


def test_f_s22_a_secret_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    both = {"LINKUP_JWT_SECRET": "x" * 40, "LINKUP_JWT_SECRET_FILE": str(tmp_path / "secret")}
    assert "both set" in refused(both)


@pytest.mark.parametrize("name", ["", ".", "empty", "blank"])
def test_f_s22_a_secret_file_without_a_secret_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "blank").write_text("\n")
    path = str(tmp_path / name) if name else ""
    said = refused({"LINKUP_SMTP_PASSWORD_FILE": path})
    assert said.startswith("LINKUP_SMTP_PASSWORD_FILE: ")
    assert path in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"lanes = 1\nreaders = =\n", "line 2"),
        (b"lanes = 1\n# caf\xe9\n", "line 2 is not UTF-8"),
        (b"lanes = 1\nlanes = 2\n", "line 2"),
        (b"smtp_host = 'a'\n[smtp]\nhost = 'b'\n", "twice"),
        (b"heartbeat = [1]\n", "LINKUP_HEARTBEAT=[1]: write a number"),
        (b"allowed_origins = [1]\n", "LINKUP_ALLOWED_ORIGINS=[1]: write texts"),
        (b"linkup_heartbeat = 1\n", "did you mean heartbeat?"),
    ],
)
def test_f_s22_a_fault_in_the_settings_file_is_said_with_its_place(
    content: bytes, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "linkup.toml"
    file.write_bytes(content)
    assert said in refused({}, file)


def test_f_s22_a_list_in_the_file_may_be_written_with_commas(tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text("allowed_origins = 'https://a.example/, https://b.example'\n")
    assert load({}, file).allowed_origins == ("https://a.example", "https://b.example")


def test_f_s22_the_mark_that_editors_put_in_front_of_a_file_is_no_part_of_it(
    tmp_path: Path,
) -> None:
    secret, file = tmp_path / "secret", tmp_path / "linkup.toml"
    secret.write_text(SECRET, encoding="utf-8-sig")
    file.write_text("lanes = 2\n", encoding="utf-8-sig")
    found = load({"LINKUP_JWT_SECRET_FILE": str(secret)}, file)
    assert (found.jwt_secret, found.lanes) == (SECRET, 2)


@pytest.mark.parametrize("name", sorted(Settings.__struct_fields__))
def test_f_s22_bytes_that_are_no_text_are_refused_in_every_setting(name: str) -> None:
    environment = {f"LINKUP_{name.upper()}": "\udcff"}
    if name == "data_dir":
        assert load(environment).data_dir == "\udcff"
    else:
        assert f"LINKUP_{name.upper()}" in refused(environment)


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
