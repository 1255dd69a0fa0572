"""Owns the table of the routes with which the host app sends messages and notifies its users."""

from shared import api
from shared.errors import ClientIdConflict, NotFound, OutOfOrder, RateLimited
from shared.route import Answer, Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/admin/messages",
        limit="host",
        summary="Send a message as a user, or as the system.",
        rule="The rules for messages of the sender apply, such as membership, blocks and rates.",
        body=api.SendAsRequest,
        answers=(
            Answer(201, api.Sent, "The message is committed and synced to disk."),
            Answer(200, api.Sent, "The message was stored earlier; `duplicate` is true."),
        ),
        auth="operator",
        scope="messages",
        errors=(NotFound, ClientIdConflict, OutOfOrder, RateLimited),
    ),
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
