"""Owns the table of the routes of messages: sending, changing, reading and finding them."""

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
)
from shared.frames import ConversationId, Count, DeleteMode, Epoch, PositiveInt, UserId, Words
from shared.route import Answer, Parameter, Route
from shared.routes.page import LIMIT

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
        path="/v1/search",
        limit="search",
        summary="Search messages that contain all given words, newest first.",
        query=(
            Parameter(
                "q",
                Words,
                "The words to find, of which the first eight count. The last one may be a prefix.",
                required=True,
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
)
