"""Owns the table of HTTP routes: what each takes and answers. The gateway serves nothing else.

The gateway binds its endpoints to this table, the documents are generated from it, and what is
served without being listed here (or listed without being served) makes the gateway unready.
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
    Unsupported,
)
from shared.frames import (
    Attachment,
    ConversationId,
    Count,
    DeleteMode,
    Epoch,
    FileName,
    PositiveInt,
    UserId,
    Words,
)
from shared.health import HealthAnswer, LiveAnswer, ReadyAnswer
from shared.route import HEALTH, Answer, Parameter, Route, Socket

SOCKETS: tuple[Socket, ...] = (
    Socket("socket", "/ws", "Everything of one user: frames in, acks and the feed out."),
    Socket(
        "chat",
        "/ws/chat/{user_id}/",
        "One conversation, with that user: a `message` without `to` is for them.",
    ),
    Socket("notifications", "/ws/notifications/", "Nothing of any conversation."),
)

LIMIT = Parameter("limit", api.PageSize, "at most so many", api.DEFAULT_LIMIT)

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/messages",
        summary="Send a message: the `message` frame without its type.",
        body=api.SendRequest,
        answers=(
            Answer(201, api.Sent, "Committed and synced to disk."),
            Answer(200, api.Sent, "It already was: `duplicate` is true."),
        ),
        errors=(NotFound, ClientIdConflict, OutOfOrder, RateLimited),
    ),
    Route(
        method="PATCH",
        path="/v1/messages/{message_id}",
        summary="Edit an own message: the `edit_message` frame.",
        body=api.EditRequest,
        answers=(Answer(204, None, "It says something else now."),),
        errors=(NotFound, Forbidden, EditWindowClosed),
    ),
    Route(
        method="DELETE",
        path="/v1/messages/{message_id}",
        summary="Delete a message: the `delete_message` frame. `mode` may stand in a body instead.",
        query=(Parameter("mode", DeleteMode, "for `me`, or for `everyone`"),),
        answers=(Answer(204, None, "It is hidden, or wiped."),),
        errors=(NotFound, Forbidden, EditWindowClosed),
    ),
    Route(
        method="POST",
        path="/v1/messages/{message_id}/reactions",
        summary="Set an emoji, or take it back: the `react` frame.",
        body=api.ReactRequest,
        answers=(Answer(204, None, "It is as asked."),),
        errors=(NotFound, TooLarge),
    ),
    Route(
        method="POST",
        path="/v1/messages/delete",
        summary="Delete up to 100 messages.",
        body=api.DeleteRequest,
        answers=(Answer(200, api.DeleteAnswer, "What became of each."),),
    ),
    Route(
        method="GET",
        path="/v1/conversations",
        summary="The inbox, latest activity first.",
        query=(
            LIMIT,
            Parameter("before", PositiveInt, "`next` of the page before this one"),
            Parameter("peer", UserId, "only the direct conversation with that user"),
        ),
        answers=(Answer(200, api.InboxAnswer, "A page of the inbox."),),
    ),
    Route(
        method="POST",
        path="/v1/conversations",
        summary="Begin the direct conversation with somebody, or make a group.",
        rule="Send `to`, or `title` and `members`.",
        body=api.BeginRequest,
        answers=(
            Answer(201, api.ConversationAnswer, "It begins."),
            Answer(200, api.ConversationAnswer, "It was there already."),
        ),
        errors=(NotFound, ClientIdConflict, TooLarge, RateLimited),
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}",
        summary="One conversation, as in the inbox.",
        answers=(Answer(200, api.ConversationAnswer, "The conversation."),),
        errors=(NotFound,),
    ),
    Route(
        method="PATCH",
        path="/v1/conversations/{conversation_id}",
        summary="How this member wants to see it: archived, muted. A group's title, for all.",
        body=api.ConversationPatch,
        answers=(Answer(200, api.ConversationAnswer, "The conversation as it is then."),),
        errors=(NotFound, Forbidden, RateLimited),
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}/members",
        summary="Who is in it, by user id, with roles and marks.",
        query=(
            LIMIT,
            Parameter("after", UserId, "`next` of the page before this one"),
        ),
        answers=(Answer(200, api.MembersAnswer, "A page of members."),),
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}/members",
        summary="Add people to a group; who is in it already stays as they are.",
        body=api.AddRequest,
        answers=(Answer(200, api.ConversationAnswer, "The group as it is then."),),
        errors=(NotFound, Forbidden, TooLarge, RateLimited),
    ),
    Route(
        method="PATCH",
        path="/v1/conversations/{conversation_id}/members/{user_id}",
        summary="Give a member of a group another role.",
        body=api.RoleRequest,
        answers=(Answer(204, None, "It is theirs."),),
        errors=(NotFound, Forbidden, RateLimited),
    ),
    Route(
        method="DELETE",
        path="/v1/conversations/{conversation_id}/members/{user_id}",
        summary="Take a member out of a group; oneself: leave it.",
        answers=(Answer(204, None, "They are gone."),),
        errors=(NotFound, Forbidden, RateLimited),
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}/read",
        summary="Move the read mark, never back: the `mark_chat_read` frame.",
        body=api.ReadRequest,
        answers=(Answer(200, api.ConversationAnswer, "The conversation as it is then."),),
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}/clear",
        summary="Hide everything said so far from this member alone.",
        answers=(Answer(200, api.ClearAnswer, "How many messages that hides."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/unread",
        summary="How much is unread, with a line of the latest.",
        answers=(Answer(200, api.UnreadAnswer, "Totals and previews."),),
    ),
    Route(
        method="GET",
        path="/v1/search",
        limit="search",
        summary="Messages that hold all these words, newest first.",
        query=(
            Parameter("q", Words, "the words; the last one may be unfinished", required=True),
            Parameter("conversation_id", ConversationId, "only in this conversation"),
            LIMIT,
            Parameter("before", PositiveInt, "`next` of the page before this one"),
        ),
        answers=(Answer(200, api.SearchAnswer, "A page of messages."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/sync",
        summary="The feed after a cursor; without one, where the present is.",
        query=(
            LIMIT,
            Parameter("epoch", Epoch, "of the store that the cursor belongs to"),
            Parameter("cursor", Count, "of the last frame taken in"),
        ),
        answers=(Answer(200, api.SyncAnswer, "A page of frames."),),
        errors=(ResyncRequired,),
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}/messages",
        summary="A page of a conversation, oldest first; the newest without `before_id`.",
        query=(
            LIMIT,
            Parameter("before_id", PositiveInt, "messages older than this one"),
            Parameter("after_id", PositiveInt, "messages newer than this one"),
        ),
        rule="Send `before_id` or `after_id`, not both.",
        answers=(Answer(200, api.HistoryAnswer, "A page of messages."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/users/{user_id}/status",
        summary="Whether somebody you share a conversation with is online.",
        answers=(Answer(200, api.UserStatus, "Now."),),
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/tickets",
        limit="other",
        summary="A ticket that opens one socket within 30 seconds, in place of the token.",
        answers=(Answer(201, api.TicketAnswer, "The ticket. The socket ends with the token."),),
    ),
    Route(
        method="POST",
        path="/v1/attachments",
        limit="upload",
        summary="Upload a file, for a message to carry: the body is the file itself.",
        query=(Parameter("name", FileName, "what it is called", required=True),),
        body=api.FileBytes,
        body_media_type="application/octet-stream",
        rule="What it is is found in its bytes; the `Content-Type` is not looked at.",
        answers=(Answer(201, Attachment, "It is stored. Unsent for a day, it is deleted."),),
        errors=(TooLarge, Unsupported, RateLimited),
    ),
    Route(
        method="GET",
        path="/v1/attachments/{attachment_id}",
        summary="A file one may see, with URLs that need no token and last for minutes.",
        answers=(Answer(200, api.AttachmentAnswer, "What it is and where."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/attachments/{attachment_id}/content",
        limit=None,  # a player asks for many ranges, and the URL was counted
        summary="The bytes, for whoever has a signed URL; `Range` is understood.",
        query=(
            Parameter("variant", api.Variant, "the file, or a small picture of it", required=True),
            Parameter("expires", Count, "part of the signed URL", required=True),
            Parameter("signature", str, "part of the signed URL", required=True),
        ),
        answers=(
            Answer(200, api.FileBytes, "All of it.", "*/*"),
            Answer(206, api.FileBytes, "The range asked for.", "*/*"),
            Answer(416, None, "It ends before that range."),
        ),
        auth="signature",
        errors=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/dev/login",
        limit="auth",
        summary="A token for anybody: for demos only.",
        body=api.LoginRequest,
        answers=(Answer(200, api.LoginAnswer, "A token."),),
        auth="none",
        only_with="dev_login",
    ),
    Route(
        method="GET",
        path="/livez",
        limit=None,
        summary="Whether the process runs; touches nothing.",
        answers=(Answer(200, LiveAnswer, "It runs.", HEALTH),),
        auth="none",
    ),
    Route(
        method="GET",
        path="/readyz",
        limit=None,
        summary="Whether the gateway can serve.",
        answers=(
            Answer(200, ReadyAnswer, "It can.", HEALTH),
            Answer(503, ReadyAnswer, "It starts, drains or is cut off: `output` says why.", HEALTH),
        ),
        auth="none",
    ),
    Route(
        method="GET",
        path="/health",
        limit=None,
        summary="Every check, in words.",
        answers=(
            Answer(200, HealthAnswer, "It can serve.", HEALTH),
            Answer(503, HealthAnswer, "It cannot.", HEALTH),
        ),
        auth="none",
    ),
    Route(
        method="GET",
        path="/openapi.json",
        limit="other",
        summary="This document (OpenAPI 3.1).",
        answers=(Answer(200, dict[str, Any], "The HTTP routes."),),
        auth="none",
    ),
    Route(
        method="GET",
        path="/asyncapi.json",
        limit="other",
        summary="The WebSocket's frames (AsyncAPI 3.0).",
        answers=(Answer(200, dict[str, Any], "The frames."),),
        auth="none",
    ),
)
