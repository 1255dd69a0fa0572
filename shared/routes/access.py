"""Owns the table of the routes that end the access of a user."""

from shared import api
from shared.errors import NotFound
from shared.route import Answer, Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/logout",
        summary="Revoke the token of this request, and close the WebSockets that use it.",
        answers=(Answer(204, None, "The token is refused from now on."),),
    ),
    Route(
        method="POST",
        path="/v1/admin/users/{user_id}/disconnect",
        limit="host",
        summary="Revoke all tokens that a user has now, and close their WebSockets. Tokens that "
        "are issued later are valid. A token without `iat` is never valid again.",
        answers=(Answer(200, api.AccessAnswer, "The user is disconnected."),),
        errors=(NotFound,),
        auth="operator",
        scope="users",
    ),
    Route(
        method="PUT",
        path="/v1/admin/users/{user_id}/ban",
        limit="host",
        summary="Ban a user: refuse all their tokens, and close their WebSockets. What they wrote "
        "stays.",
        answers=(Answer(200, api.AccessAnswer, "The user is banned."),),
        errors=(NotFound,),
        auth="operator",
        scope="users",
    ),
    Route(
        method="DELETE",
        path="/v1/admin/users/{user_id}/ban",
        limit="host",
        summary="End the ban of a user. Their unexpired tokens are valid again, unless revoked.",
        answers=(Answer(200, api.AccessAnswer, "The user is not banned."),),
        errors=(NotFound,),
        auth="operator",
        scope="users",
    ),
)
