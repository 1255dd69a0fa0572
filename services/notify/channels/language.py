"""Owns the words of e-mails: a catalogue for each language, plural forms, dates and lists."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from string import Formatter

import msgspec
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format
from babel.lists import format_list
from babel.numbers import format_decimal

from services.notify.preferences.zones import zone_of
from shared.clock import SECOND
from shared.errors import SettingError

Forms = Mapping[str, str]  # by plural category
Catalogue = Mapping[str, str | Forms]

FALLBACK = "en"
TYPE = "type_"  # before a notification type, of which a host may have its own
MINUTE = 60 * SECOND
MOST_KEPT = 256  # a limit: there is no end of locales and numbers
LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}\Z")


class Language:
    """The words of one catalogue, with the dates and numbers of a region that speaks it."""

    def __init__(self, locale: Locale, catalogue: Catalogue) -> None:
        self._locale = locale
        self._plural = locale.plural_form
        self._catalogue = catalogue
        self.tag = str(locale).replace("_", "-")
        self.direction = locale.text_direction
        self._words: Callable[[str, int | None], str] = lru_cache(MOST_KEPT)(self._found)

    def text(self, key: str, count: int | None = None) -> str:
        """The words with their placeholders, in the form for that count."""
        return self._words(key, count)

    def _found(self, key: str, count: int | None) -> str:
        text = self._catalogue[key]
        if isinstance(text, str):
            return text
        return text.get(self._plural(count or 0)) or text["other"]

    def say(self, key: str, count: int | None = None, **values: str) -> str:
        return self.text(key, count).format(count=self.number(count), **values)

    def subject_of(self, notification_type: str) -> str:
        key = TYPE + notification_type
        return self.say(key if key in self._catalogue else f"{TYPE}other")

    def number(self, count: int | None) -> str:
        return "" if count is None else _decimal(count, self._locale)

    def list(self, parts: Sequence[str]) -> str:
        return format_list(parts, locale=self._locale)

    def moment(self, at: int, zone: tzinfo) -> str:
        """The date and time by the reader's clock; UTC is named, as they may not live by it."""
        return _moment(at // MINUTE, zone, self._locale)


@lru_cache(MOST_KEPT)
def _moment(minute: int, zone: tzinfo, locale: Locale) -> str:
    there = datetime.fromtimestamp(minute * MINUTE / SECOND, zone)
    date = format_date(there, "medium", locale=locale)
    time = format_time(there, "short", tzinfo=zone, locale=locale)
    form = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    named = " UTC" if str(zone) == "UTC" else ""
    return form.replace("{1}", date).replace("{0}", time) + named


@lru_cache(MOST_KEPT)
def _decimal(count: int, locale: Locale) -> str:
    return str(format_decimal(count, locale=locale))


class Languages:
    """The languages of the catalogues in these folders; a later folder replaces words of an
    earlier one. Raises SettingError."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._catalogues: dict[str, Catalogue] = {}
        for folder in folders:
            shipped = self._catalogues.get(FALLBACK, {})
            for file in sorted(folder.glob("*.toml"), key=_english_first):
                self._add(file, shipped or self._catalogues.get(FALLBACK, {}))
        self.of: Callable[[str | None], Language] = lru_cache(MOST_KEPT)(self._of)

    @property
    def names(self) -> list[str]:
        return sorted(self._catalogues)

    def _add(self, file: Path, english: Catalogue) -> None:
        given = _read(file)
        for key, text in given.items():
            _check(file, key, text, english)
        whole = {**self._catalogues.get(file.stem, {}), **given}
        missing = ", ".join(sorted(english.keys() - whole.keys()))
        if missing:
            raise SettingError(f"LINKUP_TEMPLATES: {file} lacks {missing}")
        self._catalogues[file.stem] = whole

    def _of(self, name: str | None) -> Language:
        """The language nearest to what a profile names."""
        for known in _wider(name):
            if known in self._catalogues:
                return Language(_region(name) or Locale.parse(known), self._catalogues[known])
        return Language(Locale.parse(FALLBACK), self._catalogues[FALLBACK])


def _english_first(file: Path) -> tuple[bool, str]:
    return file.stem != FALLBACK, file.stem


def _wider(name: str | None) -> Iterable[str]:
    """Yield the locale itself, then without its region, down to the bare language."""
    locale = _region(name)
    parts = str(locale).split("_") if locale else re.split("[-_]", (name or "").lower())[:1]
    for length in range(len(parts), 0, -1):
        yield "_".join(parts[:length])


def _region(name: str | None) -> Locale | None:
    if name is None or not LOCALE.match(name):
        return None
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return None


def _read(file: Path) -> Catalogue:
    try:
        if _region(file.stem) is None:
            raise ValueError("its name is not that of a locale, as pt_BR.toml")
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:  # TOML and UTF-8 errors are ValueErrors
        raise SettingError(f"LINKUP_TEMPLATES: {file} cannot be used: {error}") from None


def _check(file: Path, key: str, text: object, english: Catalogue) -> None:
    """Raises SettingError for what no template can use."""
    where = f"LINKUP_TEMPLATES: {file}: {key}"
    if english and key not in english and not key.startswith(TYPE):
        raise SettingError(f"{where} is not a text of the e-mails")
    try:
        forms = msgspec.convert(text if isinstance(text, dict) else {"other": text}, dict[str, str])
        forms["other"]
    except (msgspec.ValidationError, KeyError):
        fault = "write a text, or a table of plural forms with `other`"
        raise SettingError(f"{where}: {fault}") from None
    allowed = _placeholders(english.get(key, forms))
    try:
        for form in forms.values():
            form.format(**dict.fromkeys(allowed, ""))
    except (KeyError, IndexError, ValueError, AttributeError):
        raise SettingError(f"{where} may only have {sorted(allowed)} in braces") from None


def _placeholders(text: str | Forms) -> set[str]:
    forms = [text] if isinstance(text, str) else text.values()
    return {name for form in forms for _, name, *_ in Formatter().parse(form) if name}


def time_zone(name: str | None) -> tzinfo:
    return zone_of(name or "UTC") or UTC
