"""Owns Prometheus' own tool, and what it and its library make of a text of metrics."""

import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is missing (Debian, Ubuntu: apt-get install prometheus)"
)


def promtool(*arguments: str | Path, text: str = "") -> str:
    """Run promtool and return its output; fail if it reports an error."""
    assert PROMTOOL is not None
    ran = subprocess.run(
        [PROMTOOL, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


class Scraped:
    """A text of metrics, as Prometheus reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = list(text_string_to_metric_families(text))
        self.kinds = {
            f"{family.name}_total" if family.type == "counter" else family.name: family.type
            for family in families
        }
        self.helps = {family.name: family.documentation for family in families}
        self._samples = [sample for family in families for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of its samples with those labels; 0 without any."""
        return sum(
            one.value
            for one in self._samples
            if one.name == name and labels.items() <= one.labels.items()
        )
