"""Owns the options that several commands share, and how flags stand above the environment."""

import os
from collections.abc import Mapping

import click

from shared.settings import variable

config_option = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="A TOML file of settings.  [default: LINKUP_CONFIG]",
)


def environment_with(**flags: object) -> Mapping[str, str]:
    """The environment, overruled by the flags that were given."""
    given = {variable(name): str(value) for name, value in flags.items() if value is not None}
    return {**os.environ, **given}
