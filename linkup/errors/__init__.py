"""Owns `linkup errors`, which lists, shows and resolves the errors of the services."""

import asyncio
from datetime import datetime
from typing import Any, get_args

import click
from rich.console import Console

from linkup.errors.asking import Told, resolved, told
from linkup.errors.listing import details, listing
from linkup.installation.terminal import print_json
from linkup.options import common, settings_of
from shared import api
from shared.clock import SECOND
from shared.commands import ErrorPage
from shared.errors import StartError
from shared.health.taxonomy import Category, Severity

SERVICES = ("gateway", "persistence", "notify")
MOST = 100


@click.group(invoke_without_command=True)
@click.option(
    "--category", type=click.Choice(get_args(Category)), help="Show only errors of this category."
)
@click.option(
    "--severity", type=click.Choice(get_args(Severity)), help="Show only errors of this severity."
)
@click.option("--service", type=click.Choice(SERVICES), help="Show only errors of this service.")
@click.option(
    "--resolved/--open", "is_resolved", default=None, help="Show only resolved or only open errors."
)
@click.option("--since", type=click.DateTime(), help="Show only errors since this local time.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=50,
    show_default=True,
    help="Maximum number of errors.",
)
@common
@click.pass_context
def errors(
    context: click.Context,
    /,
    *,
    is_resolved: bool | None,
    since: datetime | None,
    data_dir: str | None,
    config: str | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """List the errors of all services, latest first.

    If the store or NATS is down, the errors in the memory of each service are shown.
    """
    if context.invoked_subcommand is not None:
        return
    asked = ErrorPage(resolved=is_resolved, since=_microseconds(since), **filters)
    found = asyncio.run(told(settings_of(data_dir, config), asked))
    if as_json:
        print_json(_as_json(found))
    else:
        Console().print(listing(found))


@errors.command()
@click.argument("error_id", metavar="ID")
@common
def show(error_id: str, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Show all details of an error."""
    found = asyncio.run(told(settings_of(data_dir, config), ErrorPage(error_id=error_id)))
    if not found.records:
        raise StartError(f"there is no error {error_id}; `linkup errors` lists them")
    record = found.records[0]
    if as_json:
        print_json(api.error_record(record))
    else:
        Console().print(details(record))


@errors.command()
@click.argument("error_id", metavar="ID")
@click.option("--notes", default="", help="What was wrong, and what was done.")
@common
def resolve(
    error_id: str, notes: str, data_dir: str | None, config: str | None, as_json: bool
) -> None:
    """Mark an error as resolved. It opens again when it occurs again."""
    record = asyncio.run(resolved(settings_of(data_dir, config), error_id, notes))
    if as_json:
        print_json(api.error_record(record))
    else:
        click.echo(f"{record.id} is resolved: {record.message}")


def _microseconds(time: datetime | None) -> int:
    return int(time.timestamp() * SECOND) if time else 0


def _as_json(found: Told) -> dict[str, Any]:
    return {
        "stored": found.stored,
        "silent": found.silent,
        "errors": [api.error_record(record) for record in found.records],
    }
