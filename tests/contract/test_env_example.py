import re
from pathlib import Path

from shared.route import LIMITS
from shared.settings import Settings, load
from tests.contract.env_example import MEANINGS, text

FILE = Path(__file__).parents[2] / ".env.example"


def test_the_example_lists_every_setting_as_it_is() -> None:
    """If this fails, run: python -m tests.contract.env_example > .env.example"""
    assert FILE.read_text() == text()


def test_f_s20_what_each_gateway_counts_for_itself_says_so() -> None:
    """Only a gateway knows its sockets and requests; messages are counted in the store."""
    counted = {*LIMITS.values(), "sockets_per_user", "sockets_per_address"}
    said = {name: meaning for part in MEANINGS.values() for name, meaning in part.items()}
    assert {name for name in said if "at each gateway" in said[name]} == counted
    readme = (FILE.parent / "README.md").read_text().splitlines()
    for row in ("LINKUP_API_PER_MINUTE", "LINKUP_AUTH_PER_MINUTE", "LINKUP_SOCKETS_PER_USER"):
        (line,) = [line for line in readme if line.startswith(f"| `{row}`")]
        assert "per gateway" in line
    operations = (FILE.parent / "docs" / "operations.md").read_text()
    assert "Each gateway counts for itself" in operations


def test_a_plain_copy_changes_nothing() -> None:
    assert all(line.startswith("#") for line in FILE.read_text().splitlines() if line)


def test_every_line_of_it_is_a_setting_and_its_default() -> None:
    lines = dict(re.findall(r"^# (LINKUP_\w+)=(.*)$", FILE.read_text(), re.MULTILINE))
    assert len(lines) == len(Settings.__struct_fields__)
    assert load(lines) == Settings()
