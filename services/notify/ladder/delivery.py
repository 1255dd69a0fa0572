"""Owns the values that the decisions are about: a delivery, what is known of its thread, and how
an attempt ended.
"""

import re
from typing import Literal

from msgspec import Struct

from shared.clock import SECOND
from shared.retry import Retries

Channel = Literal["email", "push"]
State = Literal[
    "waiting",
    "claimed",
    "sending",
    "collected",
    "sent",
    "failed",
    "unknown",
    "cancelled",
    "no_address",
]
Key = tuple[str, str, Channel]  # recipient, thread, channel
Fence = tuple[str, int]  # delivery, claim

DIGEST = "digest:"  # the thread of a user's digests; a conversation id has no colon
NOTICE = "n:"  # what the thread of a notification begins with, before its id

LEASE = 300 * SECOND  # longer than the slowest e-mail: who holds a claim that old has died
RELEASE = 5 * SECOND  # the log was out of reach: ask again soon
LONGEST_PAUSE = 7 * 86_400 * SECOND  # between two e-mails to somebody who stays away

# The dot-atom form of an address (RFC 5321, 4.1.2), its parts no longer than 4.5.3.1 and DNS allow.
# Quoted and non-ASCII local parts would need SMTPUTF8, and an encoded word (RFC 2047) is none: it
# would be read as what it encodes.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(
    rf"(?!.*=\?.*\?=)(?=[^@]{{1,64}}@.{{1,189}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*\Z"
)


class Waits(Struct, frozen=True, kw_only=True):
    """The delays of one channel, in microseconds.

    `unread`: from a message to its delivery. `pause`: the least time between two deliveries of one
    conversation; it doubles with each, up to LONGEST_PAUSE, until the recipient has read something
    there. 0: no pause. `retries`: after temporary refusals.
    """

    unread: int
    pause: int
    retries: Retries = Retries()


class Delivery(Struct, frozen=True, kw_only=True):
    """A message of one channel to one recipient about one thread, sent at most once.

    `thread`: a conversation id, NOTICE and the id of a notification, or DIGEST. `count`: about how
    many messages; what is sent asks the log. `due_at`: while claimed, the end of the lease.
    `claims`: the fence, which a late holder of an older claim no longer matches. `digest_id`: the
    digest that a collected one is on its way in, or went in. `omissions`: as JSON, what it left out
    of these messages when it was sent; empty as long as that is not known.
    """

    delivery_id: str
    channel: Channel = "email"
    user_id: str
    thread: str
    first_seq: int
    last_seq: int
    count: int
    state: State
    reason: str = ""
    due_at: int
    claims: int = 0
    attempts: int = 0
    created_at: int
    closed_at: int = 0
    digest_id: str = ""
    omissions: str = ""

    @property
    def key(self) -> Key:
        return self.user_id, self.thread, self.channel

    @property
    def fence(self) -> Fence:
        return self.delivery_id, self.claims


class Watch(Struct, frozen=True, kw_only=True):
    """The state of one recipient, thread and channel: the waiting delivery and the claimed one.

    `seen_seq`, `seen_at`: the newest message that has joined a delivery or was shown by one.
    `mails`, `mailed_at`: deliveries since the recipient was last there, and when the last one went.
    `closed`: deliveries that have gone on from there since this was loaded.
    """

    user_id: str
    thread: str
    channel: Channel = "email"
    seen_seq: int = 0
    seen_at: int = 0
    read_seq: int = 0
    mails: int = 0
    mailed_at: int = 0
    open: Delivery | None = None
    claimed: Delivery | None = None
    closed: tuple[Delivery, ...] = ()

    @property
    def key(self) -> Key:
        return self.user_id, self.thread, self.channel

    @property
    def is_conversation(self) -> bool:
        return ":" not in self.thread


class Outcome(Struct, frozen=True):
    """The outcome of an attempt.

    `postponed`: known not to be accepted. `released`: not tried. `withdrawn`: read meanwhile.
    `delayed`: until `due_at`; so is `postponed` if the other side named a time. `collected`: for
    the digest of a window. `worked`: whether the channel itself did; None where the attempt has not
    shown it. `refused`: the server will have no e-mail for this address.
    """

    kind: Literal[
        "sent",
        "failed",
        "unknown",
        "cancelled",
        "no_address",
        "postponed",
        "released",
        "withdrawn",
        "delayed",
        "collected",
    ]
    reason: str = ""
    worked: bool | None = None
    due_at: int = 0
    refused: bool = False


class Ending(Struct, frozen=True):
    """The end of an attempt. `draw`: see `Retries`. `address`: to which an e-mail went."""

    delivery: Delivery
    outcome: Outcome
    draw: float = 0.0
    address: str = ""
