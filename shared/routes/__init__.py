"""Owns the table of HTTP routes, in one module for each subject. The gateway serves nothing else.

The gateway binds its endpoints to this table, and the documents are generated from it. A route that
is served but not listed, or listed but not served, makes the gateway unready.
"""

from shared.route import Route
from shared.routes import (
    access,
    attachments,
    conversations,
    host,
    messages,
    notifications,
    operator,
    people,
    personal,
    service,
    users,
    webhooks,
)
from shared.routes.sockets import SOCKETS as SOCKETS

ROUTES: tuple[Route, ...] = (
    *messages.ROUTES,
    *conversations.ROUTES,
    *people.ROUTES,
    *access.ROUTES,
    *notifications.ROUTES,
    *attachments.ROUTES,
    *operator.ROUTES,
    *users.ROUTES,
    *host.ROUTES,
    *webhooks.ROUTES,
    *personal.ROUTES,
    *service.ROUTES,
)
