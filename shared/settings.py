"""Owns the settings: one typed struct, from a TOML file, then the environment.

Every field is `LINKUP_<FIELD>` in the environment and `<field>` in the file; a table's name is
put in front of its keys (`[smtp] host` is `smtp_host`). Secrets may come from a file, named by
`LINKUP_<FIELD>_FILE`. Unknown keys are an error: a misspelt setting must not pass in silence.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from shared.errors import SettingError, visible

PREFIX = "LINKUP_"
SECRETS = frozenset(  # a URL may hold a password
    {"jwt_secret", "smtp_password", "nats_url", "database_url", "notify_database_url"}
)
LISTS = frozenset({"allowed_hosts", "allowed_origins", "trusted_proxies"})
INTERNAL = frozenset({"LINKUP_LISTEN_FD", "LINKUP_CONFIG", "LINKUP_REQUIRE_ALL"})  # no settings

DAY = 86_400.0
LEAST_RETENTION = 7 * DAY  # clients that were away for a week go on where they stood

MOST_HEADER_BYTES = 1024 * 1024

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
NotNegative = Annotated[int, Meta(ge=0)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in force. Sizes in bytes, times in seconds; 0 switches a limit off."""

    data_dir: str = "./data"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"

    host: str = "127.0.0.1"
    gateway_port: Port = 8000
    persistence_port: Port = 8001
    notify_port: Port = 8002
    nats_url: str = ""

    jwt_secret: str = ""
    jwt_audience: str = "linkup"
    jwt_leeway: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    dev_login: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    hello_timeout: Seconds = 5.0
    heartbeat: Seconds = 10.0
    strikes_per_minute: NotNegative = 20
    sockets_per_user: NotNegative = 10
    sockets_per_address: NotNegative = 50
    api_per_minute: NotNegative = 200
    search_per_minute: NotNegative = 40
    upload_per_minute: NotNegative = 20
    auth_per_minute: NotNegative = 10
    other_per_minute: NotNegative = 120
    header_bytes: Annotated[int, Meta(ge=8192, le=MOST_HEADER_BYTES)] = 16 * 1024
    header_timeout: Seconds = 10.0
    body_timeout: Seconds = 20.0
    stall_timeout: Seconds = 8.0
    send_buffer_bytes: Annotated[int, Meta(ge=4096)] = 32 * 1024
    outbox_frames: Annotated[int, Meta(ge=1)] = 500
    outbox_bytes: Annotated[int, Meta(ge=65536)] = 256 * 1024
    lanes: Annotated[int, Meta(ge=1, le=64)] = 4
    log_waiting: Annotated[int, Meta(ge=1)] = 20_000
    presence_debounce: Annotated[float, Meta(gt=0, le=5)] = 5.0  # a dead gateway: offline in 30 s

    attachments_url: str = ""
    attachment_image_bytes: Annotated[int, Meta(ge=1)] = 10_000_000
    attachment_document_bytes: Annotated[int, Meta(ge=1)] = 100_000_000
    attachment_audio_bytes: Annotated[int, Meta(ge=1)] = 50_000_000
    attachment_video_bytes: Annotated[int, Meta(ge=1)] = 200_000_000
    attachment_link_for: Seconds = 300.0
    attachment_sweep_every: Seconds = 600.0

    message_burst: Annotated[int, Meta(ge=1)] = 20
    message_rate: Annotated[float, Meta(ge=0)] = 10.0
    group_history: bool = False
    edit_window: Annotated[float, Meta(ge=0)] = 86_400.0
    delete_window: Annotated[float, Meta(ge=0)] = 86_400.0
    feed_retention: Annotated[float, Meta(ge=0)] = 30 * DAY
    follower_patience: Annotated[float, Meta(ge=DAY)] = 30 * DAY
    attachment_unsent_for: Annotated[float, Meta(gt=0)] = 86_400.0
    database_url: str = ""
    readers: Annotated[int, Meta(ge=1, le=32)] = 3

    notify_database_url: str = ""
    notify_email_after: Annotated[float, Meta(ge=0)] = 600.0
    notify_email_pause: Annotated[float, Meta(ge=0)] = 3600.0
    public_url: str = ""
    smtp_host: str = ""
    smtp_port: Port = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_from: str = "LinkUp <no-reply@linkup.localhost>"

    def __post_init__(self) -> None:
        if 0 < self.feed_retention < LEAST_RETENTION:
            days = int(LEAST_RETENTION / DAY)
            raise ValueError(f"LINKUP_FEED_RETENTION must be at least {days} days, or 0 for ever")

    @property
    def data(self) -> Path:
        return Path(self.data_dir)

    @property
    def store_url(self) -> str:
        """Where persistence keeps the log: a file of the data directory unless set."""
        return self.database_url or sqlite_url(self.data.absolute() / "linkup.db")

    @property
    def attachment_store_url(self) -> str:
        """Where the gateways keep files: a folder of the data directory unless set."""
        return self.attachments_url or (self.data.absolute() / "attachments").as_uri()

    @property
    def notify_store_url(self) -> str:
        return self.notify_database_url or sqlite_url(self.data.absolute() / "notify.db")


