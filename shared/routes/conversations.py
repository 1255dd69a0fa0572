"""Owns the table of the routes of conversations and their members."""

from shared import api
from shared.errors import ClientIdConflict, Forbidden, NotFound, RateLimited, TooLarge
from shared.frames import PositiveInt, UserId
from shared.route import Answer, Parameter, Route
from shared.routes.page import LIMIT

ROUTES: tuple[Route, ...] = (
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
        path="/v1/conversations/{conversation_id}/delivered",
        summary="Mark a conversation as delivered up to a message, as a `delivered` frame does.",
        body=api.DeliveredRequest,
        answers=(Answer(204, None, "The mark is stored."),),
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
)
