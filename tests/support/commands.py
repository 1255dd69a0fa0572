"""Owns how a test calls an operator's command that has to refuse."""

import click
from click.testing import CliRunner


def unusable(command: click.Command, *arguments: str) -> str:
    """Run a command without a secret, check that it fails, and return its error, one line."""
    done = CliRunner().invoke(command, arguments, env={"LINKUP_JWT_SECRET": None})
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr
