"""The picture of the monitor in the documents shows what the monitor shows today."""

import html
import re
from pathlib import Path

import msgspec

from linkup import monitor
from shared.health import advice
from shared.health.report import HealthAnswer
from tests.contract.compose_file import ROOT

PICTURE = ROOT / "docs" / "images" / "monitor.svg"
ANSWER = Path(__file__).with_name("monitor.json")
COMMAND = "linkup monitor --json --svg docs/images/monitor.svg > tests/contract/monitor.json"


def answer() -> HealthAnswer:
    return msgspec.json.decode(ANSWER.read_bytes(), type=HealthAnswer)


def shown(svg: Path) -> list[str]:
    """The texts of a picture, whatever draws it."""
    texts = re.findall(r"<text[^>]*>(.*?)</text>", svg.read_text(encoding="utf-8"))
    return [html.unescape(text) for text in texts]


def test_s85_the_picture_is_the_screen_of_its_answer(tmp_path: Path) -> None:
    monitor.draw(tmp_path / "monitor.svg", answer(), asyncs=False)
    found = shown(tmp_path / "monitor.svg")
    assert len(found) > 30
    assert found == shown(PICTURE), f"make it anew, while notify is stopped: {COMMAND}"


def test_s85_what_the_picture_recommends_is_what_is_recommended_today() -> None:
    [silent] = [one for one in answer().recommendations if one.cause == "notify"]
    cause = silent.advice.partition("): ")[2].partition(". If")[0]
    assert silent.advice == advice.stopped("notify", cause).advice


def test_s85_the_document_names_the_command() -> None:
    assert f"`{COMMAND}`" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
