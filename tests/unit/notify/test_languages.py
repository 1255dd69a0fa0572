"""E-mails speak the language of their reader."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.notify.channels.language import Languages
from services.notify.channels.templates import LOCALES, SHIPPED
from shared.errors import SettingError
from shared.frames import NOTIFICATION_TYPES

NOW = 1_700_000_000_000_000
LANGUAGES = Languages([SHIPPED / LOCALES])


def test_english_german_french_and_spanish_are_shipped() -> None:
    assert {"de", "en", "es", "fr"} <= set(LANGUAGES.names)


@pytest.mark.parametrize(
    ("locale", "found"),
    [
        *(("de", "de"), ("de-AT", "de-AT"), ("de_CH", "de-CH"), ("fr-CA", "fr-CA")),
        *(("DE", "de"), ("de-XX", "de"), ("pt-BR", "en"), ("", "en"), (None, "en")),
        *(("../../etc/passwd", "en"), ("de/../..", "en"), ("x" * 500, "en"), ("\x00", "en")),
    ],
)
def test_a_locale_leads_to_the_nearest_catalogue(locale: str | None, found: str) -> None:
    assert LANGUAGES.of(locale).tag == found


def test_plural_forms_are_those_of_the_language() -> None:
    said = {
        name: [LANGUAGES.of(name).say("messages", n) for n in (0, 1, 2)]
        for name in ("de", "fr", "en")
    }
    assert said["en"] == ["0 unread messages", "1 unread message", "2 unread messages"]
    assert said["de"][1:] == ["1 ungelesene Nachricht", "2 ungelesene Nachrichten"]
    assert said["fr"] == ["0 message non lu", "1 message non lu", "2 messages non lus"]


def test_dates_and_numbers_are_written_as_in_the_region() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert LANGUAGES.of("de-AT").moment(NOW, zone) == "14.11.2023, 23:13"
    assert LANGUAGES.of("en-GB").moment(NOW, zone) == "14 Nov 2023, 23:13"
    assert LANGUAGES.of("de").number(1234) == "1.234"


@pytest.mark.parametrize("notification_type", NOTIFICATION_TYPES)
def test_every_built_in_type_has_a_subject_of_its_own(notification_type: str) -> None:
    for name in LANGUAGES.names:
        language = LANGUAGES.of(name)
        assert language.subject_of(notification_type) != language.subject_of("of_a_host")


def overlaid(tmp_path: Path, name: str, text: str) -> Languages:
    (tmp_path / name).write_text(text, "utf-8")
    return Languages([SHIPPED / LOCALES, tmp_path])


def test_a_deployment_replaces_single_words(tmp_path: Path) -> None:
    languages = overlaid(tmp_path, "de.toml", 'greeting = "Hallo {name}!"\ntype_sale = "Rabatt"')
    assert languages.of("de").say("greeting", name="Bo") == "Hallo Bo!"
    assert languages.of("de").subject_of("sale") == "Rabatt"
    assert languages.of("de").say("urgent") == "Dringend"
    assert languages.of("en").subject_of("sale") == "New notification"


def test_a_deployment_adds_a_language(tmp_path: Path) -> None:
    english = (SHIPPED / LOCALES / "en.toml").read_text("utf-8")
    languages = overlaid(tmp_path, "pl.toml", english.replace("Hello", "Cześć"))
    assert languages.of("pl-PL").say("greeting_nobody") == "Cześć,"
    assert languages.of("pl-PL").direction == "ltr"
    assert overlaid(tmp_path, "he.toml", english).of("he").direction == "rtl"


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("de.toml", "greeting = ", "cannot be used"),
        ("de.toml", 'gretting = "Hallo"', "gretting is not a text of the e-mails"),
        ("de.toml", "greeting = 1", "write a text"),
        ("de.toml", 'messages = { one = "1" }', "plural forms with `other`"),
        ("de.toml", 'greeting = "Hallo {who}"', "may only have \\['name'\\]"),
        ("de.toml", 'greeting = "Hallo {name"', "may only have"),
        ("de.toml", 'greeting = "Hallo {}"', "may only have"),
        ("it.toml", 'greeting = "Ciao {name}"', "it.toml lacks .*messages"),
        ("german.toml", 'greeting = "Hallo {name}"', "not that of a locale"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, text: str, fault: str
) -> None:
    with pytest.raises(SettingError, match=f"LINKUP_TEMPLATES: .*{fault}"):
        overlaid(tmp_path, name, text)
