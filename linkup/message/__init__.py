"""Owns `linkup message`: prints the steps of a message, known to persistence and notify."""

import asyncio

import click

from linkup.installation.terminal import print_json
from linkup.installation.wire import connected
from linkup.message.way import lines
from linkup.options import config_option, data_dir_option, settings_of
from shared import api, subjects
from shared.bus import Bus
from shared.commands import (
    NotificationState,
    NotificationTrace,
    NotificationTraceAnswer,
    Trace,
    TraceAnswer,
    encode,
    open_answer,
)
from shared.errors import LinkupError, NotFound, StartError, Unavailable, visible
from shared.settings import Settings
from shared.trace import trace

TIMEOUT = 5.0


@click.command(short_help="Print the steps of a message with their times.")
@click.argument("message_id", type=click.IntRange(min=1))
@data_dir_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def message(message_id: int, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Print the steps of a message with their times, without its text."""
    settings = settings_of(data_dir, config)
    found = asyncio.run(traced(settings, message_id))
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(map(visible, lines(found))))


async def traced(settings: Settings, message_id: int) -> api.TraceAnswer:
    """Raises StartError when there is no such message or nobody to ask."""
    async with connected(settings) as wire:
        found = await _stored(wire, message_id)
        return trace(found, await _notifications(wire, found))


async def _stored(wire: Bus, message_id: int) -> TraceAnswer:
    asked = encode(Trace(message_id=message_id))
    try:
        answer = await wire.request(subjects.query("trace"), asked, TIMEOUT)
        return open_answer(answer, TraceAnswer)
    except NotFound:
        raise StartError(f"there is no message {message_id}") from None
    except LinkupError as error:
        raise StartError(f"persistence does not tell: {error}; see its /readyz") from None


async def _notifications(wire: Bus, found: TraceAnswer) -> list[NotificationState] | None:
    """None when notify does not answer."""
    asked = NotificationTrace(
        conversation_id=found.conversation_id, seq=found.seq, user_ids=found.user_ids
    )
    try:
        answer = await wire.request(subjects.notify("trace"), encode(asked), TIMEOUT)
        return open_answer(answer, NotificationTraceAnswer).notifications
    except Unavailable:
        return None
