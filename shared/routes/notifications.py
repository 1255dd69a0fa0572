"""Owns the table of the routes of notifications, preferences and web push."""

from shared import api
from shared.errors import NotFound, Unsupported
from shared.frames import NOTIFICATIONS_LIMIT, NotificationMark, NotificationType
from shared.route import Answer, Parameter, Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/notifications",
        summary="List your notifications, latest first.",
        query=(
            Parameter("limit", api.PageSize, "The maximum number of results.", NOTIFICATIONS_LIMIT),
            Parameter("before", NotificationMark, "The value of `next` on the previous page."),
            Parameter("unread_only", bool, "Return only unread notifications."),
            Parameter(
                "notification_type", NotificationType, "Return only notifications of this type."
            ),
        ),
        answers=(Answer(200, api.NotificationsAnswer, "A page of notifications."),),
    ),
    Route(
        method="POST",
        path="/v1/notifications/{notification_id}/read",
        summary="Mark a notification as read, as a `mark_read` frame does.",
        answers=(Answer(200, api.NotificationsReadAnswer, "The notification is read."),),
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/notifications/read-all",
        summary="Mark all notifications as read, as a `mark_all_read` frame does.",
        body=api.ReadAllRequest,
        answers=(Answer(200, api.NotificationsReadAnswer, "The notifications are read."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/notification-preferences",
        summary="Get your preferences for notifications.",
        answers=(Answer(200, api.PreferencesAnswer, "The preferences."),),
    ),
    Route(
        method="PUT",
        path="/v1/notification-preferences",
        summary="Change your preferences for notifications. What is left out stays.",
        body=api.PreferencesRequest,
        answers=(Answer(200, api.PreferencesAnswer, "The updated preferences."),),
    ),
    Route(
        method="GET",
        path="/v1/push-key",
        summary="Get the public key with which a browser subscribes to web push.",
        answers=(Answer(200, api.PushKeyView, "The key, or an empty text if web push is off."),),
    ),
    Route(
        method="POST",
        path="/v1/push-subscriptions",
        summary="Send your notifications to a browser by web push.",
        rule="`endpoint` must be a public `https` address, as browsers return it. A user may have "
        "20 subscriptions; a further one replaces the oldest.",
        body=api.PushSubscribeRequest,
        answers=(
            Answer(204, None, "The subscription is stored. It replaces one with this endpoint."),
        ),
        errors=(Unsupported,),
    ),
    Route(
        method="DELETE",
        path="/v1/push-subscriptions",
        summary="Stop web push to a browser. The body names it by its endpoint.",
        body=api.PushUnsubscribeRequest,
        answers=(Answer(204, None, "There is no such subscription of yours any more."),),
    ),
)
