"""Owns the routes of a user's notifications and preferences."""

from dataclasses import dataclass

from msgspec import UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, converted, flag, integer, sought
from services.gateway.api.response import as_json
from services.gateway.auth import Identity
from services.gateway.auth.profile import check_zone
from services.gateway.contract import Endpoints
from services.gateway.upstream.notices import Notices
from shared import api, commands, frames
from shared.commands import (
    NoticesAnswer,
    PreferencesAnswer,
    PutPreferences,
    ReadAnswer,
    ReadNotice,
    ReadNotices,
)
from shared.frames import NOTIFICATIONS_LIMIT, NotificationId, NotificationMark, NotificationType


@dataclass(slots=True, frozen=True)
class Notifications:
    notices: Notices

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/notifications": self.page,
            "POST /v1/notifications/{notification_id}/read": self.read,
            "POST /v1/notifications/read-all": self.read_all,
            "GET /v1/notification-preferences": self.preferences,
            "PUT /v1/notification-preferences": self.put_preferences,
        }

    async def page(self, request: Request, identity: Identity) -> Response:
        asked = commands.Notices(
            user_id=identity.user_id,
            limit=integer(request, "limit", most=100) or NOTIFICATIONS_LIMIT,
            before=_given(request, "before", NotificationMark),
            unread_only=flag(request, "unread_only") or False,
            notification_type=_given(request, "notification_type", NotificationType),
        )
        page = await self.notices.ask(asked, NoticesAnswer)
        answer = api.NotificationsAnswer(
            notifications=[commands.notification(notice) for notice in page.notices],
            next=page.next or None,
            unread_count=page.unread_count,
        )
        return as_json(answer)

    async def read(self, request: Request, identity: Identity) -> Response:
        asked = ReadNotice(user_id=identity.user_id, notification_id=_notification_id(request))
        return _shown_read(await self.notices.ask(asked, ReadAnswer))

    async def read_all(self, request: Request, identity: Identity) -> Response:
        what = await body(request, api.ReadAllRequest)
        asked = ReadNotices(
            user_id=identity.user_id,
            notification_type=what.notification_type or "",
            up_to=what.up_to or "",
        )
        return _shown_read(await self.notices.ask(asked, ReadAnswer))

    async def preferences(self, request: Request, identity: Identity) -> Response:
        asked = commands.Preferences(user_id=identity.user_id)
        return _shown(await self.notices.ask(asked, PreferencesAnswer))

    async def put_preferences(self, request: Request, identity: Identity) -> Response:
        wanted = await body(request, api.PreferencesRequest)
        check_zone(wanted.time_zone, "time_zone")
        asked = PutPreferences(
            user_id=identity.user_id,
            types=[_wanted_type(one) for one in wanted.types],
            quiet_hours=_hours(wanted.quiet_hours),
            time_zone=wanted.time_zone,
            digest=wanted.digest,
        )
        return _shown(await self.notices.ask(asked, PreferencesAnswer))


def _given(request: Request, name: str, kind: object) -> str:
    """Return a query parameter of that kind, empty without it. Raises InvalidRequest."""
    text = request.query_params.get(name)
    return "" if text is None else str(converted(text, kind, f"`{name}`"))


def _notification_id(request: Request) -> str:
    """Return the id in the path. Raises NotFound for a text that cannot be an id."""
    return sought(request, "notification_id", NotificationId, "notification")


def _shown_read(read: ReadAnswer) -> Response:
    answer = api.NotificationsReadAnswer(
        count=read.count, unread_count=read.unread_count, read_at=frames.time_of(read.at)
    )
    return as_json(answer)


def _shown(found: PreferencesAnswer) -> Response:
    return as_json(shown_preferences(found))


def shown_preferences(found: PreferencesAnswer) -> api.PreferencesAnswer:
    hours = found.quiet_hours
    return api.PreferencesAnswer(
        types=[_type(one) for one in found.types],
        quiet_hours=None if hours is None else api.QuietHours(start=hours.start, end=hours.end),
        time_zone=found.time_zone,
        digest=found.digest,
    )


def _type(one: commands.TypePreference) -> api.TypePreference:
    return api.TypePreference(
        notification_type=one.notification_type,
        enabled=one.enabled,
        realtime=one.realtime,
        push=one.push,
        email=one.email,
    )


def _wanted_type(one: api.TypePreference) -> commands.TypePreference:
    return commands.TypePreference(
        notification_type=one.notification_type,
        enabled=one.enabled,
        realtime=one.realtime,
        push=one.push,
        email=one.email,
    )


def _hours(hours: api.QuietHours | UnsetType | None) -> commands.QuietHours | UnsetType | None:
    if isinstance(hours, api.QuietHours):
        return commands.QuietHours(start=hours.start, end=hours.end)
    return hours
