"""Owns `linkup webhooks`: the state of webhooks, their dead letters, and test events."""

import click
from rich.console import Console

from linkup.installation.notify import answer
from linkup.installation.terminal import print_json
from linkup.options import common, settings_of
from linkup.webhooks.display import dead_letters, states
from shared.commands import (
    DeadEvents,
    DeadEventsAnswer,
    ReplayEvents,
    ReplayEventsAnswer,
    TriedWebhook,
    TryWebhook,
    Webhooks,
    WebhooksAnswer,
)

MOST = 500
TEST_TIMEOUT = 30.0  # seconds: longer than a request to a webhook may take


@click.group()
def webhooks() -> None:
    """Show webhooks, and send again what they did not accept."""


@webhooks.command("list")
@click.argument("webhook", default="", metavar="[WEBHOOK]")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=50,
    show_default=True,
    help="Maximum number of dead letters.",
)
@common
def list_webhooks(
    webhook: str, limit: int, data_dir: str | None, config: str | None, as_json: bool
) -> None:
    """List all webhooks, or show one with its dead letters.

    A dead letter is an event that was given up, because the webhook did not accept it for three
    days (LINKUP_WEBHOOK_RETRY_FOR), or answered 410 to this event or to another one while this one
    waited.
    """
    found = answer(settings_of(data_dir, config), Webhooks(webhook_id=webhook), WebhooksAnswer)
    dead = None
    if webhook:
        asked = DeadEvents(webhook_id=webhook, limit=limit)
        dead = answer(settings_of(data_dir, config), asked, DeadEventsAnswer).events
    if as_json:
        print_json({"webhooks": found.webhooks} | ({} if dead is None else {"dead": dead}))
        return
    Console().print(states(found.webhooks))
    if dead is not None:
        Console().print(dead_letters(dead))


@webhooks.command(short_help="Send dead letters again.")
@click.argument("webhook")
@click.argument("ids", nargs=-1, metavar="[EVENT]...")
@click.option("--all", "is_all", is_flag=True, help="Send all dead letters of the webhook again.")
@common
def replay(
    webhook: str,
    ids: tuple[str, ...],
    is_all: bool,
    data_dir: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Send dead letters again; `linkup webhooks list WEBHOOK` lists them.

    They keep their ids, and are sent before other events of the same conversation that wait. The
    exit code is 1 if none of the events is a dead letter.
    """
    if bool(ids) == is_all:
        raise click.UsageError("name events, or pass --all")
    asked = ReplayEvents(webhook_id=webhook, event_ids=list(ids))
    done = answer(settings_of(data_dir, config), asked, ReplayEventsAnswer)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{done.count} events are sent again.")
    if ids and not done.count:
        raise click.exceptions.Exit(1)


@webhooks.command(short_help="Send an event of the type webhook.test.")
@click.argument("webhook")
@common
def test(webhook: str, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Send an event of the type `webhook.test` to a webhook, and tell how it is answered.

    It is sent once, also if the webhook is switched off. The exit code is 1 if it is not accepted.
    """
    told = answer(
        settings_of(data_dir, config), TryWebhook(webhook_id=webhook), TriedWebhook, TEST_TIMEOUT
    )
    if as_json:
        print_json(told)
    else:
        outcome = f"not accepted: {told.reason}" if told.reason else "accepted"
        click.echo(f"{told.event_id}: {outcome} after {told.took_ms} ms")
    if told.reason:
        raise click.exceptions.Exit(1)
