"""Owns `linkup load`: the command, and its report in words or JSON."""

import asyncio
import sys
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from linkup.calls import CallFailed
from linkup.installation.terminal import show_progress
from linkup.installation.tokens import Tokens, Unusable
from linkup.load import cpu, replay, running
from linkup.load.joining import LoadFailed, socket_url
from linkup.load.report import in_words
from linkup.load.running import Plan
from linkup.options import (
    Misused,
    audience_option,
    issuer_option,
    secret_option,
    server_argument,
    token_command_option,
)
from shared.reserved import PREFIX


def _pids(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, int]:
    pids = {}
    for value in values:
        name, _, pid = value.rpartition("=")
        if not pid.isdecimal():
            raise click.BadParameter(f"{value}: write name=pid")
        pids[name or pid] = int(pid)
    return pids


@click.command("load")
@server_argument
@click.option(
    "--pairs",
    default=100,
    show_default=True,
    type=click.IntRange(1, 20_000),
    help="Number of pairs: one user sends, the other receives.",
)
@click.option(
    "--window",
    default=8,
    show_default=True,
    type=click.IntRange(1, 1_000),
    help="Messages that each sender has in flight.",
)
@click.option(
    "--rate",
    default=0.0,
    type=click.FloatRange(0),
    help="Send this many messages a second in total instead of keeping --window in flight. "
    "Latency counts from the moment when a message is due.",
)
@click.option(
    "--seconds",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.1),
    help="Duration of the measurement.",
)
@click.option(
    "--warmup",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds of load before the measurement.",
)
@click.option(
    "--size",
    default=120,
    show_default=True,
    type=click.IntRange(40, 5_000),
    help="Characters in each message.",
)
@click.option(
    "--typists",
    default=0,
    show_default=True,
    type=click.IntRange(0, 20_000),
    help="Number of users who only type. They type half of the time, and the report compares the "
    "latency of acks with and without them.",
)
@secret_option
@audience_option
@issuer_option
@token_command_option
@click.option(
    "--pid",
    "pids",
    multiple=True,
    callback=_pids,
    metavar="NAME=PID",
    help="A server process whose CPU time to report. Local processes are found without it.",
)
@click.option(
    "--replay",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead of a load, send the conversation in FILE and read it back. Each line is a JSON "
    "object with `from`, `to` and `content`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def load(
    url: str,
    pairs: int,
    window: int,
    rate: float,
    seconds: float,
    warmup: float,
    size: int,
    typists: int,
    secret: str,
    audience: str,
    issuer: str,
    token_command: str,
    pids: dict[str, int],
    file: Path | None,
    as_json: bool,
) -> None:
    """Put load on a server and check every message.

    URL is the address of a gateway, by default http://127.0.0.1:8000.

    The exit code is 0 if all messages arrived once and in order, 1 if one was lost, doubled,
    changed or out of order, and 2 if the server cannot be used: nothing answers at URL, it refuses
    the tokens, or it limits demo logins.
    """
    tokens = Tokens(url, secret, audience, issuer, token_command)
    try:
        if file is not None:
            replayed = asyncio.run(replay.run(socket_url(url), url, tokens, file, show_progress))
            _tell(replayed, replay.in_words(replayed), replayed.sound, as_json)
        else:
            tokens.check(f"{PREFIX}load-first")
            plan = Plan(
                url=url,
                pairs=pairs,
                window=window,
                rate=rate,
                seconds=seconds,
                warmup=warmup,
                size=size,
                typists=typists,
                pids=pids or cpu.server_pids(url),
            )
            report = asyncio.run(running.run(plan, tokens, show_progress))
            _tell(report, in_words(report), report.sound, as_json)
    except Unusable as fault:
        show_progress("")
        raise Misused(str(fault)) from None
    except (LoadFailed, CallFailed, replay.ReplayFailed) as fault:
        show_progress("")
        raise click.ClickException(str(fault)) from None


def _tell(report: Struct, text: str, sound: bool, as_json: bool) -> None:
    show_progress("")
    click.echo(msgspec.json.encode(report).decode() if as_json else text)
    if not sound:
        sys.exit(1)
