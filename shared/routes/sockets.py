"""Owns the table of WebSocket routes."""

from shared.route import Socket

SOCKETS: tuple[Socket, ...] = (
    Socket(
        "socket",
        "/ws",
        "One user's connection: it takes commands and delivers acks and the user's whole feed.",
    ),
    Socket(
        "chat",
        "/ws/chat/{user_id}/",
        "Like `/ws`, for the direct conversation with one user. A `message` needs no `to`.",
    ),
    Socket(
        "notifications",
        "/ws/notifications/",
        "Like `/ws`, without the events of conversations; for notifications and presence.",
    ),
)
