"""Owns the table of metrics in docs/operations.md.

`python -m tests.contract.metrics_table` prints it, to be put in place of the old one.
"""

import sys
from collections.abc import Iterator

from shared.health.catalogue import ALL, TABLE, Metric

HEAD = "| metric | kind | service | meaning |\n|---|---|---|---|\n"


def table() -> str:
    return HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for metric in TABLE:
        services = "all" if metric.services == ALL else ", ".join(metric.services)
        yield f"| `{_shown(metric)}` | {metric.kind} | {services} | {metric.help} |\n"


def _shown(metric: Metric) -> str:
    return f"{metric.name}{{{metric.label}}}" if metric.label else metric.name


if __name__ == "__main__":
    sys.stdout.write(table())
