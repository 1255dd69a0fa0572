"""Owns the query with which a follower reads the log, and its answer."""

from collections.abc import Mapping

from msgspec import Struct


class LogPage(Struct, frozen=True, kw_only=True, tag="log"):
    """Asks for rows after a follower's position, which is one number per writer.

    Asking registers the position: what lies behind it need not be kept for this follower. Who has
    lost its place sends none, and goes on from the registered one. `epoch` is that of the store
    that the position belongs to. In `stood`, persistence fills in the position that was registered
    before.
    """

    follower: str
    positions: dict[str, int]
    epoch: str = ""
    limit: int = 500
    stood: Mapping[str, int] = {}


class LogRow(Struct, frozen=True, array_like=True):
    """A row of the log that calls for something: references only.

    A "message" row is one recipient's, who is not its author; `actor_id` wrote it, `seq` is the
    message's, and `muted` says whether the recipient has muted the conversation. A "receipt" row
    is the reader's own; `seq` is their read mark. The copies of both in other feeds tell a follower
    nothing new and are left out.

    Rows of other kinds are a member's own, too. "cleared": `seq` is that of the last message that
    they have cleared. "set": `seq` is 1 if they have muted the conversation or block the other
    side, or else 0. "left" and "member_removed": the user is no member any more. "erasing": the
    user is erased from now on; "erased": nothing is left of them.
    """

    writer: str
    n: int
    user_id: str
    kind: str
    conversation_id: str
    message_id: int
    seq: int
    actor_id: str
    created_at: int
    muted: bool = False


class LogPageAnswer(Struct, frozen=True, kw_only=True):
    """A page of the log. `positions` says how far it reaches, which may be beyond its last row.
    `stood` says where the follower stood before; if that is beyond its position, it is an older
    copy of itself."""

    epoch: str
    rows: list[LogRow]
    more: bool
    positions: dict[str, int] = {}
    stood: Mapping[str, int] = {}
