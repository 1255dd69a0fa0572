"""Owns the table of the routes of webhooks."""

from shared import api
from shared.errors import NotFound
from shared.route import Answer, Route
from shared.routes.page import LIMIT

ONE = "/v1/admin/webhooks/{webhook_id}"

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/admin/webhooks",
        limit="host",
        summary="List the webhooks.",
        answers=(Answer(200, api.WebhooksAnswer, "The webhooks, by id."),),
        auth="operator",
        scope="webhooks",
    ),
    Route(
        method="GET",
        path=ONE,
        limit="host",
        summary="Get a webhook and its state.",
        answers=(Answer(200, api.WebhookAnswer, "The webhook."),),
        errors=(NotFound,),
        auth="operator",
        scope="webhooks",
    ),
    Route(
        method="PUT",
        path=ONE,
        limit="host",
        summary="Register a webhook, or change it. A new one gets what happens from now on.",
        body=api.WebhookRequest,
        answers=(
            Answer(201, api.WebhookAnswer, "The webhook is registered."),
            Answer(200, api.WebhookAnswer, "The webhook is as in the request."),
        ),
        auth="operator",
        scope="webhooks",
    ),
    Route(
        method="DELETE",
        path=ONE,
        limit="host",
        summary="Delete a webhook, with the events that wait for it or were given up.",
        answers=(Answer(204, None, "There is no such webhook any more."),),
        auth="operator",
        scope="webhooks",
    ),
    Route(
        method="GET",
        path=f"{ONE}/dead-letters",
        limit="host",
        summary="List the events that were given up, latest first.",
        query=(LIMIT,),
        answers=(Answer(200, api.DeadLettersAnswer, "The events."),),
        errors=(NotFound,),
        auth="operator",
        scope="webhooks",
    ),
    Route(
        method="POST",
        path=f"{ONE}/replay",
        limit="host",
        summary="Send again the events that were given up.",
        body=api.ReplayRequest,
        answers=(Answer(200, api.ReplayAnswer, "The number of events that wait now."),),
        errors=(NotFound,),
        auth="operator",
        scope="webhooks",
    ),
)
