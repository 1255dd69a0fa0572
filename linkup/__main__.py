"""Owns the command `linkup`: its subcommands, each imported when it is called, and exit codes.

0 ok, 1 failure, 2 usage, 78 bad setting, 130 interrupted.
"""

import importlib
from typing import Any, ClassVar

import click

import linkup
from shared.errors import SettingError, StartError

EXIT_SETTING = 78  # EX_CONFIG of sysexits.h
INTERRUPTED = 130


class Failure(click.ClickException):
    """One line on stderr, and exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"linkup: {self.message}", err=True, file=file)


class BadSetting(Failure):
    exit_code = EXIT_SETTING


class Commands(click.Group):
    """Each command is the function of its own name in the module of its own name."""

    NAMES: ClassVar[tuple[str, ...]] = (
        "run",
        "config",
        "load",
        "schema",
        "conform",
        "audit",
        "errors",
        "report",
        "monitor",
        "message",
        "doctor",
        "backup",
        "restore",
        "notifications",
        "notify-test",
        "vapid",
        "token",
        "webhooks",
        "user",
    )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.NAMES:
            return None
        name = cmd_name.replace("-", "_")
        command = vars(importlib.import_module(f"linkup.{name}"))[name]
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingError as error:
            raise BadSetting(f"bad setting: {error}") from None
        except StartError as error:
            raise Failure(str(error)) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None


@click.command(cls=Commands)
@click.version_option(linkup.__version__, prog_name="linkup")
def main() -> None:
    """Run, check and measure LinkUp messaging."""


if __name__ == "__main__":
    main()
