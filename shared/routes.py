"""Owns the table of HTTP routes. The gateway serves nothing else.

The gateway binds its endpoints to this table, and the documents are generated from it. A route that
is served but not listed, or listed but not served, makes the gateway unready.
"""

from typing import Any

from shared import api
from shared.errors import (
    ClientIdConflict,
    EditWindowClosed,
    Forbidden,
    NotFound,
    OutOfOrder,
    RateLimited,
    ResyncRequired,
    TooLarge,
    Unauthorized,
    Unsupported,
)
from shared.frames import (
    NOTIFICATIONS_LIMIT,
    Attachment,
    ConversationId,
    Count,
    DeleteMode,
    Epoch,
    FileName,
    NotificationMark,
    NotificationType,
    PositiveInt,
    UserId,
    Words,
)
from shared.health import BareAnswer, LiveAnswer, ReadyAnswer
from shared.route import HEALTH, Answer, Parameter, Route, Socket
from shared.taxonomy import Category, Severity

SOCKETS: tuple[Socket, ...] = (
    Socket(
        "socket",
        "/ws",
        "One user's connection: it takes commands and delivers acks and the user's whole feed.",
    ),
    Socket(
        "chat",
        "/ws/chat/{user_id}/",
        "Like `/ws`, for the direct conversation with one user. A `message` needs no `to`.",
    ),
    Socket(
        "notifications",
        "/ws/notifications/",
        "Like `/ws`, without the events of conversations; for badges and presence.",
    ),
)

