"""Owns `linkup notifications`: counts, deletion, and deliveries that failed or may have."""

import click
from rich.console import Console

from linkup.installation.notify import answer
from linkup.installation.terminal import print_json
from linkup.notifications.display import counts, deliveries
from linkup.options import common, settings_of
from shared.commands import (
    CleanAnswer,
    CleanNotices,
    DeadAnswer,
    DeadDeliveries,
    NotifyStats,
    NotifyStatsAnswer,
    RetryAnswer,
    RetryDeliveries,
    SendDigests,
    SendDigestsAnswer,
)

DAY = 86_400
MOST = 500
CLEANUP_TIMEOUT = 600.0  # seconds: it gives way to all else


@click.group()
def notifications() -> None:
    """Show and manage the notifications of all users."""


@notifications.command(short_help="Count notifications, e-mails and pushes.")
@common
def stats(data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Count notifications by type, and e-mails and pushes by state and reason.

    Also counts the browsers that are subscribed to web push, and the addresses that get no e-mail
    because mail servers refuse them.
    """
    found = answer(settings_of(data_dir, config), NotifyStats(), NotifyStatsAnswer)
    if as_json:
        print_json(found)
    else:
        Console().print(counts(found))


@notifications.command(short_help="Delete old notifications, e-mails, pushes and dead letters.")
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    help="Days to keep.  [default: LINKUP_NOTIFICATION_KEEP]",
)
@common
def cleanup(days: float | None, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Delete notifications that were read more than --days ago, the records of e-mails and pushes
    that ended more than --days ago, and the dead letters of webhooks that are older.

    Unread notifications are kept for at least 180 days, and the idempotency keys of the host app
    for at least 7 days. Notify does the same by itself every six hours, with the default.
    """
    keep = settings_of(data_dir, config).notification_keep if days is None else days * DAY
    if not keep:
        raise click.UsageError("LINKUP_NOTIFICATION_KEEP is 0, so all is kept: pass --days")
    asked = CleanNotices(keep=keep)
    done = answer(settings_of(data_dir, config), asked, CleanAnswer, CLEANUP_TIMEOUT)
    if as_json:
        print_json(done)
    else:
        click.echo(
            f"Deleted {done.items} notifications, {done.deliveries} deliveries, the keys of"
            f" {done.keys} announcements and {done.dead_letters} dead letters of webhooks."
        )


@notifications.command(short_help="Send the waiting digests now.")
@click.option("--user", default="", metavar="USER", help="Send only the digest of this user.")
@common
def digest(user: str, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Send the digests that wait for the end of their hour, day or week.

    They are sent at once, except to users who are in their quiet hours, to whom they are sent when
    these end.
    """
    done = answer(settings_of(data_dir, config), SendDigests(user_id=user), SendDigestsAnswer)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{done.count} digests are due now.")


@notifications.command(short_help="List e-mails and pushes that failed or may have failed.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=50,
    show_default=True,
    help="Maximum number of e-mails and pushes.",
)
@common
def dead(limit: int, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """List the e-mails and pushes that failed or may have failed, latest first.

    Those in the state `failed` did not arrive. Those in the state `unknown` may have arrived, so
    they are never sent again.
    """
    found = answer(settings_of(data_dir, config), DeadDeliveries(limit=limit), DeadAnswer)
    if as_json:
        print_json(found)
    else:
        Console().print(deliveries(found.deliveries))


@notifications.command(short_help="Try again e-mails and pushes that failed.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "is_all", is_flag=True, help="Try all that failed, at most 500 at a time.")
@common
def retry(
    ids: tuple[str, ...], is_all: bool, data_dir: str | None, config: str | None, as_json: bool
) -> None:
    """Try again e-mails and pushes that failed; `linkup notifications dead` lists them.

    An e-mail or push is not tried again if it may have arrived, or if a later one has shown the
    same messages or is about to. A digest is not tried again as a whole: the e-mails that it stood
    for are listed, too, and can be tried again. The exit code is 1 if none of those that are named
    is tried again.
    """
    if bool(ids) == is_all:
        raise click.UsageError("name e-mails or pushes by their ids, or pass --all")
    done = answer(
        settings_of(data_dir, config), RetryDeliveries(delivery_ids=list(ids)), RetryAnswer
    )
    if as_json:
        print_json(done)
    else:
        click.echo("\n".join((*done.delivery_ids, f"{len(done.delivery_ids)} are due now.")))
    if ids and not done.delivery_ids:
        raise click.exceptions.Exit(1)
