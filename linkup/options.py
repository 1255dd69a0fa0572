"""Owns options that several commands share, and settings given as flags."""

import os
from collections.abc import Callable, Mapping

import click

from shared.settings import Settings, load, origins, variable


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
    "--data-dir",
    metavar="DIR",
    help="Directory of all data.  [default: $LINKUP_DATA_DIR, or ./data]",
)
server_argument = click.argument("url", default="http://127.0.0.1:8000")
secret_option = click.option(
    "--secret",
    envvar="LINKUP_JWT_SECRET",
    default="",
    help="Secret that signs the tokens of users. Without one, the demo login provides them, if the "
    "server does not limit logins (LINKUP_AUTH_PER_MINUTE=0, as with `linkup run` on loopback).  "
    "[default: $LINKUP_JWT_SECRET]",
)
token_command_option = click.option(
    "--token-command",
    default="",
    metavar="COMMAND",
    help="Command that prints a token, used in place of the secret. The id of the user is appended "
    "to it. It is not run by a shell.",
)
audience_option = click.option(
    "--audience",
    envvar="LINKUP_JWT_AUDIENCE",
    default="linkup",
    help="Audience of the tokens.  [default: $LINKUP_JWT_AUDIENCE, or linkup]",
)
issuer_option = click.option(
    "--issuer",
    envvar="LINKUP_JWT_ISSUER",
    default="",
    help="Issuer of the tokens, if the server asks for one.  [default: $LINKUP_JWT_ISSUER]",
)


def environment_with(**flags: object) -> Mapping[str, str]:
    """Return the environment, with the given flags in place of its variables."""
    given = {variable(name): str(value) for name, value in flags.items() if value is not None}
    return {**os.environ, **given}


def settings_of(data_dir: str | None, config: str | None) -> Settings:
    """Return the settings under the options of a group. Raises SettingError."""
    return load(environment_with(data_dir=data_dir), config)


def chosen_of(data_dir: str | None, config: str | None) -> frozenset[str]:
    """Return the names of the settings that are no defaults. Raises SettingError."""
    return frozenset(origins(environment_with(data_dir=data_dir), config))


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
