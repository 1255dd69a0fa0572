"""Owns the table of the routes with which the host app follows messages and notifies its users."""

from shared import api
from shared.errors import ClientIdConflict, NotFound
from shared.route import Answer, Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/admin/messages/{message_id}/timeline",
        limit="host",
        summary="List the steps that a message of any user has taken so far.",
        answers=(Answer(200, api.TraceAnswer, "The steps, in order of time."),),
        errors=(NotFound,),
        auth="operator",
        scope="messages",
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
        errors=(ClientIdConflict,),
        auth="operator",
        scope="notifications",
    ),
)
