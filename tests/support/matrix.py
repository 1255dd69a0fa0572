"""Owns the table of access: how each verb of the product names a thing, one line a verb.

Every client frame and every HTTP route that wants a token stands here, or in NOTHING with the
reason why it names no thing of anybody's, or where that is tried. `tests/contract/test_matrix.py`
says what is missing, `tests/integration/test_matrix.py` plays it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

IT = "<it>"  # in a row: the thing that is tried
HOME = "<home>"  # a conversation of who asks
TEAM = "<team>"  # a group that alice made
EPOCH = "<epoch>"  # the store's

Fields = dict[str, Any]


class Kind(Enum):
    CONVERSATION = "conversation"
    GROUP = "group"
    MESSAGE = "message"
    USER = "user"
    FILE = "file"
    LISTING = "listing"  # names nothing, but its answer must not tell of what is others'


@dataclass(frozen=True)
class Verb:
    """One way to name a thing: a frame's type, or `METHOD /path`.

    `still`: what a member may do to a message that is erased, or that is hidden or cleared by
    themselves or older than their membership; otherwise that is as good as absent. `strangers`:
    whether it may name any user, or only those one shares a conversation with; `oneself`: and
    oneself. `silent`: what it does shows at the other side alone. `others`: it is about what others
    wrote. `regardless`: of whether that user blocks who asks.
    """

    name: str
    kind: Kind
    fields: Fields
    still: frozenset[str] = frozenset()
    strangers: bool = False
    oneself: bool = False
    silent: bool = False
    others: bool = False
    regardless: bool = False
    note: str = ""  # tells two rows of one verb apart

    @property
    def is_frame(self) -> bool:
        return " " not in self.name

    @property
    def at_home(self) -> bool:
        """It names a message within a conversation: only a message of that one will do."""
        return HOME in self.fields.values() or HOME in self.fields.get("body", {}).values()

    def __str__(self) -> str:
        return f"{self.name} {self.note}".strip()


FLAGS = ("strangers", "oneself", "silent", "others", "regardless")


def verb(name: str, kind: Kind, note: str = "", *, still: str = "", **fields: Any) -> Verb:
    """`still`, in words. The FLAGS as above, the rest are the request's fields:
    a frame's own, or `body`, `query` and what the path has in braces."""
    flags = {flag: fields.pop(flag) for flag in FLAGS if flag in fields}
    return Verb(name, kind, fields, frozenset(still.split()), note=note, **flags)


C, G, M = Kind.CONVERSATION, Kind.GROUP, Kind.MESSAGE
U, F, L = Kind.USER, Kind.FILE, Kind.LISTING
ONE = "/v1/conversations/{conversation_id}"
MEMBER = f"{ONE}/members/{{user_id}}"
EACH = "/v1/messages/{message_id}"
PIVOT = "hidden erased cleared"  # a page goes on from what a device still shows
THUMB = "\U0001f44d"

FRAMES: tuple[Verb, ...] = (
    verb("message", C, conversation_id=IT, content="x"),
    verb("message", U, "to", to=IT, content="x", strangers=True),
    verb("message", M, "reply", still="erased", conversation_id=HOME, content="x", reply_to=IT),
    verb("message", F, "file", conversation_id=HOME, content="", attachments=[IT]),
    verb("edit_message", M, message_id=IT, content="x"),
    verb("delete_message", M, "me", still="hidden erased", message_id=IT, mode="me"),
    verb("delete_message", M, "everyone", still="erased", message_id=IT, mode="everyone"),
    verb("react", M, message_id=IT, emoji=THUMB),
    verb("react", M, "remove", message_id=IT, emoji=THUMB, remove=True),
    verb("delivered", C, conversation_id=IT, seq=1),
    verb("read_receipt", M, still="erased", message_id=IT),
    verb("bulk_read_receipt", M, still="erased", message_ids=[IT]),
    verb("mark_chat_read", C, conversation_id=IT),
    verb("mark_chat_read", C, "up_to", conversation_id=IT, up_to=1),
    verb("typing", C, conversation_id=IT, is_typing=True, silent=True),
    verb("typing", U, "to", to=IT, is_typing=False, silent=True),
)

