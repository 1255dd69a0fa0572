"""Owns `linkup monitor`, which shows health and recommendations. Its exit code is the state."""

import asyncio
import io
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import msgspec
from msgspec.structs import replace
from rich.console import Console

from linkup.monitor.asking import EVERYTHING, look
from linkup.monitor.screen import screen
from linkup.options import config_option, data_dir_option, settings_of
from shared import clock
from shared.errors import StartError
from shared.health import report
from shared.health.report import HealthAnswer
from shared.settings import Settings

EXIT = {"healthy": 0, "warning": 1, "critical": 2}
EXIT_UNREACHABLE = 3
SVG_WIDTH = 110  # characters
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # which are on another server


@click.command(short_help="Show the health of all services.")
@click.option("--continuous", is_flag=True, help="Repeat the check until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds between two checks.",
)
@click.option(
    "--check-async", is_flag=True, help="Show the latest calls that blocked an event loop."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per check.")
@click.option(
    "--url", "urls", multiple=True, metavar="URL", help="URL of a gateway. Can be repeated."
)
@click.option(
    "--svg", type=click.Path(dir_okay=False), help="Write the screen to this file as an image."
)
@data_dir_option
@config_option
@click.pass_context
def monitor(
    ctx: click.Context,
    continuous: bool,
    interval: float,
    check_async: bool,
    as_json: bool,
    urls: tuple[str, ...],
    svg: str | None,
    data_dir: str | None,
    config: str | None,
) -> None:
    """Show the health of all services, with causes and recommendations.

    The exit code is 0 for healthy, 1 for warning, 2 for critical, and 3 if no service answers.
    """
    settings = settings_of(data_dir, config)
    console = Console(highlight=False)
    code = EXIT_UNREACHABLE
    if continuous:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        for told in _looks(settings, urls, interval if continuous else None):
            code = _code(told)
            if as_json:
                click.echo(msgspec.json.encode(told))
            else:
                _show(console, told, clear=continuous, asyncs=check_async)
            if svg:
                draw(Path(svg), told, asyncs=check_async)
    except KeyboardInterrupt:
        pass  # the end of `--continuous`: the code is that of the last look
    ctx.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Raise KeyboardInterrupt. asyncio would cancel the look, and a library may lose that."""
    raise KeyboardInterrupt


def _looks(
    settings: Settings, urls: tuple[str, ...], every: float | None
) -> Iterator[HealthAnswer]:
    """Yield one report, or one every so many seconds without end."""
    while True:
        began = time.monotonic()
        try:
            yield asyncio.run(look(settings, urls))
        except StartError as error:
            yield _nobody(str(error))
        if every is None:
            return
        time.sleep(max(0.0, began + every - time.monotonic()))


def _nobody(cause: str) -> HealthAnswer:
    """Return the report if nothing answers, or if it is not known where to ask."""
    told = report.unreachable(EVERYTHING, clock.now(), cause)
    advice = [report.Recommendation(EVERYTHING, cause)]
    return replace(told, health_score=0, recommendations=advice)


def _code(told: HealthAnswer) -> int:
    return EXIT_UNREACHABLE if told.state == "unreachable" else EXIT[told.status]


def _show(console: Console, told: HealthAnswer, *, clear: bool, asyncs: bool) -> None:
    if clear and console.is_terminal:
        console.clear()
    console.print(screen(told, asyncs=asyncs))


def draw(file: Path, told: HealthAnswer, *, asyncs: bool) -> None:
    canvas = Console(record=True, width=SVG_WIDTH, file=io.StringIO(), force_terminal=True)
    canvas.print(screen(told, asyncs=asyncs))
    svg = FONTS.sub("", canvas.export_svg(title="linkup monitor"))
    file.write_text(svg, encoding="utf-8")
