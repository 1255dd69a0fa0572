"""Owns the settings: one typed struct, read from the environment and a TOML file.

Every field is `LINKUP_<FIELD>` in the environment and `<field>` in the file; a table's name is
put in front of its keys (`[smtp] host` is `smtp_host`). Secrets may come from a file, named by
`LINKUP_<FIELD>_FILE` or `<field>_file`. Unknown keys are an error: a misspelt setting must not
pass in silence.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from shared.errors import SettingError, visible
from shared.retry import Retries, Strategy
from shared.settings import addresses, words
from shared.settings.addresses import file_of, without_password
from shared.settings.allowed import allowed
from shared.settings.sources import INTERNAL as INTERNAL
from shared.settings.sources import PREFIX as PREFIX
from shared.settings.sources import Names, from_environment, from_file
from shared.settings.sources import variable as variable

FORMS = {**addresses.FORMS, **words.FORMS}
URLS = frozenset({"nats_url", "database_url", "notify_database_url"})  # may hold a password
SECRETS = URLS | {
    *("jwt_secret", "admin_key", "host_key", "smtp_password", "vapid_private_key"),
    "moderation_secret",
}
LISTS = frozenset(
    {
        *("allowed_hosts", "allowed_origins", "trusted_proxies", "outbound_allowed"),
        *("frame_ancestors", "avatar_origins"),
        *("notification_types", "notification_defaults"),
    }
)

DAY = 86_400.0
CENTURY = 36_525 * DAY
LEAST_RETENTION = 7 * DAY  # clients that were away for a week go on where they stood

MOST_HEADER_BYTES = 1024 * 1024

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Long = Annotated[float, Meta(ge=0, le=CENTURY)]  # seconds
NotNegative = Annotated[int, Meta(ge=0, le=10**9)]
Bytes = Annotated[int, Meta(ge=1, le=10**15)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The effective settings. Sizes in bytes, times in seconds; 0 switches a limit off."""

    data_dir: str = "./data"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"
    canary_every: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    health_window: Annotated[float, Meta(ge=1, le=86_400)] = 300.0
    loop: Literal["auto", "asyncio", "uvloop"] = "auto"
    metrics: bool = True

    host: str = "127.0.0.1"
    gateway_port: Port = 8000
    persistence_port: Port = 8001
    notify_port: Port = 8002
    metrics_port: Port = 0
    nats_url: str = ""

    jwt_secret: str = ""
    jwt_audience: str = "linkup"
    jwt_issuer: str = ""
    jwks_url: str = ""
    jwks_every: Annotated[float, Meta(ge=10, le=86_400)] = 600.0
    jwt_leeway: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    moderation_url: str = ""
    moderation_secret: str = ""
    moderation_timeout: Annotated[float, Meta(gt=0, le=3)] = 1.0
    moderation_on_failure: Literal["open", "closed"] = "open"
    admin_key: str = ""
    host_key: str = ""
    dev_login: bool = False
    token_url: str = ""
    frame_ancestors: tuple[str, ...] = ()
    avatar_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    websocket: Literal["direct", "websockets"] = "direct"
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
    admin_per_minute: NotNegative = 60
    host_per_minute: NotNegative = 600
    connections: NotNegative = 10_000
    frames_per_second: Annotated[float, Meta(ge=0, le=10**6)] = 50.0
    frames_in_flight: Annotated[int, Meta(ge=1, le=10**6)] = 32
    shouting_for: Long = 60.0
    requests_per_second: Annotated[float, Meta(ge=0, le=10**6)] = 10.0
    queued_per_user: Annotated[int, Meta(ge=1, le=10**6)] = 512
    header_bytes: Annotated[int, Meta(ge=8192, le=MOST_HEADER_BYTES)] = 16 * 1024
    header_timeout: Seconds = 10.0
    body_timeout: Seconds = 20.0
    stall_timeout: Seconds = 8.0
    send_buffer_bytes: Annotated[int, Meta(ge=4096, le=10**9)] = 32 * 1024
    outbox_frames: Annotated[int, Meta(ge=1, le=10**6)] = 500
    outbox_bytes: Annotated[int, Meta(ge=65536, le=10**9)] = 256 * 1024
    lanes: Annotated[int, Meta(ge=1, le=64)] = 4
    log_waiting: Annotated[int, Meta(ge=1, le=10**6)] = 20_000
    presence_debounce: Annotated[float, Meta(gt=0, le=5)] = 5.0  # a dead gateway: offline in 30 s

    attachments_url: str = ""
    attachment_image_bytes: Bytes = 10_000_000
    attachment_document_bytes: Bytes = 100_000_000
    attachment_audio_bytes: Bytes = 50_000_000
    attachment_video_bytes: Bytes = 200_000_000
    attachment_link_for: Seconds = 300.0
    attachment_sweep_every: Seconds = 600.0

    message_burst: Annotated[int, Meta(ge=1, le=10**6)] = 20
    message_rate: Annotated[float, Meta(ge=0, le=10**6)] = 10.0
    contacts: Literal["open", "listed"] = "open"
    group_history: bool = False
    edit_window: Long = 86_400.0
    delete_window: Long = 86_400.0
    feed_retention: Long = 30 * DAY
    follower_patience: Annotated[float, Meta(ge=DAY, le=CENTURY)] = 30 * DAY
    attachment_unsent_for: Annotated[float, Meta(gt=0, le=CENTURY)] = 86_400.0
    database_url: str = ""
    readers: Annotated[int, Meta(ge=1, le=32)] = 3
    audit_every: Long = DAY
    errors_keep: Long = 14 * DAY
    audit_log_keep: Long = 365 * DAY

    notify_database_url: str = ""
    notify_push_after: Long = 30.0
    notify_email_after: Long = 600.0
    notify_email_pause: Long = 3600.0
    notification_types: tuple[str, ...] = ()
    notification_defaults: tuple[str, ...] = ()
    notification_keep: Long = 30 * DAY
    public_url: str = ""
    conversation_url: str = ""
    templates: str = ""
    smtp_host: str = ""
    smtp_port: Annotated[int, Meta(ge=1, le=65535)] = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_from: str = "LinkUp <no-reply@linkup.localhost>"
    smtp_connections: Annotated[int, Meta(ge=1, le=100)] = 48
    smtp_refusals: NotNegative = 3
    smtp_retry_strategy: Strategy = "exponential"
    smtp_retry_attempts: Annotated[int, Meta(ge=1, le=1000)] = 30
    smtp_retry_base: Seconds = 60.0
    smtp_retry_cap: Seconds = 3600.0
    vapid_private_key: str = ""
    vapid_subject: str = ""
    push_content: Literal["full", "none"] = "full"
    outbound_allowed: tuple[str, ...] = ()
    webhook_retry_strategy: Strategy = "exponential"
    webhook_retry_base: Seconds = 5.0
    webhook_retry_cap: Seconds = 3600.0
    webhook_retry_for: Annotated[float, Meta(gt=0, le=30 * DAY)] = 3 * DAY

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            formed = _formed(name, getattr(self, name))
            msgspec.structs.force_setattr(self, name, formed)
        if 0 < self.feed_retention < LEAST_RETENTION:
            days = int(LEAST_RETENTION / DAY)
            raise ValueError(
                f"LINKUP_FEED_RETENTION={self.feed_retention:g} is less than {days} days; "
                f"write {LEAST_RETENTION:.0f} seconds or more, or 0 for ever"
            )
        both = (self.database_url, self.notify_database_url)
        if all(both) and len({file_of(url) for url in both}) == 1:
            raise ValueError(
                "LINKUP_DATABASE_URL and LINKUP_NOTIFY_DATABASE_URL name one file; write two"
            )

    @property
    def data(self) -> Path:
        return Path(self.data_dir)

    @property
    def jwt_secrets(self) -> tuple[str, ...]:
        """The shared secrets; the first one signs."""
        given = self.jwt_secret.split(",") if self.jwt_secret else []
        return tuple(secret.strip() for secret in given)

    @property
    def store_url(self) -> str:
        """The URL of the log: a file in the data directory unless set."""
        return self.database_url or sqlite_url(self.data.absolute() / "linkup.db")

    @property
    def attachment_store_url(self) -> str:
        """The location of files: a folder in the data directory unless set."""
        return self.attachments_url or (self.data.absolute() / "attachments").as_uri()

    @property
    def notify_store_url(self) -> str:
        return self.notify_database_url or sqlite_url(self.data.absolute() / "notify.db")

    @property
    def smtp_retries(self) -> Retries:
        return self._retries("smtp")

    @property
    def webhook_retries(self) -> Retries:
        """The retries of webhooks, which end at a time, not after a number of attempts."""
        return Retries(
            strategy=self.webhook_retry_strategy,
            base=self.webhook_retry_base,
            cap=self.webhook_retry_cap,
        )

    def _retries(self, prefix: str) -> Retries:
        """The same four words for all that is tried again outward."""
        words = Retries.__struct_fields__
        return Retries(**{word: getattr(self, f"{prefix}_retry_{word}") for word in words})


