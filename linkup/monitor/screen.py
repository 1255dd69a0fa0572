"""Owns the display of the monitor: one screen, made from one report on all services."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import ceil

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.health.report import HealthAnswer
from shared.health.score import level_of

COLOURS = {"healthy": "green", "warning": "yellow", "critical": "red"}
BARS = " ▁▂▃▄▅▆▇█"
BAR = 20
# In a column of its own, or a part of what is shown.
ELSEWHERE = frozenset(
    {"sockets", "users", "decode_p99_ms", "lane_wait_p99_ms", "push_p99_ms", "publish_p99_ms"}
)


def screen(told: HealthAnswer, *, asyncs: bool = False) -> RenderableType:
    """Return the screen. With `asyncs`, it lists the calls that blocked an event loop."""
    parts = [_services(told), _trends(told), _errors(told), _recommendations(told)]
    if asyncs:
        parts.insert(3, _asyncs(told))
    return Panel(
        Group(*_apart(parts)), title=_title(told), subtitle=_time(told), border_style=_colour(told)
    )


def sparkline(numbers: Sequence[float], width: int = 30) -> str:
    """Return at most `width` bars, each for one number or the sum of several. The highest bar is
    full, and only 0 has no bar."""
    each = max(1, -(-len(numbers) // width))
    sums = [sum(numbers[at : at + each]) for at in range(0, len(numbers), each)]
    return "".join(BARS[_height(number, max(sums))] for number in sums)


def _height(number: float, most: float) -> int:
    return ceil(number / most * (len(BARS) - 1)) if number else 0


def _apart(parts: Sequence[RenderableType]) -> Iterator[RenderableType]:
    for number, part in enumerate(parts):
        if number:
            yield ""
        yield part


def _title(told: HealthAnswer) -> Text:
    filled = round(told.health_score / 100 * BAR)
    bar = "█" * filled + "░" * (BAR - filled)
    said = f" LinkUp {told.health_score}/100 {bar} {_in_words(told)} "
    return Text(said, style=f"bold {_colour(told)}")


def _in_words(told: HealthAnswer) -> str:
    if told.state == "unreachable":
        return "nothing answers"
    past = level_of(told.health_score) != told.status
    return f"{told.status} within the last minute" if past else told.status


def _time(told: HealthAnswer) -> str:
    return datetime.fromtimestamp(told.timestamp / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _colour(told: HealthAnswer) -> str:
    return COLOURS[told.status]


def _services(told: HealthAnswer) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, expand=True)
    for name in ("service", "state", "score"):
        table.add_column(name)
    for name in ("per second", "errors", "sockets"):
        table.add_column(name, justify="right")
    table.add_column("queues and times")
    for name, one in told.services.items():
        table.add_row(
            name,
            one.state,
            Text(str(one.health_score), style=COLOURS[level_of(one.health_score)]),
            f"{one.operations / one.window:.1f}",
            str(one.recent_errors_count),
            str(one.websocket_check.connections) if "sockets" in one.figures else "",
            _figures(one),
        )
    return table


def _figures(one: HealthAnswer) -> str:
    shown = {name: each for name, each in one.figures.items() if each and name not in ELSEWHERE}
    return ", ".join(f"{name.replace('_', ' ')} {figure:g}" for name, figure in shown.items())


def _trends(told: HealthAnswer) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = (("operations", told.operations_trend, "cyan"), ("errors", told.errors_trend, "red"))
    for name, trend, colour in rows:
        line = Text(sparkline(trend), style=colour)
        table.add_row(name, line, f"{sum(trend)} in {told.window / 60:g} min")
    return table


def _errors(told: HealthAnswer) -> RenderableType:
    if not told.error_summary:
        return Text("No errors within the last hour", style="dim")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("errors")
    table.add_column(f"{told.window / 60:g} min", justify="right")
    table.add_column("1 h", justify="right")
    for name, count in sorted(told.error_summary.items(), key=lambda each: -each[1]):
        table.add_row(name, f"{told.errors.get(name, 0):g}", str(count))
    return table


def _asyncs(told: HealthAnswer) -> RenderableType:
    check = told.async_context_check
    lines = [Text(f"  {error}") for error in check.errors] or [Text("  none", style="dim")]
    return Group(Text(f"Calls that blocked the event loop: {check.count}", style="bold"), *lines)


def _recommendations(told: HealthAnswer) -> RenderableType:
    if not told.recommendations:
        return Text("Nothing to do", style="green")
    table = Table(box=None, show_header=False, pad_edge=False)
    for each in told.recommendations:
        services = "" if each.service == each.cause else each.service
        name = f"{services}: {each.cause}" if services else each.cause
        table.add_row(Text(name, style="bold yellow"), Text(each.advice))
    return Group(Text("What to do", style="bold"), table)
