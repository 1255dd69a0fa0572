"""Owns the table of the routes about other users: finding them, presence, blocks and reports."""

from shared import api
from shared.errors import ClientIdConflict, NotFound, RateLimited
from shared.frames import UserId, UserMark, Words
from shared.route import Answer, Parameter, Route
from shared.routes.page import LIMIT

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/users",
        limit="search",
        summary="Find the users to whom you may write, by their names.",
        query=(
            Parameter(
                "q",
                Words,
                "The beginnings of words of the name, of which the first eight count. Case and "
                "accents do not matter. A user "
                "without a name is found by their id.",
                required=True,
            ),
            LIMIT,
            Parameter("after", UserMark, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.UsersAnswer, "A page of users."),),
    ),
    Route(
        method="GET",
        path="/v1/users/{user_id}",
        summary="Get a user to whom you may write, or could if you did not block them, or with whom"
        " you share a conversation.",
        answers=(Answer(200, api.UserView, "The user."),),
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
)
