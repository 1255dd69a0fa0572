"""Owns a user's notifications: those that arrive live, and what is asked about them over HTTP."""

import uuid
from collections.abc import Callable, Iterable
from urllib.parse import quote, urlencode

from msgspec import UNSET, UnsetType

from linkup_client import frames
from linkup_client.http import Http
from linkup_client.notification import (
    DeliveredNotification,
    Digest,
    Notification,
    NotificationEvent,
    NotificationPage,
    Preferences,
    PreferencesChange,
    QuietHours,
    ReadAll,
    ReadAnswer,
    TypePreference,
)

OnNotification = Callable[[NotificationEvent], None]


class Notifications:
    """The notifications of the user. Whatever asks the server raises RequestFailed."""

    def __init__(self, http: Http, send: Callable[[bytes], None]) -> None:
        self._http = http
        self._send = send
        self._listener: OnNotification | None = None
        self.unread: int | None = None  # None until the server has said it

    def listen(self, on_notification: OnNotification) -> None:
        """Have `on_notification` called with each Notification, BadgeUpdate, NotificationRead and
        NotificationsRead that arrives from now on.

        They are not kept for a client that is away: read the list after a reconnect. When it has
        returned for a Notification, the server learns that this device has received that.
        """
        self._listener = on_notification

    async def page(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        unread_only: bool = False,
        notification_type: str | None = None,
    ) -> NotificationPage:
        """Get a page of the list, latest first. `before`: the `next` of the page before."""
        asked = {
            "limit": limit,
            "before": before,
            "unread_only": "true" if unread_only else None,
            "notification_type": notification_type,
        }
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        target = f"/v1/notifications?{query}".rstrip("?")
        page = await self._http.ask("GET", target, None, NotificationPage)
        self.unread = page.unread_count
        return page

    async def read(self, notification_id: str) -> ReadAnswer:
        """Mark a notification as read."""
        target = f"/v1/notifications/{quote(notification_id, safe='')}/read"
        return self._counted(await self._http.ask("POST", target, None, ReadAnswer))

    async def read_all(
        self, *, notification_type: str | None = None, up_to: str | None = None
    ) -> ReadAnswer:
        """Mark all as read, or those of a type; with `up_to`, only this one and older ones."""
        which = ReadAll(notification_type=notification_type, up_to=up_to)
        target = "/v1/notifications/read-all"
        return self._counted(await self._http.ask("POST", target, which, ReadAnswer))

    async def preferences(self) -> Preferences:
        return await self._http.ask("GET", "/v1/notification-preferences", None, Preferences)

    async def put_preferences(
        self,
        *,
        types: Iterable[TypePreference] = (),
        quiet_hours: QuietHours | UnsetType | None = UNSET,
        time_zone: str | UnsetType | None = UNSET,
        digest: Digest | UnsetType = UNSET,
    ) -> Preferences:
        """Change some of them; what is left out stays. None ends the quiet hours, or takes the
        time zone of the profile."""
        change = PreferencesChange(
            types=list(types), quiet_hours=quiet_hours, time_zone=time_zone, digest=digest
        )
        return await self._http.ask("PUT", "/v1/notification-preferences", change, Preferences)

    def on_frame(self, frame: NotificationEvent) -> None:
        if not isinstance(frame, Notification):
            self.unread = frame.unread_count
        if self._listener is None:
            return
        self._listener(frame)
        if isinstance(frame, Notification):
            self._confirm(frame.notification_id)

    def _confirm(self, notification_id: str) -> None:
        """Nothing depends on the answer, which its `client_id` keeps apart from others."""
        told = DeliveredNotification(notification_id=notification_id, client_id=uuid.uuid4().hex)
        self._send(frames.encode(told))

    def _counted(self, read: ReadAnswer) -> ReadAnswer:
        self.unread = read.unread_count
        return read