def sqlite_url(file: Path) -> str:
    """The file as the database drivers take it. What is not ASCII stays: a name may be bytes that
    are no text, which only survive as Python holds them."""
    return "sqlite:///" + re.sub(r"[\x00-\x7f]+", lambda ascii: quote(ascii[0]), str(file))


def load(environment: Mapping[str, str] | None = None, file: str | Path | None = None) -> Settings:
    """What is in force: defaults < file < environment. Raises SettingError."""
    environment = os.environ if environment is None else environment
    file = file or environment.get("LINKUP_CONFIG")
    values = dict(_from_file(Path(file))) if file else {}
    values.update(_from_environment(environment))
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingError(_explain(str(error), values)) from None


def origins(
    environment: Mapping[str, str] | None = None, file: str | Path | None = None
) -> dict[str, str]:
    """Where each setting that is not a default comes from. Raises SettingError, as load does."""
    environment = os.environ if environment is None else environment
    file = file or environment.get("LINKUP_CONFIG")
    found = {name: str(file) for name, _ in _from_file(Path(file))} if file else {}
    found.update({name: "environment" for name, _ in _from_environment(environment)})
    return found


def in_force(settings: Settings) -> dict[str, Any]:
    """Every setting by name, secrets masked."""
    shown = msgspec.to_builtins(settings)
    shown["data_dir"] = visible(settings.data_dir)
    return {
        name: "********" if name in SECRETS and value else value for name, value in shown.items()
    }


def variable(field: str) -> str:
    return PREFIX + field.upper()


def to_environment(values: Mapping[str, Any]) -> dict[str, str]:
    """The environment that gives a child process these settings."""
    return {variable(name): _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case tuple() | list():
            return ",".join(value)
        case _:
            return str(value)


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for variable_name, text in environment.items():
        if not variable_name.startswith(PREFIX) or variable_name in INTERNAL:
            continue
        name = variable_name.removeprefix(PREFIX).lower()
        if name.endswith("_file") and name.removesuffix("_file") in SECRETS:
            name, text = name.removesuffix("_file"), _secret(variable_name, text)
        _known(name, variable_name)
        yield name, _split(text) if name in LISTS else text


def _from_file(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is not TOML: {error}") from None
    for key, value in content.items():
        pairs = {f"{key}_{k}": v for k, v in value.items()} if isinstance(value, dict) else {}
        for name, setting in (pairs or {key: value}).items():
            _known(name, f"`{name}` in {path}")
            yield name, setting


def _known(name: str, said: str) -> None:
    if name not in Settings.__struct_fields__:
        raise SettingError(f"{said} is no setting; `linkup config` lists them all")


def _secret(variable_name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{variable_name}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingError(f"{variable_name}: {path} is not text") from None


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _explain(fault: str, values: Mapping[str, Any]) -> str:
    reason, _, where = fault.partition(" - at `$.")
    name = where.rstrip("`")
    if name not in values or name in SECRETS:
        return fault
    return f"{variable(name)}={values[name]}: {reason}"
