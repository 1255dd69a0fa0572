"""Owns `linkup doctor`, which checks all dependencies and names a remedy for each fault."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from linkup.doctor import bundle, choices, machine, mail, sending, services, wire
from linkup.doctor.seen import Seen, look
from linkup.doctor.verdict import Verdict, failed
from linkup.installation.terminal import print_json
from linkup.installation.wire import quiet
from linkup.options import (
    chosen_of,
    config_option,
    data_dir_option,
    settings_of,
    token_command_option,
)
from shared.errors import SettingError
from shared.settings import Settings

SIGNS = {
    "pass": ("✓", "green"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "red"),
    "skip": ("-", "dim"),
}
FIX = "Correct it: `linkup config` prints what is in force."


@click.command(short_help="Check everything that LinkUp depends on.")
@data_dir_option
@click.option(
    "--url", default="", metavar="URL", help="URL of a gateway not started by `linkup run`."
)
@click.option("--send", is_flag=True, help="Also send a message between two reserved users.")
@token_command_option
@click.option(
    "--bundle",
    "report",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write a zip file for a bug report, without secrets, messages and e-mail addresses. If "
    "FILE is -, it is written to stdout, and the checks to stderr.",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(
    ctx: click.Context,
    data_dir: str | None,
    url: str,
    send: bool,
    token_command: str,
    report: Path | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Check the settings, the machine, the bus, the services and the mail server.

    LinkUp may be running or stopped; the report names the checks that need it running. With --send,
    one reserved user sends a message to another, and no e-mail is sent. The exit code is 1 if a
    check failed, and 0 otherwise.
    """
    try:
        settings = settings_of(data_dir, config)
        chosen = chosen_of(data_dir, config)
    except SettingError as error:
        seen, found = Seen(settings=Settings(), where=None), [failed("settings", str(error), FIX)]
    else:
        with quiet():
            seen, found = asyncio.run(examined(settings, url, send, token_command, chosen))
    if report is not None:
        bundle.write(report, seen, found)
    _show(found, as_json, aside=report == bundle.STDOUT)
    if any(one.status == "fail" for one in found):
        ctx.exit(1)


async def examined(
    settings: Settings,
    url: str,
    send: bool,
    command: str = "",
    chosen: frozenset[str] = frozenset(),
) -> tuple[Seen, list[Verdict]]:
    """Run all checks at the same time, each with a time limit, so that none delays the others."""
    async with asyncio.TaskGroup() as tasks:
        schema = tasks.create_task(services.schema(settings))
        smtp = tasks.create_task(mail.smtp(settings))
        seen = msgspec.structs.replace(await look(settings, url), chosen=chosen)
        sent = tasks.create_task(sending.sent(seen, command)) if send else None
        own = [*choices.checks(seen), *machine.checks(seen)]
        bus, running = await asyncio.gather(wire.checks(seen), services.checks(seen))
    last = [sent.result()] if sent else []
    return seen, [*own, *bus, schema.result(), *running, smtp.result(), *last]


def _show(found: Sequence[Verdict], as_json: bool, aside: bool) -> None:
    """Print the results. `aside`: to stderr."""
    if as_json:
        healthy = all(one.status != "fail" for one in found)
        told = {"healthy": healthy, "checks": found}
        print_json(told, aside)
        return
    console = Console(stderr=aside, highlight=False, soft_wrap=True)
    for one in found:
        sign, style = SIGNS[one.status]
        console.print(Text.assemble((f"{sign} ", style), f"{one.check:<12} ", one.value))
        if one.fix:
            console.print(Text(f"    → {one.fix}", style=style))
