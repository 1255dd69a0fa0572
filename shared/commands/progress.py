"""Owns the questions of how far a message has come, and their answers.

Only who sent it may ask. What persistence knows and what notify knows are asked for apart.
"""

from msgspec import Struct


class Receipts(Struct, frozen=True, kw_only=True):
    """query `receipts`: whom this message of the user's was for, by user id, and who has it.

    `after`: the `next` of the page before.
    """

    user_id: str
    message_id: int
    after: str = ""
    limit: int = 50
