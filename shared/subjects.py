"""Owns the subjects on the bus. No other module builds one, and none contains text of users."""

import base64
import functools
import hashlib

STORE = "linkup.store"
STORE_GROUP = "persistence"
LOG = "linkup.log"
STANDING = "linkup.standing"  # a user is banned, or tokens are revoked: for every gateway
QUERY = "linkup.query"
QUERY_GROUP = "persistence"
NOTIFY = "linkup.notify"
NOTIFY_GROUP = "notify"

USERS = "linkup.user."

ERRORS = "linkup.errors"
ERRORS_GROUP = "persistence"

# All there is on the bus, each kind once; checked at start, and against the functions below.
PATTERNS = (
    STORE,
    f"{QUERY}.*",
    f"{NOTIFY}.*",
    LOG,
    STANDING,
    ERRORS,
    "linkup.user.*.feed",
    "linkup.user.*.live",
    "linkup.user.*.ask",
    "linkup.user.*.control",
    "linkup.presence.*",
)


@functools.lru_cache(maxsize=65_536)
def token(user_id: str) -> str:
    """Return the 24 characters `[a-z2-7]` that stand for a user: base32 of a 15-byte BLAKE2b
    hash."""
    digest = hashlib.blake2b(user_id.encode(), digest_size=15).digest()
    return base64.b32encode(digest).decode().lower()


def query(name: str) -> str:
    return f"{QUERY}.{name}"


def notify(name: str) -> str:
    """Return the subject of queries to notify."""
    return f"{NOTIFY}.{name}"


def feed(user_id: str) -> str:
    return f"linkup.user.{token(user_id)}.feed"


def live(user_id: str) -> str:
    """Return the subject of typing and presence of a user, which are not stored."""
    return f"linkup.user.{token(user_id)}.live"


def ask(user_id: str) -> str:
    """Return the subject on which gateways with connections of a user answer."""
    return f"linkup.user.{token(user_id)}.ask"


def control(user_id: str) -> str:
    """Return the subject of immediate control events for gateways with connections of a user."""
    return f"linkup.user.{token(user_id)}.control"


def presence(user_id: str) -> str:
    """Return the subject on which the arrival and departure of a user are announced."""
    return f"linkup.presence.{token(user_id)}"


def user(user_id: str) -> str:
    """Return the subject of everything about one user, for the gateway that holds a socket of
    theirs."""
    return f"linkup.user.{token(user_id)}.*"


def group_conversation_id(user_id: str, client_id: str) -> str:
    """Return the id of the group that this user made with that `client_id`: the same for a
    repeat."""
    made = f"{user_id}\x00{client_id}"
    digest = hashlib.blake2b(made.encode(), digest_size=15, person=b"linkup.group").digest()
    return "g" + base64.b32encode(digest).decode().lower()


def report_id(user_id: str, client_id: str) -> str:
    """Return the id of the report that this user filed with that `client_id`: the same for a
    repeat."""
    filed = f"{user_id}\x00{client_id}"
    digest = hashlib.blake2b(filed.encode(), digest_size=15, person=b"linkup.report").digest()
    return "r" + base64.b32encode(digest).decode().lower()


@functools.lru_cache(maxsize=65_536)
def direct_conversation_id(one: str, other: str) -> str:
    """Return the id of the conversation of two users: the same from either side, also with
    oneself."""
    pair = "\x00".join(sorted((one, other)))  # user ids hold no control characters
    digest = hashlib.blake2b(pair.encode(), digest_size=15, person=b"linkup.direct").digest()
    return "d" + base64.b32encode(digest).decode().lower()
