"""Owns a drawing: text, rectangles and lines on a sheet that suits dark and light pages alike."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

WIDTH = 760
LEAST = 1e-9  # below it a value is nothing
COLOURS = 8  # of series; a chart with more of them tells nothing

STYLE = """
  svg { --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --rule: #d1d9e0;
    --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df;
    --c4: #bf3989; --c5: #9a6700; --c6: #0a7d91; --c7: #6e7781; }
  @media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #e6edf3;
    --faint: #9198a1; --rule: #30363d; --c0: #4493f8; --c1: #f0883e; --c2: #3fb950;
    --c3: #ab7df8; --c4: #f778ba; --c5: #d29922; --c6: #39c5cf; --c7: #9198a1; } }
  text { font: 13px system-ui, sans-serif; fill: var(--ink); }
  .title { font-size: 15px; font-weight: 600; }
  .faint { fill: var(--faint); font-size: 12px; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }
  .paper { fill: var(--paper); } .rule { stroke: var(--rule); }
"""
SERIES = "".join(
    f"  .f{n} {{ fill: var(--c{n}); }}\n"
    f"  .s{n} {{ stroke: var(--c{n}); stroke-width: 2; fill: none; }}\n"
    for n in range(COLOURS)
)


class Sheet:
    """Draws from the top left corner; what it says as a whole is for who cannot see it."""

    def __init__(self, title: str, height: float) -> None:
        self._title = title
        self._height = height
        self._parts: list[str] = []
        self.text(16, 28, title, "title")

    def text(self, x: float, y: float, said: str, kind: str = "") -> None:
        self._parts.append(f"<text{_attributes(x=x, y=y, kind=kind)}>{escape(said)}</text>")

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        size = _attributes(x=x, y=y, width=max(0.0, width), height=height, kind=kind)
        self._parts.append(f'<rect{size} rx="2"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self._parts.append(f"<line{_attributes(x1=x1, y1=y1, x2=x2, y2=y2, kind='rule')}/>")

    def curve(self, points: Sequence[tuple[float, float]], colour: int) -> None:
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" class="s{colour}"/>')
        for x, y in points:
            self._parts.append(f'<circle{_attributes(cx=x, cy=y, kind=f"f{colour}")} r="3.5"/>')

    def svg(self) -> str:
        size = f'viewBox="0 0 {WIDTH} {_number(self._height)}" width="{WIDTH}"'
        paper = f'<rect width="{WIDTH}" height="{_number(self._height)}" rx="6" class="paper"/>'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
                f"aria-label={quoteattr(self._title)}>",
                f"<style>{STYLE}{SERIES}</style>",
                paper,
                *self._parts,
                "</svg>\n",
            ]
        )


def _attributes(*, kind: str = "", **values: float) -> str:
    numbers = "".join(f' {name}="{_number(value)}"' for name, value in values.items())
    return numbers + (f' class="{kind}"' if kind else "")


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def ticks(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 up to the first that is not below `most`."""
    if most < LEAST:
        return [0.0, 1.0]
    rough = most / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * 0.999999)
    return [step * n for n in range(math.ceil(most / step - 1e-9) + 1)]
