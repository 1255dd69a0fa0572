"""Owns the answers of the writer to a batch.

Results are stored beside the lane's number: short names and arrays keep them small.
"""

from typing import Self

from msgspec import Struct

from shared.commands.standing import Standing
from shared.errors import BY_CODE, Internal, LinkupError


class Stored(Struct, frozen=True, array_like=True, tag=True):
    """The message is in the log. `cursor`: its place in the sender's feed, 0 in a duplicate."""

    message_id: int
    conversation_id: str
    seq: int
    created_at: int
    duplicate: bool
    cursor: int


class Done(Struct, frozen=True, array_like=True, tag=True):
    """The command was carried out, and there is nothing to tell."""


class Begun(Struct, frozen=True, array_like=True, tag=True):
    """The conversation is there; `created`: since now."""

    created: bool


class Cleared(Struct, frozen=True, array_like=True, tag=True):
    """The number of messages that are now hidden from the member."""

    count: int


class Filed(Struct, frozen=True, array_like=True, tag=True):
    """The report is stored, since then; `duplicate`: it was already."""

    created_at: int
    duplicate: bool


class Ticketed(Struct, frozen=True, array_like=True, tag=True):
    """The ticket is good until then."""

    expires_at: int


class Taken(Struct, frozen=True, array_like=True, tag=True):
    """The ticket was that user's, and is no more; their token ends then."""

    user_id: str
    token_expires_at: int
    token_issued_at: int = 0
    token_id: str = ""


class Condemned(Struct, frozen=True, array_like=True, tag=True):
    """The bytes of these attachments are to go."""

    attachment_ids: list[str]


class Refused(Struct, frozen=True, array_like=True, tag=True):
    """A LinkupError on the bus: this command, batch or question was not carried out."""

    code: str
    message: str
    retry_after_ms: int | None = None
    field: str = ""

    @classmethod
    def of(cls, error: LinkupError) -> Self:
        return cls(error.code, error.message, error.retry_after_ms, error.field)

    def error(self, client_id: str | None = None) -> LinkupError:
        kind = BY_CODE.get(self.code, Internal)
        return kind(
            self.message,
            client_id=client_id,
            retry_after_ms=self.retry_after_ms,
            field=self.field,
        )


Result = Stored | Done | Begun | Cleared | Filed | Ticketed | Taken | Condemned | Standing | Refused


class Results(Struct, frozen=True, tag=True):
    """One result per command of the batch, in order."""

    results: list[Result]


class Fenced(Struct, frozen=True, tag=True):
    """A late copy of an older batch: refused as a whole, nothing was done (R1)."""

    number: int


BatchReply = Results | Fenced
