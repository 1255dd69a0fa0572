"""Owns `linkup notify-test`: sends notifications to a user, and tells what becomes of them."""

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import click
from msgspec import Struct

from linkup.installation.notify import ask_over
from linkup.installation.terminal import print_json
from linkup.installation.wire import connected
from linkup.options import config_option, data_dir_option, settings_of
from shared.bus import Bus
from shared.commands import (
    Announce,
    AnnounceAnswer,
    Preferences,
    PreferencesAnswer,
    Reach,
    ReachAnswer,
    TypePreference,
)
from shared.errors import StartError
from shared.frames import Priority
from shared.settings import Settings

Channel = Literal["realtime", "push", "email"]

CHANNELS = get_args(Channel)
MOST = 100
HINDRANCES = {
    ("push", "nowhere"): "no browser of the user is subscribed",
    ("email", "nowhere"): "the user has no e-mail address",
    ("email", "bad_address"): "the e-mail address of the user cannot be used",
    ("email", "suppressed"): "mail servers have refused the e-mail address of the user",
}


class Tested(Struct, frozen=True, kw_only=True):
    """The result of a test. `channels` are those that bring this type of notification to the user,
    besides the list. `hindered` says why those that the user prefers as well do not."""

    user_id: str
    notification_type: str
    notification_ids: list[str]
    channels: list[str]
    hindered: dict[str, str]


@click.command(name="notify-test")
@click.argument("user_id", metavar="USER")
@click.option(
    "--type", "kind", default="system_announcement", show_default=True, help="Notification type."
)
@click.option(
    "--channel",
    type=click.Choice(CHANNELS),
    help="Fail if this channel does not bring such notifications to the user.",
)
@click.option(
    "--count",
    type=click.IntRange(1, MOST),
    default=1,
    show_default=True,
    help="Number of notifications.",
)
@click.option(
    "--priority",
    type=click.Choice(get_args(Priority)),
    default="normal",
    show_default=True,
    help="Priority of the notifications.",
)
@data_dir_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def notify_test(
    user_id: str,
    kind: str,
    channel: Channel | None,
    count: int,
    priority: Priority,
    data_dir: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Send test notifications to a user.

    They are real: they appear in the user's list, and are pushed and mailed like all others, as the
    user prefers. The command prints the channels that bring them, and why others do not. Nothing is
    sent to a user who is banned.
    """
    settings = settings_of(data_dir, config)
    done = asyncio.run(tested(settings, user_id, kind, channel, count, priority))
    if as_json:
        print_json(done)
    else:
        click.echo("\n".join((*done.notification_ids, *_told(done))))


async def tested(
    settings: Settings,
    user_id: str,
    kind: str,
    channel: Channel | None,
    count: int,
    priority: Priority,
) -> Tested:
    """Raises StartError, which says why nothing is sent."""
    async with connected(settings) as wire:
        preference = await _preference(wire, user_id, kind)
        wanted = [name for name in CHANNELS if preference.enabled and getattr(preference, name)]
        if channel is not None and channel not in wanted:
            raise StartError(f"{user_id} has switched off {channel} for {kind}")
        hindered = await _hindered(wire, user_id, wanted)
        if channel in hindered:
            raise StartError(f"{channel} does not reach {user_id}: {hindered[channel]}")
        sent = [await _sent(wire, user_id, kind, priority) for _ in range(count)]
    return Tested(
        user_id=user_id,
        notification_type=kind,
        notification_ids=sent,
        channels=[name for name in wanted if name not in hindered],
        hindered=hindered,
    )


def _told(done: Tested) -> Iterator[str]:
    yield f"In the list, and by {', '.join(done.channels) or 'no channel'}."
    for channel, why in done.hindered.items():
        yield f"Not by {channel}: {why}."


async def _hindered(wire: Bus, user_id: str, wanted: Iterable[str]) -> dict[str, str]:
    """Return why some of these channels do not reach the user. Raises StartError if none does."""
    reach = await ask_over(wire, Reach(user_id=user_id), ReachAnswer)
    if reach.email == "banned":
        raise StartError(
            f"{user_id} is banned, and gets nothing: `linkup user ban {user_id} --lift` ends that"
        )
    reached = {"push": reach.push, "email": reach.email}
    return {
        channel: HINDRANCES[channel, why]
        for channel, why in reached.items()
        if channel in wanted and why != "reached"
    }


async def _preference(wire: Bus, user_id: str, kind: str) -> TypePreference:
    answer = await ask_over(wire, Preferences(user_id=user_id), PreferencesAnswer)
    for one in answer.types:
        if one.notification_type == kind:
            return one
    known = ", ".join(one.notification_type for one in answer.types)
    raise StartError(f"there is no type {kind}; the types are {known}")


async def _sent(wire: Bus, user_id: str, kind: str, priority: Priority) -> str:
    asked = Announce(
        idempotency_key=f"notify-test-{secrets.token_hex(12)}",
        user_ids=[user_id],
        notification_type=kind,
        priority=priority,
        title="Test notification",
        body="Sent by linkup notify-test.",
    )
    [result] = (await ask_over(wire, asked, AnnounceAnswer)).results
    match result.outcome:
        case "accepted":
            return result.notification_id
        case "switched_off":
            raise StartError(f"{user_id} has switched off {kind}")
        case _:
            raise StartError(
                f"there is no user {user_id}: they must have connected once, or be made known with"
                f" PUT /v1/admin/users/{user_id}"
            )
