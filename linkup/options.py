"""Owns what several commands share: options, progress, and flags above the environment."""

import os
import sys
from collections.abc import Mapping

import click

from shared.settings import variable


class Misused(click.ClickException):
    """As bad usage: with this URL or secret there is nothing to begin."""

    exit_code = 2


config_option = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="A TOML file of settings.  [default: LINKUP_CONFIG]",
)

server_argument = click.argument("url", default="http://127.0.0.1:8000")
secret_option = click.option(
    "--secret",
    envvar="LINKUP_JWT_SECRET",
    default="",
    help="Signs tokens; without it the development login gives them.",
)
audience_option = click.option(
    "--audience", envvar="LINKUP_JWT_AUDIENCE", default="linkup", show_default=True
)


def show_progress(text: str) -> None:
    """On one line that the next replaces; nothing where nobody looks."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)


def environment_with(**flags: object) -> Mapping[str, str]:
    """The environment, overruled by the flags that were given."""
    given = {variable(name): str(value) for name, value in flags.items() if value is not None}
    return {**os.environ, **given}
