"""Owns the names of violations, and the sentences that explain them to an operator."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

Kind = Literal[
    "seq_hole",
    "seq_twice",
    "last_seq_behind",
    "cursor_hole",
    "head_below_cursor",
    "delivered_above_last",
    "read_above_delivered",
    "member_without_feed_row",
    "feed_row_without_message",
    "client_id_twice",
    "erased_text_indexed",
    "file_absent",
]

RESTORE = "Restore a backup from before it, or report it with the output of `linkup doctor`."
SENTENCES: dict[Kind, tuple[str, str]] = {
    "seq_hole": (
        "Conversation {conversation_id} has no message number {number}, but later ones.",
        RESTORE,
    ),
    "seq_twice": (
        "Conversation {conversation_id} has two messages with the number {number}; "
        "one is message {message_id}.",
        RESTORE,
    ),
    "last_seq_behind": (
        "Conversation {conversation_id} counts {number} messages and has more: "
        "its next message cannot be stored.",
        RESTORE,
    ),
    "cursor_hole": (
        "The feed of user {user_id} has no row {number}, but later ones.",
        "Give the store a new epoch (`linkup backup`, then `linkup restore`): "
        "the clients reload what they missed.",
    ),
    "head_below_cursor": (
        "The feed of user {user_id} goes on behind its head, {number}: "
        "the next message to them cannot be stored.",
        RESTORE,
    ),
    "delivered_above_last": (
        "In conversation {conversation_id} the delivered mark of user {user_id} is at {number}, "
        "above the last message.",
        RESTORE,
    ),
    "read_above_delivered": (
        "In conversation {conversation_id} user {user_id} has read up to {number}, "
        "which is more than was delivered to them.",
        "Nothing is lost: the marks meet again when the user reads on.",
    ),
    "member_without_feed_row": (
        "User {user_id}, a member of conversation {conversation_id}, was never told of its message "
        "number {number} (message {message_id}).",
        "The message is in the history of the conversation. Give the store a new epoch "
        "(`linkup backup`, then `linkup restore`): the clients reload.",
    ),
    "feed_row_without_message": (
        "Row {number} of the feed of user {user_id} is about message {message_id}, "
        "which does not exist.",
        RESTORE,
    ),
    "client_id_twice": (
        "User {user_id} has two messages with the same client_id; one is message {message_id} "
        "in conversation {conversation_id}.",
        RESTORE,
    ),
    "erased_text_indexed": (
        "Message {message_id} was erased, and the search index still lists words of it.",
        "Stop persistence and run `DELETE FROM words WHERE message_id = {message_id}` "
        "in linkup.db.",
    ),
    "file_absent": (
        "The file {file} of message {message_id} in conversation {conversation_id} is not in the "
        "store of files.",
        "Copy it back from a backup of the files (LINKUP_ATTACHMENTS_URL).",
    ),
}


class Violation(Struct, frozen=True, kw_only=True):
    """A violation and its place. `number` is a seq, cursor or mark, depending on `kind`."""

    kind: Kind
    conversation_id: str | None = None
    user_id: str | None = None
    message_id: int | None = None
    number: int | None = None
    file: str | None = None

    @property
    def text(self) -> str:
        return SENTENCES[self.kind][0].format_map(asdict(self))

    @property
    def remedy(self) -> str:
        return SENTENCES[self.kind][1].format_map(asdict(self))
