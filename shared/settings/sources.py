"""Owns the sources of settings: the environment, a TOML file, and files with secrets."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from shared.errors import SettingError

PREFIX = "LINKUP_"
INTERNAL = frozenset({"LINKUP_LISTEN_FD", "LINKUP_CONFIG", "LINKUP_REQUIRE_ALL"})  # no settings
ENCODING = "utf-8-sig"  # editors of Windows begin a file with U+FEFF, which is no part of it
CLOSE = 0.7  # how alike two names are before one is meant for the other


class Names(Struct, frozen=True):
    """The names of all settings, of those that may be in files, and of those with lists."""

    known: tuple[str, ...]
    secrets: frozenset[str]
    lists: frozenset[str]


def variable(field: str) -> str:
    return PREFIX + field.upper()


def from_environment(environment: Mapping[str, str], names: Names) -> Iterator[tuple[str, Any]]:
    """Yield settings by name. Raises SettingError."""
    for key, text in environment.items():
        if not key.startswith(PREFIX) or key in INTERNAL:
            continue
        name = key.removeprefix(PREFIX).lower()
        if name.removesuffix("_file") in names.secrets and name.endswith("_file"):
            name, text = name.removesuffix("_file"), _secret(key, text)
            if environment.get(variable(name)):
                raise SettingError(
                    f"{variable(name)} and {key} are both set: leave one of them out"
                )
        _check_known(name, key, variable, names)
        yield name, _parts(text) if name in names.lists else text


def from_file(path: Path, names: Names) -> Iterator[tuple[str, Any]]:
    """Yield settings by name. Raises SettingError."""
    seen = set()
    for key, value in _content(path).items():
        pairs = {f"{key}_{k}": v for k, v in value.items()} if isinstance(value, dict) else {}
        for name, setting in (pairs or {key: value}).items():
            _check_known(name, f"`{name}` in {path}", str, names)
            if name in seen:
                raise SettingError(
                    f"`{name}` is set twice in {path}: in a table and outside of tables"
                )
            seen.add(name)
            as_text = name in names.lists and isinstance(setting, str)
            yield name, _parts(setting) if as_text else setting


def _content(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        return tomllib.loads(content.decode(ENCODING))
    except OSError as error:
        raise SettingError(
            f"cannot read {path}: {error.strerror}; LINKUP_CONFIG or --config names it"
        ) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingError(f"{path} is not TOML: line {line} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not TOML: {error}") from None


def _check_known(name: str, said: str, spelt: Any, names: Names) -> None:
    if name in names.known:
        return
    bare = name.lower().removeprefix(PREFIX.lower())
    meant = difflib.get_close_matches(bare, names.known, 1, CLOSE)
    hint = f"did you mean {spelt(meant[0])}? " if meant else ""
    raise SettingError(f"{said} is not a setting; {hint}`linkup config` lists them all")


def _secret(key: str, path: str) -> str:
    try:
        secret = Path(path).read_text(encoding=ENCODING).strip() if path else ""
    except OSError as error:
        raise SettingError(f"{key}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingError(f"{key}: {path} is not text in UTF-8") from None
    if not secret:
        what = f"{path} is empty" if path else "it is empty"
        raise SettingError(f"{key}: {what}; write the secret into the file that it names")
    return secret


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