ROUTES: tuple[Verb, ...] = (
    verb("POST /v1/messages", C, body={"conversation_id": IT, "content": "x"}),
    verb("POST /v1/messages", U, "to", body={"to": IT, "content": "x"}, strangers=True),
    verb(
        "POST /v1/messages",
        M,
        "reply",
        still="erased",
        body={"conversation_id": HOME, "content": "x", "reply_to": IT},
    ),
    verb(
        "POST /v1/messages",
        F,
        "file",
        body={"conversation_id": HOME, "content": "", "attachments": [IT]},
    ),
    verb(f"PATCH {EACH}", M, message_id=IT, body={"content": "x"}),
    verb(f"DELETE {EACH}", M, "me", still="hidden erased", message_id=IT, query={"mode": "me"}),
    verb(f"DELETE {EACH}", M, "all", still="erased", message_id=IT, query={"mode": "everyone"}),
    verb(f"POST {EACH}/reactions", M, message_id=IT, body={"emoji": THUMB}),
    verb(
        "POST /v1/messages/delete",
        M,
        "me",
        still="hidden erased",
        body={"message_ids": [IT], "mode": "me"},
    ),
    verb(
        "POST /v1/messages/delete",
        M,
        "everyone",
        still="erased",
        body={"message_ids": [IT], "mode": "everyone"},
    ),
    verb(f"GET {EACH}/receipts", M, still="erased", message_id=IT),
    verb(f"GET {EACH}/timeline", M, still="erased", message_id=IT),
    verb("GET /v1/conversations", L),
    verb("GET /v1/conversations", U, "peer", query={"peer": IT}),
    verb("GET /v1/conversations", C, "ids", query={"ids": IT}),
    verb("POST /v1/conversations", U, body={"to": IT}, strangers=True),
    verb(f"GET {ONE}", C, conversation_id=IT),
    verb(f"PATCH {ONE}", C, conversation_id=IT, body={"archived": True}),
    verb(f"PATCH {ONE}", G, "title", conversation_id=IT, body={"title": "x"}),
    verb(
        "POST /v1/conversations", U, "group", body={"title": "x", "members": [IT]}, strangers=True
    ),
    verb(f"GET {ONE}/members", C, conversation_id=IT),
    verb(f"POST {ONE}/members", G, conversation_id=IT, body={"members": ["bob"]}),
    verb(f"POST {ONE}/members", U, conversation_id=TEAM, body={"members": [IT]}, strangers=True),
    verb(f"PATCH {MEMBER}", G, conversation_id=IT, user_id="bob", body={"role": "admin"}),
    verb(f"PATCH {MEMBER}", U, conversation_id=TEAM, user_id=IT, body={"role": "admin"}),
    verb(f"DELETE {MEMBER}", G, conversation_id=IT, user_id="bob"),
    verb(f"DELETE {MEMBER}", U, conversation_id=TEAM, user_id=IT),
    verb(f"POST {ONE}/read", C, conversation_id=IT, body={"up_to": 1}),
    verb(f"POST {ONE}/delivered", C, conversation_id=IT, body={"up_to": 1}),
    verb(f"POST {ONE}/clear", C, conversation_id=IT),
    verb(f"GET {ONE}/messages", C, conversation_id=IT),
    verb(
        f"GET {ONE}/messages",
        M,
        "old",
        still=PIVOT,
        conversation_id=HOME,
        query={"before_id": IT},
    ),
    verb(
        f"GET {ONE}/messages",
        M,
        "new",
        still=PIVOT,
        conversation_id=HOME,
        query={"after_id": IT},
    ),
    verb(f"GET {ONE}/messages", M, "ids", still="erased", conversation_id=HOME, query={"ids": IT}),
    verb("GET /v1/blocks", L),
    verb("POST /v1/blocks", U, body={"user_id": IT}, strangers=True, regardless=True),
    # Of the row before, both: in between nobody could be written to.
    verb("GET /v1/blocks", U, "one", query={"user_id": IT}, strangers=True, regardless=True),
    verb("DELETE /v1/blocks/{user_id}", U, user_id=IT, strangers=True, regardless=True),
    verb(
        "POST /v1/reports",
        U,
        body={"user_id": IT, "reason": "spam"},
        strangers=True,
        regardless=True,
    ),
    verb(
        "POST /v1/reports",
        M,
        "message",
        still="erased",
        body={"message_id": IT, "reason": "spam"},
        others=True,
    ),
    verb("GET /v1/users", L, query={"q": "of"}),
    verb("GET /v1/users/{user_id}", U, user_id=IT, strangers=True, oneself=True),
    verb("GET /v1/users/{user_id}/status", U, user_id=IT, oneself=True),
    verb("GET /v1/attachments/{attachment_id}", F, still="sent", attachment_id=IT),
    verb("GET /v1/attachments", F, still="sent", query={"ids": IT}),
    verb("GET /v1/notifications", L),
    verb("GET /v1/unread", L),
    verb("GET /v1/search", L, query={"q": "of"}),
    verb("GET /v1/search", C, "in", query={"q": "of", "conversation_id": IT}),
    verb("GET /v1/sync", L, query={"epoch": EPOCH, "cursor": 0, "limit": 100}),
)

VERBS = (*FRAMES, *ROUTES)

# Fields of rows above that are tried elsewhere.
ELSEWHERE = {("delivered", "notification_id"): "tests/integration/test_notifications.py"}

NOTHING: dict[str, str] = {
    "hello": "the user is the token's",
    "ping": "about this socket",
    "sync_request": "the asker's own feed, as GET /v1/sync",
    "presence_subscribe": "it is told later; tests/integration/test_presence.py",
    "presence_unsubscribe": "it is not told",
    "get_connection_status": "about this socket",
    "force_reconnect": "about this socket",
    "get_notifications": "the asker's own list; tests/unit/gateway/test_bell.py",
    "mark_read": "notify compares the user; tests/integration/test_notifications.py",
    "mark_all_read": "the asker's own; tests/integration/test_notifications.py",
    "POST /v1/notifications/{notification_id}/read": "as mark_read",
    "POST /v1/notifications/read-all": "as mark_all_read",
    "GET /v1/notification-preferences": "the asker's own",
    "PUT /v1/notification-preferences": "the asker's own",
    "POST /v1/attachments": "what is uploaded is the asker's own",
    "refresh": "the token has to be the same user's",
    "/ws/chat/{user_id}/": "anybody may write to anybody; tests/integration/test_narrow.py",
    "GET /v1/push-key": "the same for everybody",
    "POST /v1/push-subscriptions": "the asker's own browser; tests/integration/test_push_routes.py",
    "DELETE /v1/push-subscriptions": "the asker's own; tests/integration/test_push_routes.py",
    "POST /v1/logout": "the token of the request; tests/integration/test_access.py",
    "POST /v1/tickets": "for whoever the token names; tests/integration/test_tickets.py",
}
