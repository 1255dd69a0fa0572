"""Owns output on a terminal: tables, times, foreign text, JSON and progress."""

import sys
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from shared.clock import SECOND
from shared.errors import visible


def table(*names: str, right: Container[str] = (), unbroken: Container[str] = ()) -> Table:
    """Return an empty table with these columns.

    Those of `right` are aligned right, and those of `unbroken` stay on one line.
    """
    columns = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        justify: JustifyMethod = "right" if name in right else "left"
        columns.add_column(name, justify=justify, overflow="fold", no_wrap=name in unbroken)
    return columns


def fields(known: Mapping[str, str | None]) -> Table:
    """Return a table with a line for each field that has a value."""
    lines = Table(box=None, pad_edge=False, show_header=False)
    for name, value in known.items():
        if value:
            lines.add_row(Text(name, style="bold"), foreign(value))
    return lines


def local_time(at: datetime | int) -> str:
    """Return a time in the time zone of this machine. A number is microseconds since 1970."""
    known = at if isinstance(at, datetime) else datetime.fromtimestamp(at / SECOND, UTC)
    return known.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def foreign(text: str | None) -> Text:
    """Return foreign text for a terminal: its lines, without control characters."""
    return Text("\n".join(map(visible, (text or "").split("\n"))))


def print_json(answer: Any, aside: bool = False) -> None:
    """Print the answer. `aside`: to stderr."""
    click.echo(msgspec.json.format(msgspec.json.encode(answer)).decode(), err=aside)


def show_progress(text: str) -> None:
    """Show the text on a line that the next one replaces, if stderr is a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)
