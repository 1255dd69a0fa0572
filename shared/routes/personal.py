"""Owns the table of the routes that export and erase what is stored of a user."""

from shared import api
from shared.errors import NotFound
from shared.route import Answer, Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/admin/users/{user_id}/export",
        limit="host",
        summary="Export everything that is stored of a user. The document is sent while the data"
        ' are read. It is complete if it ends with `"complete": true`.',
        answers=(Answer(200, api.ExportAnswer, "The document."),),
        errors=(NotFound,),
        auth="operator",
        scope="users",
    ),
    Route(
        method="DELETE",
        path="/v1/admin/users/{user_id}",
        limit="host",
        summary="Erase a user: their profile, messages, files and notifications. Repeat the request"
        " until `state` is `erased`. The user id cannot be used again.",
        answers=(
            Answer(200, api.ErasureAnswer, "The user is erased."),
            Answer(202, api.ErasureAnswer, "The user is being erased."),
        ),
        errors=(NotFound,),
        auth="operator",
        scope="users",
    ),
)
