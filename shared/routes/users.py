"""Owns the table of the routes with which the host app makes its users and their contacts known."""

from shared import api
from shared.errors import NotFound, TooLarge
from shared.frames import UserId, UserMark, Words
from shared.route import Answer, Parameter, Route
from shared.routes.page import LIMIT

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/admin/users",
        limit="host",
        summary="List all users, ordered by user id, or find them by their names.",
        query=(
            Parameter("q", Words, "Return only users whose names have words that begin like this."),
            LIMIT,
            Parameter("after", UserMark, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.UserRecords, "A page of users."),),
        auth="operator",
        scope="users",
    ),
    Route(
        method="POST",
        path="/v1/admin/users",
        limit="host",
        summary="Make up to 500 users known, or change their profiles.",
        rule="A user who cannot be stored does not affect the others.",
        body=api.UsersRequest,
        answers=(Answer(200, api.UsersResult, "The result for each user."),),
        errors=(TooLarge,),
        auth="operator",
        scope="users",
    ),
    Route(
        method="GET",
        path="/v1/admin/users/{user_id}",
        limit="host",
        summary="Get a user.",
        answers=(Answer(200, api.UserRecord, "The user."),),
        errors=(NotFound,),
        auth="operator",
        scope="users",
    ),
    Route(
        method="PUT",
        path="/v1/admin/users/{user_id}",
        limit="host",
        summary="Make a user known, or change their profile. They need not have connected before.",
        body=api.ProfileRequest,
        answers=(Answer(200, api.ProfileAnswer, "The profile as it is stored."),),
        errors=(NotFound,),
        auth="operator",
        scope="users",
    ),
    Route(
        method="GET",
        path="/v1/admin/users/{user_id}/contacts",
        limit="host",
        summary="List the contacts of a user, ordered by user id.",
        query=(
            LIMIT,
            Parameter("after", UserId, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.ContactsAnswer, "A page of contacts."),),
        errors=(NotFound,),
        auth="operator",
        scope="contacts",
    ),
    Route(
        method="POST",
        path="/v1/admin/users/{user_id}/contacts",
        limit="host",
        summary="Make up to 500 users contacts of a user.",
        rule="A user who cannot become a contact does not affect the others.",
        body=api.ContactsRequest,
        answers=(Answer(200, api.UsersResult, "The result for each contact."),),
        auth="operator",
        scope="contacts",
    ),
    Route(
        method="PUT",
        path="/v1/admin/users/{user_id}/contacts/{contact_id}",
        limit="host",
        summary="Make two users contacts of each other.",
        rule="With `LINKUP_CONTACTS=listed`, only contacts may write to each other.",
        answers=(Answer(204, None, "The two are contacts."),),
        errors=(NotFound,),
        auth="operator",
        scope="contacts",
    ),
    Route(
        method="DELETE",
        path="/v1/admin/users/{user_id}/contacts/{contact_id}",
        limit="host",
        summary="End the contact between two users. Their messages stay.",
        answers=(Answer(204, None, "The two are not contacts."),),
        errors=(NotFound,),
        auth="operator",
        scope="contacts",
    ),
)
