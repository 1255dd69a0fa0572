"""A deployment brings templates of its own, and is told at start what is wrong with them."""

from pathlib import Path

import pytest

from services.notify.channels.letter import Letters
from services.notify.channels.samples import samples
from services.notify.channels.templates import LOCALES
from shared.errors import SettingError
from shared.settings import Settings
from tests.support.letters import read


def with_own(folder: Path) -> Letters:
    return Letters(Settings(templates=str(folder)), lambda: 0)


def test_a_file_of_the_folder_takes_precedence(tmp_path: Path) -> None:
    (tmp_path / "_sign.txt").write_text("Yours, the {{ brand }} team\n")
    (tmp_path / "messages.txt").write_text(
        '{{ say("greeting", name=name) }} {% include "_sign.txt" %}{{ conversation.name }}'
    )
    (tmp_path / LOCALES).mkdir()
    (tmp_path / LOCALES / "en.toml").write_text('greeting = "Hey {name}!"')
    profile, content = next(samples("en"))
    letter = read(with_own(tmp_path).write("n1", profile, content))
    plain, html = (str(part.get_content()) for part in letter.iter_parts())
    assert plain == "Hey Bob! Yours, the LinkUp team\nTeam\n"
    assert "Hey <bdi>Bob</bdi>!" in html


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("messages.txt", "a\n{% if %}", "messages.txt, line 2: "),
        ("messages.html", "{{ conversaton.name }}", "messages.html, line 1: 'conversaton'"),
        ("notice.txt", "{{ notice.heading }}", "notice.txt, line 1: .*heading"),
        ("digest.txt", '{{ say("summary") }}', "digest.txt, line 1: 'summary'"),
        ("layout.html", '{% include "_logo.html" %}', "_logo.html"),
        ("digest.txt", "{{ 1 + period }}", "digest.txt, line 1: "),
        ("message.txt", "Hello", "replaces no template; .*messages.txt"),
    ],
)
def test_a_template_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, text: str, fault: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingError, match=f"^LINKUP_TEMPLATES: .*{fault}"):
        with_own(tmp_path)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"LINKUP_TEMPLATES=.*nowhere is not a folder"):
        with_own(tmp_path / "nowhere")


def test_what_is_shipped_writes_every_kind_in_every_language(tmp_path: Path) -> None:
    with_own(tmp_path)
