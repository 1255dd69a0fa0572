import re
from pathlib import Path

from shared.settings import Settings, load
from tests.contract.env_example import text

FILE = Path(__file__).parents[2] / ".env.example"


def test_the_example_lists_every_setting_as_it_is() -> None:
    """When this fails: python -m tests.contract.env_example > .env.example"""
    assert FILE.read_text() == text()


def test_a_plain_copy_changes_nothing() -> None:
    assert all(line.startswith("#") for line in FILE.read_text().splitlines() if line)


def test_every_line_of_it_is_a_setting_and_its_default() -> None:
    lines = dict(re.findall(r"^# (LINKUP_\w+)=(.*)$", FILE.read_text(), re.MULTILINE))
    assert len(lines) == len(Settings.__struct_fields__)
    assert load(lines) == Settings()
