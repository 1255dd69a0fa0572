"""Owns the sources of settings: the environment, a TOML file, and files with secrets."""

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from shared.errors import SettingError

PREFIX = "LINKUP_"
INTERNAL = frozenset({"LINKUP_LISTEN_FD", "LINKUP_CONFIG", "LINKUP_REQUIRE_ALL"})  # no settings
ENCODING = "utf-8-sig"  # editors of Windows begin a file with U+FEFF, which is no part of it
CLOSE = 0.7  # how alike two names are before one is meant for the other


Given = tuple[str, str, Any]  # a name, how the operator wrote it and where, and its value
Spelling = Callable[[str], str]  # of a name, as the operator has to write it there


class Names(Struct, frozen=True):
    """The names of all settings, of those that may be in files, and of those with lists."""

    known: tuple[str, ...]
    secrets: frozenset[str]
    lists: frozenset[str]


def variable(field: str) -> str:
    return PREFIX + field.upper()


def from_environment(environment: Mapping[str, str], names: Names) -> Iterator[tuple[str, Any]]:
    """Yield settings by name. Raises SettingError."""
    given = [
        (key.removeprefix(PREFIX).lower(), key, text)
        for key, text in environment.items()
        if key.startswith(PREFIX) and key not in INTERNAL
    ]
    yield from _settings(given, variable, names)


def from_file(path: Path, names: Names) -> Iterator[tuple[str, Any]]:
    """Yield settings by name. Raises SettingError."""
    given: dict[str, Given] = {}
    for key, value in _content(path).items():
        pairs = {f"{key}_{k}": v for k, v in value.items()} if isinstance(value, dict) else {}
        for name, setting in (pairs or {key: value}).items():
            if name in given:
                raise SettingError(
                    f"`{name}` is set twice in {path}: in a table and outside of tables"
                )
            given[name] = (name, f"`{name}` in {path}", setting)
    yield from _settings(list(given.values()), str, names)


def _settings(given: Sequence[Given], spelt: Spelling, names: Names) -> Iterator[tuple[str, Any]]:
    """Yield settings by name, and secrets in place of the files that are named for them."""
    values = {name: value for name, _, value in given}
    for name, said, value in given:
        if name in names.secrets and not value and f"{name}_file" in values:
            continue  # an empty variable is one that is not set
        bare = name.removesuffix("_file")
        if bare != name and bare in names.secrets:
            if values.get(bare):
                raise SettingError(f"{spelt(bare)} and {said} are both set: leave one of them out")
            yield bare, _secret(said, value)
            continue
        _check_known(name, said, spelt, names)
        yield name, _parts(value) if name in names.lists and isinstance(value, str) else value


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


def _check_known(name: str, said: str, spelt: Spelling, names: Names) -> None:
    if name in names.known:
        return
    bare = name.lower().removeprefix(PREFIX.lower())
    known = (*names.known, *(f"{secret}_file" for secret in names.secrets))
    meant = difflib.get_close_matches(bare, known, 1, CLOSE)
    hint = f"did you mean {spelt(meant[0])}? " if meant else ""
    raise SettingError(f"{said} is not a setting; {hint}`linkup config` lists them all")


def _secret(key: str, path: Any) -> str:
    if not isinstance(path, str):
        raise SettingError(f"{key}: write the path of a file, in quotes")
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
