"""Owns options that several commands share, output on a terminal, and settings given as flags."""

import os
import sys
from collections.abc import Callable, Mapping

import click
from rich.text import Text

from shared.errors import visible
from shared.settings import variable


class Misused(click.ClickException):
    """The server at the given URL cannot be used, or refuses the secret. Exit code 2."""

    exit_code = 2


Command = Callable[..., None]

config_option = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="TOML file with settings.  [default: $LINKUP_CONFIG]",
)

data_dir_option = click.option(
    "--data-dir", metavar="DIR", help="Directory of all data.  [default: ./data]"
)
server_argument = click.argument("url", default="http://127.0.0.1:8000")
secret_option = click.option(
    "--secret",
    envvar="LINKUP_JWT_SECRET",
    default="",
    help="Secret that signs the tokens of users. Without it, the demo login provides them.",
)
token_command_option = click.option(
    "--token-command",
    default="",
    metavar="COMMAND",
    help="Command that prints a token for the user whose id is appended to it, in place of the "
    "secret. It is not run by a shell.",
)
audience_option = click.option(
    "--audience",
    envvar="LINKUP_JWT_AUDIENCE",
    default="linkup",
    show_default=True,
    help="Audience of the tokens.",
)
issuer_option = click.option(
    "--issuer",
    envvar="LINKUP_JWT_ISSUER",
    default="",
    help="Issuer of the tokens, if the server asks for one.",
)


def show_progress(text: str) -> None:
    """Shows the text on a line that the next one replaces, if stderr is a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)


def environment_with(**flags: object) -> Mapping[str, str]:
    """The environment, with the given flags in place of its variables."""
    given = {variable(name): str(value) for name, value in flags.items() if value is not None}
    return {**os.environ, **given}


def foreign(text: str | None) -> Text:
    """Return foreign text for a terminal: its lines, without control characters."""
    return Text("\n".join(map(visible, (text or "").split("\n"))))


def common(command: Command) -> Command:
    """Add the options that all commands of a group have: --json, --config, --data-dir."""
    options = (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        config_option,
        data_dir_option,
    )
    for option in options:
        command = option(command)
    return command
