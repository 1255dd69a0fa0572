"""Owns `linkup report`, which lists, shows and resolves the reports of users."""

import asyncio
from datetime import datetime

import click
from rich.console import Console

from linkup.installation.terminal import print_json
from linkup.options import common, settings_of
from linkup.report.asking import one, page, resolved
from linkup.report.listing import details, listing
from shared.clock import SECOND
from shared.commands import ReportPage

MOST = 100


@click.group(short_help="Read and resolve the reports of users.")
def report() -> None:
    """Read and resolve what users report about messages and other users.

    A report that is resolved stays in the list.
    """


@report.command("list")
@click.option("--user", metavar="ID", help="Show only reports about this user.")
@click.option(
    "--resolved/--open",
    "is_resolved",
    default=None,
    help="Show only resolved or only open reports.",
)
@click.option("--since", type=click.DateTime(), help="Show only reports since this local time.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=50,
    show_default=True,
    help="Maximum number of reports.",
)
@common
def list_(
    user: str | None,
    is_resolved: bool | None,
    since: datetime | None,
    limit: int,
    data_dir: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """List reports, latest first."""
    earliest = int(since.timestamp() * SECOND) if since else 0
    asked = ReportPage(user_id=user, resolved=is_resolved, since=earliest, limit=limit)
    found = asyncio.run(page(settings_of(data_dir, config), asked))
    if as_json:
        print_json(found)
    else:
        Console().print(listing(found))


@report.command()
@click.argument("report_id", metavar="ID")
@common
def show(report_id: str, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Show a report with the text of the message."""
    found = asyncio.run(one(settings_of(data_dir, config), report_id))
    if as_json:
        print_json(found)
    else:
        Console().print(details(found))


@report.command()
@click.argument("report_id", metavar="ID")
@click.option("--notes", default="", help="What was found, and what was done.")
@common
def resolve(
    report_id: str, notes: str, data_dir: str | None, config: str | None, as_json: bool
) -> None:
    """Mark a report as resolved. Resolving it again changes only the notes."""
    found = asyncio.run(resolved(settings_of(data_dir, config), report_id, notes))
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found.report_id} is resolved.")
