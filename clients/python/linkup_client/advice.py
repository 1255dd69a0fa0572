"""Owns what to tell a person about an error: its category, a sentence and helpful actions."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Category = Literal[
    "websocket",
    "database",
    "network",
    "validation",
    "authentication",
    "rate_limit",
    "system",
    "user_input",
]
Action = Literal["retry", "refresh", "wait", "sync", "offline", "edit"]

UNREACHABLE = "unreachable"  # no answer came at all


class Advice(NamedTuple):
    """Advice to the person at a client: an error says this, and these actions help.

    `actions`: `refresh` is to load the page or sign in anew, `sync` to load the conversations
    again, and `offline` to go on, since what is sent is kept until later.
    """

    category: Category
    text: str
    actions: tuple[Action, ...]


BY_CODE: Mapping[str, Advice] = {
    "invalid_frame": Advice(
        "validation", "Change the message, or reload the page.", ("edit", "refresh")
    ),
    "invalid_request": Advice(
        "validation", "Reload the page, then try again.", ("refresh", "retry")
    ),
    "too_large": Advice("user_input", "Choose something smaller.", ("edit",)),
    "unsupported": Advice("user_input", "Choose another file, or change the message.", ("edit",)),
    "rejected": Advice("user_input", "Change the message.", ("edit",)),
    "edit_window_closed": Advice("user_input", "Send a new message instead.", ("edit",)),
    "client_id_conflict": Advice("user_input", "Send it as a new message.", ("edit",)),
    "not_found": Advice("user_input", "It may have been removed. Reload the page.", ("refresh",)),
    "forbidden": Advice(
        "authentication",
        "If you should be allowed to do this, ask whoever runs this app.",
        ("refresh",),
    ),
    "unauthorized": Advice("authentication", "Sign in again.", ("refresh",)),
    "resync_required": Advice("websocket", "Load the conversations again.", ("sync",)),
    "out_of_order": Advice(
        "websocket", "This message will be sent once the one before it has been sent.", ("wait",)
    ),
    "rate_limited": Advice("rate_limit", "Wait a moment, then try again.", ("wait", "retry")),
    "unavailable": Advice(
        "database",
        "Try again in a moment. Messages are kept until they can be sent.",
        ("retry", "offline"),
    ),
    "overloaded": Advice(
        "system", "The server is busy. Wait a moment, then try again.", ("wait", "retry")
    ),
    "internal": Advice(
        "system", "Try again. If it fails again, reload the page.", ("retry", "refresh")
    ),
    UNREACHABLE: Advice(
        "network",
        "Check your connection. Messages are kept until they can be sent.",
        ("retry", "offline"),
    ),
}


def advice_for(code: str) -> Advice:
    """Return the advice for a code of the protocol. One that is not known counts as `internal`."""
    return BY_CODE.get(code, BY_CODE["internal"])
