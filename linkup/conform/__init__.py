"""Owns `linkup conform`, which checks any server against the protocol from outside."""

import asyncio
import fnmatch
import sys

import click
import msgspec

from linkup.calls import CallFailed
from linkup.conform.check import Check
from linkup.conform.checks import ALL
from linkup.conform.deployment import Deployment
from linkup.conform.play import PATIENCE, play
from linkup.conform.report import in_words, listed
from linkup.installation.terminal import show_progress
from linkup.installation.tokens import Unusable
from linkup.options import (
    Misused,
    audience_option,
    issuer_option,
    secret_option,
    server_argument,
    token_command_option,
)


@click.command("conform")
@server_argument
@secret_option
@audience_option
@issuer_option
@token_command_option
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Run only the checks whose name, promise or section matches PATTERN, which may contain "
    "* and ?. A part of a name matches as well. Can be repeated.",
)
@click.option(
    "--patience",
    default=PATIENCE,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    help="Seconds to wait for an answer.",
)
@click.option(
    "--abuse",
    is_flag=True,
    help="Also check that the server closes an abusive WebSocket (close code 4408).",
)
@click.option("--list", "as_list", is_flag=True, help="List the checks without running them.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def conform(
    url: str,
    secret: str,
    audience: str,
    issuer: str,
    token_command: str,
    only: tuple[str, ...],
    patience: float,
    abuse: bool,
    as_list: bool,
    as_json: bool,
) -> None:
    """Check that a server keeps the promises of the protocol.

    URL is the address of a gateway, by default http://127.0.0.1:8000.

    Each check creates its own users, named linkup--conform-…. No other user can see them, and no
    e-mail is sent.
    The exit code is 0 if no check failed, 1 if one failed, and 2 if the server cannot be used:
    nothing answers at URL, it refuses the tokens, or it limits demo logins.
    """
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url}: write http:// or https://", param_hint="URL")
    chosen = choose(only)
    if as_list:
        click.echo(listed(chosen))
        return
    deployment = Deployment(url, secret, audience, issuer, token_command)
    deployment.abuse = abuse
    try:
        found = asyncio.run(play(deployment, chosen, show_progress, patience))
    except Unusable as fault:
        raise Misused(str(fault)) from None
    except CallFailed as fault:
        raise click.ClickException(str(fault)) from None
    finally:
        show_progress("")
    click.echo(msgspec.json.encode(found).decode() if as_json else in_words(found))
    if found.failed:
        sys.exit(1)


def choose(only: tuple[str, ...]) -> list[Check]:
    chosen = [check for check in ALL if not only or any(_matches(check, one) for one in only)]
    if not chosen:
        raise click.BadParameter(f"no check matches {', '.join(only)}", param_hint="--only")
    return chosen


def _matches(check: Check, pattern: str) -> bool:
    names = (check.name, check.promise, check.section)
    fits = any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for name in names if name)
    return fits or pattern in check.name
