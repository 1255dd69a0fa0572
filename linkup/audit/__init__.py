"""Owns `linkup audit`: lets each service audit its data, and prints the findings."""

import sys
from collections.abc import Iterator

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from linkup.installation.owners import Failed, Process, ended, started
from linkup.options import config_option, data_dir_option, settings_of
from shared.audit import Found, Step, Told
from shared.settings import Settings

EXIT_VIOLATIONS = 1
EXIT_FAILED = 2
EXIT_SETTING = 78


@click.command(short_help="Check the stored data for faults.")
@data_dir_option
@click.option(
    "--all",
    "all_of_it",
    is_flag=True,
    help="Also check client ids, the search index and all attached files, which takes longer.",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
def audit(data_dir: str | None, all_of_it: bool, config: str | None, as_json: bool) -> None:
    """Check the stored messages, feeds, marks and notifications for faults.

    The command only reads. LinkUp may be running or stopped. The exit code is 0 without findings, 1
    with findings, and 2 if the data cannot be read.
    """
    settings = settings_of(data_dir, config)
    found: set[Found] = set()
    with _progress(as_json) as progress:
        bar = progress.add_task("starting", total=None)
        for told in _all_told(settings, all_of_it):
            match told:
                case Step(walk=walk, rows=rows, of=of):
                    progress.update(bar, description=walk, completed=rows, total=of)
                case Found() if told not in found:
                    found.add(told)
                    _show(told, progress, as_json)
    _conclude(len(found), as_json)


def _all_told(settings: Settings, all_of_it: bool) -> Iterator[Told]:
    chosen = ("--all",) if all_of_it else ()
    yield from _told(started("persistence", settings, "audit", *chosen))
    yield from _told(started("notify", settings, "audit"))
    if all_of_it:
        yield from _files(settings)


def _files(settings: Settings) -> Iterator[Told]:
    """Persistence knows which there must be, the gateway which there are, and between the two
    questions a message may be erased: persistence has the last word."""
    named = started("persistence", settings, "files")
    absent = started("gateway", settings, "audit", stdin=named.stdout)
    judged = started("persistence", settings, "files", "--absent", stdin=absent.stdout)
    for first in (named, absent):
        assert first.stdout is not None
        first.stdout.close()  # the next one has it
    yield from _told(named, absent, judged)


def _told(*processes: Process) -> Iterator[Told]:
    """Yield the output of the last process."""
    decoder = msgspec.json.Decoder(Step | Found)
    try:
        with ended(*processes) as said:
            yield from map(decoder.decode, said)
    except Failed as failed:
        sys.exit(EXIT_SETTING if failed.status == EXIT_SETTING else EXIT_FAILED)


def _progress(as_json: bool) -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<14}"), BarColumn(), TaskProgressColumn())
    disabled = as_json or not console.is_terminal
    return Progress(*columns, console=console, transient=True, disable=disabled)


def _show(found: Found, progress: Progress, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        progress.stop()
        click.echo(f"{found.text} {found.remedy}")
        progress.start()


def _conclude(count: int, as_json: bool) -> None:
    if not as_json:
        click.echo(f"{count} violations." if count else "All is as it must be.")
    if count:
        sys.exit(EXIT_VIOLATIONS)
