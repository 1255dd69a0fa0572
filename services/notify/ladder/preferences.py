"""Owns the channels of each type of notification: built in, a deployment's, and a user's choice.

The table of types is the one place that says which there are, and in which order they are shown.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo

from msgspec import UNSET, Struct
from msgspec.structs import replace

from services.notify.ladder.delivery import Channel
from shared.commands import PreferencesAnswer, PutPreferences, QuietHours, TypePreference
from shared.errors import InvalidRequest, SettingError
from shared.frames.fields import NOTIFICATION_TYPES, Digest

Table = Mapping[str, TypePreference]  # the defaults, by type

TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z")
LISTED, SEEN, TOLD, ALL = "none", "realtime", "realtime+push", "realtime+push+email"

BUILT_IN = {
    "connection_request": ALL,
    "connection_accepted": TOLD,
    "connection_rejected": LISTED,
    "new_message": ALL,
    "message_delivered": SEEN,
    "message_read": SEEN,
    "job_application": ALL,
    "application_status": ALL,
    "new_job_posted": TOLD,
    "post_liked": SEEN,
    "post_commented": TOLD,
    "post_shared": SEEN,
    "mention": ALL,
    "new_follower": SEEN,
    "follow_accepted": SEEN,
    "system_announcement": ALL,
    "security_alert": ALL,
}


class Chosen(Struct, frozen=True, kw_only=True):
    """A user's own choices; what was never chosen is as the table has it."""

    user_id: str
    types: dict[str, TypePreference] = {}
    quiet_hours: QuietHours | None = None
    time_zone: str | None = None
    digest: Digest = "off"


class Preferences(Struct, frozen=True, kw_only=True):
    """A user's preferences, by the clock of `zone`."""

    types: Table
    quiet_hours: QuietHours | None = None
    digest: Digest = "off"
    zone: tzinfo = UTC

    def brings(self, notification_type: str, channel: Channel) -> bool:
        """Return whether the channel is on; a type that the deployment has dropped passes."""
        chosen = self.types.get(notification_type)
        if chosen is None:
            return True
        return chosen.enabled and (chosen.email if channel == "email" else chosen.push)


def resolved(known: Table, chosen: Chosen, zone: tzinfo = UTC) -> Preferences:
    return Preferences(
        types={**known, **chosen.types},
        quiet_hours=chosen.quiet_hours,
        digest=chosen.digest,
        zone=zone,
    )


def preference(known: Table, chosen: Chosen | None, kind: str) -> TypePreference:
    """Return a user's preference for a type. `chosen` is None if they have chosen nothing."""
    own = chosen.types.get(kind) if chosen else None
    return own or known.get(kind) or TypePreference(notification_type=kind)


def table(types: Iterable[str], defaults: Iterable[str]) -> Table:
    """The types there are, with the deployment's own after the built-in ones.

    `defaults`: as LINKUP_NOTIFICATION_DEFAULTS has them. Raises SettingError.
    """
    names = dict.fromkeys((*NOTIFICATION_TYPES, *types))
    found = {name: _preference(name, BUILT_IN.get(name, ALL)) for name in names}
    for name, _, channels in (entry.partition("=") for entry in defaults):
        if name not in found:
            raise SettingError(
                f"LINKUP_NOTIFICATION_DEFAULTS={name}={channels}: there is no type {name}; "
                "name it in LINKUP_NOTIFICATION_TYPES first"
            )
        found[name] = _preference(name, channels)
    return found


def _preference(name: str, channels: str) -> TypePreference:
    named = channels.split("+")
    return TypePreference(
        notification_type=name,
        enabled=channels != "off",
        realtime="realtime" in named,
        push="push" in named,
        email="email" in named,
    )


def shown(known: Table, chosen: Chosen) -> PreferencesAnswer:
    """All there is to choose from; a type that the deployment has dropped is left out."""
    return PreferencesAnswer(
        types=[chosen.types.get(name, usual) for name, usual in known.items()],
        quiet_hours=chosen.quiet_hours,
        time_zone=chosen.time_zone,
        digest=chosen.digest,
    )


def changed(chosen: Chosen, asked: PutPreferences) -> Chosen:
    """Return the choices with the changes of `asked`; a field that is UNSET stays."""
    types = {one.notification_type: one for one in asked.types}
    fields = {name: getattr(asked, name) for name in ("quiet_hours", "time_zone", "digest")}
    given = {name: value for name, value in fields.items() if value is not UNSET}
    return replace(chosen, types={**chosen.types, **types}, **given)


def check_type(known: Table, name: str, field: str = "notification_type") -> None:
    """Raises InvalidRequest for a type that does not exist."""
    if name not in known:
        raise InvalidRequest(f"`{field}`: there is no type {name!r}", field=field)


def check(known: Table, asked: PutPreferences) -> None:
    """Raises InvalidRequest, which names the field. The time zone, whose names are files, is left
    to whoever may read files."""
    for number, one in enumerate(asked.types):
        check_type(known, one.notification_type, f"types[{number}].notification_type")
    if isinstance(asked.quiet_hours, QuietHours):
        for name in ("start", "end"):
            if not TIME.match(getattr(asked.quiet_hours, name)):
                field = f"quiet_hours.{name}"
                raise InvalidRequest(f"`{field}` must be HH:MM, from 00:00 to 23:59", field=field)
