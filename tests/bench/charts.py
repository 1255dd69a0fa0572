"""Owns the two kinds of charts: bars to compare values, curves over a quantity that grows."""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tests.bench.figures import plain
from tests.bench.svg import COLOURS, WIDTH, Sheet, ticks

BAR, ROW, TOP = 16, 24, 48
LABELS = 250  # px for what stands left of bars
VALUES = 70  # px for the number right of the longest one
PLOT = (70, 56, 520, 260)  # x, y, width, height of the area with curves


class Bar(Struct, frozen=True):
    """`values`: one a column, None for none; `colour`: a number below COLOURS."""

    label: str
    values: tuple[float | None, ...]
    colour: int = 0
    inner: bool = False  # a part of the one above


def bars(title: str, columns: Sequence[str], rows: Sequence[Bar]) -> str:
    """Each column has a scale of its own, named above it."""
    heading = ROW if any(columns) else 0
    sheet = Sheet(title, TOP + heading + ROW * len(rows) + 12)
    width = (WIDTH - LABELS - 16) / len(columns)
    for number, name in enumerate(columns):
        x = LABELS + width * number
        sheet.text(x, TOP + 12, name, "faint")
        _column(sheet, rows, number, (x, TOP + heading, width - VALUES))
    for number, row in enumerate(rows):
        middle = TOP + heading + ROW * number + BAR - 3
        sheet.text(32 if row.inner else 16, middle, row.label, "faint" if row.inner else "")
    return sheet.svg()


def _column(
    sheet: Sheet, rows: Sequence[Bar], number: int, area: tuple[float, float, float]
) -> None:
    x, y, width = area
    most = max((row.values[number] or 0.0 for row in rows), default=0.0) or 1.0
    for place, row in enumerate(rows):
        value = row.values[number]
        if value is not None:
            top, length = y + ROW * place, width * value / most
            sheet.rectangle(x, top, max(1.0, length), BAR, f"f{row.colour % COLOURS}")
            sheet.text(x + length + 6, top + BAR - 3, plain(value), "faint")


def curves(
    title: str, xs: Sequence[float], series: Mapping[str, Sequence[float]], x_name: str, y_name: str
) -> str:
    """The quantity below grows by factors, so its scale is logarithmic; the other begins at 0."""
    left, top, width, height = PLOT
    sheet = Sheet(title, top + height + 56)
    marks = ticks(max(max(values) for values in series.values()))
    low, high = math.log(min(xs)), math.log(max(xs))

    def across(x: float) -> float:
        return left + (width * (math.log(x) - low) / (high - low) if high > low else width / 2)

    def up(y: float) -> float:
        return top + height * (1 - y / marks[-1])

    for mark in marks:
        sheet.line(left, up(mark), left + width, up(mark))
        sheet.text(left - 8, up(mark) + 4, f"{mark:g}", "faint end")
    for x in xs:
        sheet.text(across(x), top + height + 20, f"{x:,.0f}", "faint middle")
    sheet.text(left + width / 2, top + height + 42, x_name, "faint middle")
    sheet.text(left, top - 8, y_name, "faint")
    names = _apart({name: up(values[-1]) for name, values in series.items()})
    for colour, (name, values) in enumerate(series.items()):
        points = [(across(x), up(y)) for x, y in zip(xs, values, strict=True)]
        sheet.curve(points, colour % COLOURS)
        sheet.text(left + width + 14, names[name] + 4, name, f"f{colour % COLOURS}")
    return sheet.svg()


def _apart(wanted: Mapping[str, float], least: float = 17.0) -> dict[str, float]:
    """Heights for names, in the order of what they name, none upon another."""
    placed: dict[str, float] = {}
    below = PLOT[1] + PLOT[3] + least
    for name, y in sorted(wanted.items(), key=lambda one: -one[1]):
        below = placed[name] = min(y, below - least)
    return placed