def _formed(name: str, value: Any) -> Any:
    """Return a value in the one form that is compared and used. Raises ValueError."""
    match value:
        case tuple():
            return tuple(dict.fromkeys(_formed(name, one) for one in value))
        case str() if "\0" in value:
            raise ValueError(f"{variable(name)} holds a character that ends a text: NUL")
        case "" if Settings.__struct_defaults__[Settings.__struct_fields__.index(name)]:
            raise ValueError(f"{variable(name)} is empty; leave it out for the default")
        case str() if value and name in FORMS:
            try:
                return FORMS[name](value.strip())
            except ValueError as error:
                raise ValueError(f"{variable(name)}={_masked(name, value)} {error}") from None
        case _:
            return value


def _is_text(value: str) -> bool:
    """Python holds bytes of the environment that are no text as halves of surrogate pairs."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _masked(name: str, value: str) -> str:
    if name not in URLS:
        return value
    return without_password(value) if "/" in value else "********"


def sqlite_url(file: Path) -> str:
    """Return the URL of a file as the database drivers take it.

    What is not ASCII stays: a name may be bytes that are no text, which only survive as Python
    holds them.
    """
    return "sqlite:///" + re.sub(r"[\x00-\x7f]+", lambda ascii: quote(ascii[0]), str(file))


NAMES = Names(Settings.__struct_fields__, SECRETS, LISTS)


def load(environment: Mapping[str, str] | None = None, file: str | Path | None = None) -> Settings:
    """Load the settings: defaults < file < environment. Raises SettingError."""
    environment = os.environ if environment is None else environment
    file = file or environment.get("LINKUP_CONFIG")
    values = dict(from_file(Path(file), NAMES)) if file else {}
    values.update(from_environment(environment, NAMES))
    for name, value in values.items():
        if isinstance(value, str) and name != "data_dir" and not _is_text(value):
            raise SettingError(f"{variable(name)} is not UTF-8")
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingError(_explain(str(error), values)) from None


def origins(
    environment: Mapping[str, str] | None = None, file: str | Path | None = None
) -> dict[str, str]:
    """Return the origin of each setting that is not a default. Raises SettingError."""
    environment = os.environ if environment is None else environment
    file = file or environment.get("LINKUP_CONFIG")
    found = {name: visible(str(file)) for name, _ in from_file(Path(file), NAMES)} if file else {}
    found.update({name: "environment" for name, _ in from_environment(environment, NAMES)})
    return found


def in_force(settings: Settings) -> dict[str, Any]:
    """Return every setting by name, secrets masked."""
    shown = msgspec.to_builtins(settings)
    shown["data_dir"] = visible(settings.data_dir)
    return {
        name: "********" if name in SECRETS and value else value for name, value in shown.items()
    }


def to_environment(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment that gives a child process these settings."""
    return {variable(name): _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case tuple() | list():
            return ",".join(value)
        case _:
            return str(value)


def _explain(fault: str, values: Mapping[str, Any]) -> str:
    """Name the setting, its value unless that is a secret, and what to write instead."""
    found = re.search(r" - at `\$\.(\w+)", fault)
    if found is None or found[1] not in values:
        return fault
    name = found[1]
    value = "********" if name in SECRETS else values[name]
    return f"{variable(name)}={value}: write {allowed(Settings, name)}"
