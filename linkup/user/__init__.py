"""Owns `linkup user`, which lists, changes and ends the users of the host app."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console

from linkup.options import config_option, data_dir_option, settings_of
from linkup.user import asking, display
from linkup.user.asking import USERS, Host
from shared.errors import StartError

MOST = 100_000

Command = Callable[..., None]


def common(command: Command) -> Command:
    """Add the options that all commands have."""
    options = (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--url", help="URL of the gateway.  [default: the one of this machine]"),
        config_option,
        data_dir_option,
    )
    for option in options:
        command = option(command)
    return command


def limited(command: Command) -> Command:
    return click.option(
        "--limit",
        type=click.IntRange(1, MOST),
        default=50,
        show_default=True,
        help="Maximum number of results.",
    )(command)


user_argument = click.argument("user_id", metavar="ID")


@click.group(short_help="Show, change, ban, export and erase users.")
def user() -> None:
    """Show, change, ban, export and erase users, as the host app does over HTTP.

    The commands use the key in LINKUP_HOST_KEY or LINKUP_ADMIN_KEY, and are recorded in the audit
    log.
    """


@user.command("list")
@click.option(
    "--search", metavar="TEXT", help="Show only users whose names have words that begin like these."
)
@limited
@common
def list_(search: str | None, limit: int, as_json: bool, **where: str | None) -> None:
    """List users by id, or find them by name."""
    query = {"q": search} if search else {}
    found = list(_host(**where).pages(USERS, "users", limit, **query))
    _show({"users": found}, as_json, lambda: display.users(found))


@user.command()
@user_argument
@common
def show(user_id: str, as_json: bool, **where: str | None) -> None:
    """Show the profile of a user."""
    found = _host(**where).ask("GET", asking.user(user_id))
    _show(found, as_json, lambda: display.details(found))


@user.command()
@click.argument("user_id", metavar="[ID]", required=False)
@click.option("--name", help="Name that others see.")
@click.option("--email", help="Address for e-mails.")
@click.option("--tz", help="Time zone, such as Europe/Berlin.")
@click.option("--locale", help="Language tag, such as pt-BR.")
@click.option("--avatar", help="URL of a picture.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Change many users instead: one JSON object a line, with `user_id` and what changes; "
    "- reads the standard input.",
)
@common
def put(
    user_id: str | None,
    file: str | None,
    as_json: bool,
    url: str | None,
    config: str | None,
    data_dir: str | None,
    **profile: str | None,
) -> None:
    """Make a user known, or change their profile.

    What is left out stays; an empty text removes the value.
    """
    given = {name: value or None for name, value in profile.items() if value is not None}
    if (user_id is None) == (file is None) or (file and given):
        raise click.UsageError("pass either the id of a user, or --file")
    there = _host(url, config, data_dir)
    if file is not None:
        _put_many(there, _lines(file), as_json)
    else:
        found = there.ask("PUT", asking.user(user_id or ""), given)
        _show(found, as_json, lambda: display.details(found))


@user.command()
@user_argument
@click.option("--add", "added", metavar="ID", multiple=True, help="Make this user a contact.")
@click.option("--remove", "removed", metavar="ID", multiple=True, help="End a contact.")
@limited
@common
def contacts(
    user_id: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    limit: int,
    as_json: bool,
    **where: str | None,
) -> None:
    """Change and list the contacts of a user.

    With LINKUP_CONTACTS=listed, users can find and write to only their contacts.
    """
    there, path = _host(**where), asking.user(user_id, "contacts")
    for other in added:
        there.ask("PUT", asking.user(user_id, "contacts", other))
    for other in removed:
        there.ask("DELETE", asking.user(user_id, "contacts", other))
    found = list(there.pages(path, "contacts", limit))
    _show({"contacts": found}, as_json, lambda: display.contacts(found))


@user.command(short_help="Refuse the tokens that a user has now.")
@user_argument
@common
def disconnect(user_id: str, as_json: bool, **where: str | None) -> None:
    """Refuse the tokens that a user has now, and close their WebSockets."""
    found = _host(**where).ask("POST", asking.user(user_id, "disconnect"))
    _show(found, as_json, lambda: f"{user_id} is disconnected.")


@user.command(short_help="Refuse all tokens of a user, or end that.")
@user_argument
@click.option("--lift", is_flag=True, help="End the ban.")
@common
def ban(user_id: str, lift: bool, as_json: bool, **where: str | None) -> None:
    """Refuse all tokens of a user, and close their WebSockets, until the ban is lifted."""
    found = _host(**where).ask("DELETE" if lift else "PUT", asking.user(user_id, "ban"))
    _show(found, as_json, lambda: f"{user_id} is {'not ' if lift else ''}banned.")


@user.command(short_help="Export everything that is stored of a user.")
@user_argument
@click.option(
    "--output",
    type=click.File("wb"),
    default="-",
    metavar="FILE",
    help="File to write.  [default: the standard output]",
)
@common
def export(user_id: str, output: BinaryIO, as_json: bool, **where: str | None) -> None:
    """Export everything that is stored of a user, as one JSON document."""
    for piece in _host(**where).export(user_id):
        output.write(piece)


@user.command(short_help="Erase a user, with all that they wrote.")
@user_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def erase(user_id: str, yes: bool, as_json: bool, **where: str | None) -> None:
    """Delete the profile, the messages, the files and the notifications of a user.

    The command waits until nothing is left. The id cannot be used again.
    """
    if not yes:
        click.confirm(f"Erase {user_id} and all that they wrote, for ever?", abort=True, err=True)
    found = _host(**where).erase(user_id)
    _show(found, as_json, lambda: f"{user_id} is erased.")


def _host(url: str | None, config: str | None, data_dir: str | None) -> Host:
    return asking.host(settings_of(data_dir, config), url)


def _lines(file: str) -> list[Any]:
    """Raises StartError, naming the line that is no JSON object."""
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    return [
        _object(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()
    ]


def _object(number: int, line: str) -> Any:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StartError(f"line {number} is no JSON object; nothing was sent")
    return found


def _put_many(there: Host, users: Iterable[Any], as_json: bool) -> None:
    """The exit code is 1 if a user was not stored."""
    results = list(there.put_many(list(users)))
    refused = [one for one in results if not one["stored"]]
    for one in refused:
        click.echo(f"linkup: {one['user_id']}: {one['error']['message']}", err=True)
    stored = len(results) - len(refused)
    _show({"results": results}, as_json, lambda: f"{stored} of {len(results)} users are stored.")
    if refused:
        raise click.exceptions.Exit(1)


def _show(answer: Any, as_json: bool, shown: Callable[[], Any]) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        Console().print(shown(), markup=False, highlight=False)