LIMIT = Parameter("limit", api.PageSize, "The maximum number of results.", api.DEFAULT_LIMIT)

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/messages",
        summary="Send a message. The body has the fields of a `message` frame, without `type`.",
        body=api.SendRequest,
        answers=(
            Answer(201, api.Sent, "The message is committed and synced to disk."),
            Answer(200, api.Sent, "The message was stored earlier; `duplicate` is true."),
        ),
        errors=(NotFound, ClientIdConflict, OutOfOrder, RateLimited),
    ),
    Route(
        method="PATCH",
        path="/v1/messages/{message_id}",
        summary="Edit a message that you sent, as an `edit_message` frame does.",
        body=api.EditRequest,
        answers=(Answer(204, None, "The message is edited."),),
        errors=(NotFound, Forbidden, EditWindowClosed),
    ),
    Route(
        method="DELETE",
        path="/v1/messages/{message_id}",
        summary="Delete a message, as a `delete_message` frame does. `mode` may be in the body.",
        query=(
            Parameter("mode", DeleteMode, "`me` hides the message from you; `everyone` erases it."),
        ),
        answers=(Answer(204, None, "The message is deleted."),),
        errors=(NotFound, Forbidden, EditWindowClosed),
    ),
    Route(
        method="POST",
        path="/v1/messages/{message_id}/reactions",
        summary="Add or remove a reaction, as a `react` frame does.",
        body=api.ReactRequest,
        answers=(Answer(204, None, "The reaction is added or removed."),),
        errors=(NotFound, TooLarge),
    ),
    Route(
        method="POST",
        path="/v1/messages/delete",
        summary="Delete up to 100 messages.",
        body=api.DeleteRequest,
        answers=(Answer(200, api.DeleteAnswer, "The result for each message."),),
    ),
    Route(
        method="GET",
        path="/v1/messages/{message_id}/receipts",
        summary="List the receipts of a message that you sent, ordered by user id.",
        query=(
            LIMIT,
            Parameter("after", UserId, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.ReceiptsAnswer, "A page of receipts."),),
        errors=(NotFound, Forbidden),
    ),
    Route(
        method="GET",
        path="/v1/messages/{message_id}/timeline",
        summary="List the steps that a message you sent has taken so far.",
        answers=(Answer(200, api.TimelineAnswer, "The steps, in order of time."),),
        errors=(NotFound, Forbidden),
    ),
    Route(
        method="GET",
        path="/v1/conversations",
        summary="List your conversations, latest activity first.",
        query=(
            LIMIT,
            Parameter("before", PositiveInt, "The value of `next` on the previous page."),
            Parameter("peer", UserId, "Return only the direct conversation with this user."),
            Parameter(
                "ids",
                api.ConversationIds,
                "Return only these conversations, including those without messages.",
            ),
        ),
        rule="`peer` cannot be combined with any other parameter, nor `ids` with `limit`.",
        answers=(Answer(200, api.InboxAnswer, "A page of conversations."),),
    ),
    Route(
        method="POST",
        path="/v1/conversations",
        summary="Open the direct conversation with a user, or create a group.",
        rule="Send either `to`, or `title` and `members`.",
        body=api.BeginRequest,
        answers=(
            Answer(201, api.ConversationAnswer, "The conversation is created."),
            Answer(200, api.ConversationAnswer, "The conversation existed already."),
        ),
        errors=(NotFound, ClientIdConflict, TooLarge, RateLimited),
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}",
        summary="Get one conversation.",
        answers=(Answer(200, api.ConversationAnswer, "The conversation."),),
        errors=(NotFound,),
    ),
    Route(
        method="PATCH",
        path="/v1/conversations/{conversation_id}",
        summary="Archive or mute a conversation for yourself, or rename a group for everybody.",
        body=api.ConversationPatch,
        answers=(Answer(200, api.ConversationAnswer, "The updated conversation."),),
        errors=(NotFound, Forbidden, RateLimited),
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}/members",
        summary="List the members of a conversation, ordered by user id.",
        query=(
            LIMIT,
            Parameter("after", UserId, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.MembersAnswer, "A page of members."),),
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}/members",
        summary="Add users to a group. Existing members keep their roles.",
        body=api.AddRequest,
        answers=(Answer(200, api.ConversationAnswer, "The updated group."),),
        errors=(NotFound, Forbidden, TooLarge, RateLimited),
    ),
    Route(
        method="PATCH",
        path="/v1/conversations/{conversation_id}/members/{user_id}",
        summary="Change the role of a group member.",
        body=api.RoleRequest,
        answers=(Answer(204, None, "The role is changed."),),
        errors=(NotFound, Forbidden, RateLimited),
    ),
    Route(
        method="DELETE",
        path="/v1/conversations/{conversation_id}/members/{user_id}",
        summary="Remove a member from a group, or leave it by naming yourself.",
        answers=(Answer(204, None, "The member is removed."),),
        errors=(NotFound, Forbidden, RateLimited),
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}/read",
        summary="Mark a conversation as read up to a message, as a `mark_chat_read` frame does.",
        body=api.ReadRequest,
        answers=(Answer(200, api.ConversationAnswer, "The updated conversation."),),
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}/clear",
        summary="Hide all present messages of a conversation from yourself.",
        answers=(Answer(200, api.ClearAnswer, "The number of messages hidden."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/unread",
        summary="Count unread messages, leaving out muted and archived conversations.",
        answers=(
            Answer(200, api.UnreadAnswer, "The totals, and previews of the latest messages."),
        ),
    ),
    Route(
        method="GET",
        path="/v1/search",
        limit="search",
        summary="Search messages that contain all given words, newest first.",
        query=(
            Parameter(
                "q", Words, "The words to find. The last one may be a prefix.", required=True
            ),
            Parameter("conversation_id", ConversationId, "Search only this conversation."),
            LIMIT,
            Parameter("before", PositiveInt, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.SearchAnswer, "A page of messages."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/sync",
        summary="Read the feed after a cursor. Without a cursor, get the current one.",
        query=(
            LIMIT,
            Parameter("epoch", Epoch, "The epoch that came with the cursor."),
            Parameter("cursor", Count, "The cursor of the last frame that you processed."),
        ),
        answers=(Answer(200, api.SyncAnswer, "A page of frames."),),
        errors=(ResyncRequired,),
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}/messages",
        summary="List a page of messages, oldest first. By default, it is the newest page.",
        query=(
            LIMIT,
            Parameter("before_id", PositiveInt, "Return only messages older than this one."),
            Parameter("after_id", PositiveInt, "Return only messages newer than this one."),
            Parameter(
                "ids", api.MessageIds, "Return only these messages. Unknown ids are left out."
            ),
        ),
        rule="Send at most one of `before_id`, `after_id` and `ids`.",
        answers=(Answer(200, api.HistoryAnswer, "A page of messages."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/users/{user_id}/status",
        summary="Get the presence of a user with whom you share a conversation.",
        answers=(Answer(200, api.UserStatus, "The current presence."),),
        errors=(NotFound,),
    ),
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
        path="/v1/blocks",
        summary="List the users that you block, ordered by user id.",
        query=(
            LIMIT,
            Parameter("after", UserId, "The value of `next` on the previous page."),
            Parameter("user_id", UserId, "Return only this user, if you block them."),
        ),
        answers=(Answer(200, api.BlocksAnswer, "A page of blocked users."),),
    ),
    Route(
        method="POST",
        path="/v1/blocks",
        summary="Block a user. You no longer hear from them in your direct conversation.",
        body=api.BlockRequest,
        answers=(Answer(204, None, "The user is blocked."),),
        errors=(NotFound,),
    ),
    Route(
        method="DELETE",
        path="/v1/blocks/{user_id}",
        summary="Unblock a user.",
        answers=(Answer(204, None, "The user is no longer blocked."),),
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/reports",
        summary="Report a message or a user to the operator.",
        rule="Send either `user_id` or `message_id`.",
        body=api.ReportRequest,
        answers=(
            Answer(201, api.ReportAnswer, "The report is stored."),
            Answer(200, api.ReportAnswer, "The report was stored earlier; `duplicate` is true."),
        ),
        errors=(NotFound, ClientIdConflict, RateLimited),
    ),
    Route(
        method="POST",
        path="/v1/tickets",
        limit="other",
        summary="Get a ticket that opens one WebSocket within 30 seconds in place of the token.",
        answers=(
            Answer(
                201, api.TicketAnswer, "The ticket. Its WebSocket closes when the token expires."
            ),
        ),
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
    Route(
        method="POST",
        path="/v1/attachments",
        limit="upload",
        summary="Upload a file to attach to a message. The body is the file itself.",
        query=(Parameter("name", FileName, "The name of the file.", required=True),),
        body=api.FileBytes,
        body_media_type="application/octet-stream",
        rule="The media type is detected from the bytes; `Content-Type` is ignored.",
        answers=(
            Answer(
                201,
                Attachment,
                "The file is stored. It is deleted after a day unless a message carries it.",
            ),
        ),
        errors=(TooLarge, Unsupported, RateLimited),
    ),
    Route(
        method="GET",
        path="/v1/attachments",
        summary="Get several attachments with their URLs, which expire within minutes.",
        query=(
            Parameter(
                "ids",
                api.FileIds,
                "The attachments to get. Those that you may not see are left out.",
                required=True,
            ),
        ),
        answers=(Answer(200, api.AttachmentsAnswer, "The attachments with their URLs."),),
    ),
    Route(
        method="GET",
        path="/v1/attachments/{attachment_id}",
        summary="Get an attachment, with URLs that need no token and expire within minutes.",
        answers=(Answer(200, api.AttachmentAnswer, "The attachment with its URLs."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/attachments/{attachment_id}/content",
        limit=None,  # a player asks for many ranges, and the URL was counted
        summary="Download an attachment by its signed URL. `Range` requests are supported.",
        query=(
            Parameter(
                "variant", api.Variant, "The file itself, or a small preview of it.", required=True
            ),
            Parameter("expires", Count, "Part of the signed URL.", required=True),
            Parameter("signature", str, "Part of the signed URL.", required=True),
        ),
        answers=(
            Answer(200, api.FileBytes, "The whole file.", "*/*"),
            Answer(206, api.FileBytes, "The requested range.", "*/*"),
            Answer(416, None, "The range starts after the end of the file."),
        ),
        auth="signature",
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/admin/errors",
        limit="admin",
        summary="List the errors of all services, latest first.",
        query=(
            Parameter("category", Category, "Return only errors of this category."),
            Parameter("severity", Severity, "Return only errors of this severity."),
            Parameter("service", api.ServiceName, "Return only errors of this service."),
            Parameter("resolved", bool, "Return only resolved errors, or only open ones."),
            Parameter(
                "since", api.Since, "Return only errors that occurred at this time or later."
            ),
            Parameter("before", api.ErrorMark, "The value of `next` on the previous page."),
            LIMIT,
        ),
        answers=(Answer(200, api.ErrorsAnswer, "The errors."),),
        errors=(Unauthorized,),
        auth="operator",
        only_with="admin_key",
    ),
    Route(
        method="GET",
        path="/v1/admin/messages/{message_id}/timeline",
        limit="admin",
        summary="List the steps that a message of any user has taken so far.",
        answers=(Answer(200, api.TraceAnswer, "The steps, in order of time."),),
        errors=(Unauthorized, NotFound),
        auth="operator",
        only_with="admin_key",
    ),
    Route(
        method="POST",
        path="/v1/admin/errors/{error_id}/resolve",
        limit="admin",
        summary="Mark an error as resolved. It is reopened if it occurs again.",
        body=api.ResolveRequest,
        answers=(Answer(200, api.ErrorRecord, "The error is resolved."),),
        errors=(Unauthorized, NotFound),
        auth="operator",
        only_with="admin_key",
    ),
    Route(
        method="PUT",
        path="/v1/admin/users/{user_id}",
        limit="host",
        summary="Make a user known, or change their profile. They need not have connected before.",
        body=api.ProfileRequest,
        answers=(Answer(200, api.ProfileAnswer, "The profile as it is stored."),),
        errors=(Unauthorized,),
        auth="operator",
        only_with="admin_key",
    ),
    Route(
        method="POST",
        path="/v1/admin/notifications",
        limit="host",
        summary="Notify one or up to 500 users.",
        rule="Send either `user_id` or `user_ids`.",
        body=api.AnnounceRequest,
        answers=(
            Answer(201, api.AnnounceAnswer, "The result for each user."),
            Answer(
                200, api.AnnounceAnswer, "The users were notified earlier; `duplicate` is true."
            ),
        ),
        errors=(Unauthorized, ClientIdConflict),
        auth="operator",
        only_with="admin_key",
    ),
    Route(
        method="GET",
        path="/v1/admin/dashboard",
        limit="admin",
        summary="Get the users online, the health of the services, and counts of notifications.",
        answers=(Answer(200, api.DashboardAnswer, "The present state."),),
        errors=(Unauthorized,),
        auth="operator",
        only_with="admin_key",
    ),
    Route(
        method="POST",
        path="/v1/dev/login",
        limit="auth",
        summary="Get a token for any user. For demos only.",
        body=api.LoginRequest,
        answers=(Answer(200, api.LoginAnswer, "The token."),),
        auth="none",
        only_with="dev_login",
    ),
    Route(
        method="GET",
        path="/unsubscribe/{token}",
        limit="other",
        summary="Show the page behind the unsubscribe link of an e-mail. It changes nothing.",
        answers=(Answer(200, str, "The page, with a button that sends the `POST`.", "text/html"),),
        auth="signature",
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/unsubscribe/{token}",
        limit="other",
        summary="End the e-mails that the token names (RFC 8058). A repeat changes nothing.",
        rule="The body is ignored; mail clients send `List-Unsubscribe=One-Click`.",
        answers=(Answer(200, str, "The e-mails have ended.", "text/html"),),
        auth="signature",
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/livez",
        limit=None,
        summary="Report that the process is running.",
        answers=(Answer(200, LiveAnswer, "The process is running.", HEALTH),),
        auth="none",
    ),
    Route(
        method="GET",
        path="/readyz",
        limit=None,
        summary="Report whether the gateway can serve requests.",
        answers=(
            Answer(200, ReadyAnswer, "The gateway is ready.", HEALTH),
            Answer(
                503,
                ReadyAnswer,
                "The gateway is not ready. `output` tells operators the reason.",
                HEALTH,
            ),
        ),
        auth="none",
    ),
    Route(
        method="GET",
        path="/health",
        limit=None,
        summary="Report the status. Operators also get the health score of every service, the "
        "causes that lower it, and recommendations.",
        answers=(
            Answer(200, BareAnswer, "The gateway is ready."),
            Answer(503, BareAnswer, "The gateway is not ready."),
        ),
        auth="none",
    ),
    Route(
        method="GET",
        path="/openapi.json",
        limit="other",
        summary="Get this document (OpenAPI 3.1).",
        answers=(Answer(200, dict[str, Any], "The OpenAPI document."),),
        auth="none",
    ),
    Route(
        method="GET",
        path="/asyncapi.json",
        limit="other",
        summary="Get the description of the WebSocket frames (AsyncAPI 3.0).",
        answers=(Answer(200, dict[str, Any], "The AsyncAPI document."),),
        auth="none",
    ),
)
