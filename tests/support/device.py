"""Owns a client that follows the protocol, for simulations and real runs: an outbox, a cursor, a
view. What carries its frames is given to it, as is what answers its requests over HTTP.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from shared.subjects import direct_conversation_id
from tests.support.ledger import Ledger, Sent, Write
from tests.support.operation import HARMLESS, Operation
from tests.support.view import FEED, Shown, View

Frame = dict[str, Any]
POISON = "poison"  # marks what the store may break on


class Wire(Protocol):
    """A socket: frames out by `say`, frames in by the function it was dialled with."""

    open: bool

    def say(self, text: str) -> None: ...

    def abort(self) -> None: ...


Dial = Callable[[str, Frame, Callable[[bytes | str], None]], Wire]


class Device:
    """One device of one user, through as many sockets as it takes. An `eager` one does not wait
    with what is new until what failed has gone out again."""

    def __init__(self, name: str, user_id: str, epoch: str, ledger: Ledger, *, eager: bool) -> None:
        self.name, self.user_id, self.ledger, self.eager = name, user_id, ledger, eager
        self.view = View(name, user_id, ledger)
        self.epoch, self.cursor = epoch, 0
        self.outbox: OrderedDict[str, Frame] = OrderedDict()  # client_id → frame
        self.order: dict[str, list[str]] = {}  # conversation → client_ids as written
        self.refused = False
        self.given_up: set[str] = set()  # repeats that failed on this socket: not sent again
        self.socket: Wire | None = None
        self.watched: set[str] = set()
        self.believed: dict[str, Frame] = {}  # whom it watches, as last told on this socket
        self._operations: dict[str, Operation] = {}
        self._sockets = 0
        self._count = 0

    @property
    def connected(self) -> bool:
        return self.socket is not None and self.socket.open

    def connect(self, dial: Dial) -> None:
        self._sockets += 1
        number = self._sockets

        def on_text(text: bytes | str) -> None:
            if number == self._sockets:  # else it was said on a socket that this device has left
                self._take(json.loads(text))

        hello = {"epoch": self.epoch, "cursor": self.cursor}
        self.socket = dial(self.user_id, hello, on_text)
        self._operations.clear()
        self.given_up.clear()
        self.believed.clear()
        self._ask(self.watched)
        self.resend()

    def disconnect(self) -> None:
        if self.socket is not None:
            self.socket.abort()
            self.socket = None

    # ------------------------------------------------------------ messages

    def write(self, to: str, reply_to: int | None = None) -> None:
        place = direct_conversation_id(self.user_id, to)
        self.ledger.members[place] = {self.user_id, to}
        self._write(place, {"to": to}, reply_to)

    def write_in(self, group: str, reply_to: int | None = None) -> None:
        self._write(group, {"conversation_id": group}, reply_to)

    def write_poison(self, to: str) -> None:
        place = direct_conversation_id(self.user_id, to)
        self.ledger.members[place] = {self.user_id, to}
        self._write(place, {"to": to}, None, f"{POISON} ")

    def _write(self, place: str, address: Frame, reply_to: int | None, mark: str = "") -> None:
        client_id = self._name("message")
        frame = {**address, "client_id": client_id, "content": f"{mark}{client_id} to {place}"}
        if reply_to is not None:
            frame["reply_to"] = reply_to
        self.ledger.send(self.user_id, client_id, place, frame["content"], reply_to)
        self.outbox[client_id] = frame
        self.order.setdefault(place, []).append(client_id)
        if self.refused and not self.eager:
            self.resend()  # in order: what failed for now goes first
        else:
            self._send(frame)

    def resend(self) -> None:
        """Everything without an ack, in order."""
        self.refused = False
        for frame in list(self.outbox.values()):
            self._send(frame)

    def _send(self, frame: Frame) -> None:
        self.ledger.sent[self.user_id, frame["client_id"]].said += self.connected
        self._say("message", **frame)

    def repeat(self, index: int) -> None:
        """Something that has its ack already, again: the same ack has to come."""
        acked = [m for _, m in self.view.known() if m.client_id.startswith(f"{self.name}-")]
        if acked and not self.outbox:
            message = acked[index % len(acked)]
            sent = self.ledger.sent[self.user_id, message.client_id]
            frame: Frame = {"client_id": message.client_id, "content": sent.content}
            if sent.reply_to is not None:
                frame["reply_to"] = sent.reply_to
            self._say("message", conversation_id=sent.conversation_id, **frame)

    # ------------------------------------------------------------ what changes a message

    def edit(self, message: Shown) -> None:
        content = self._name("edit")
        write = self.ledger.write(self.ledger.texts, message.message_id, content)
        self._operate("edit_message", self._operation(message, write),
                      message_id=message.message_id, content=content)  # fmt: skip

    def erase(self, message: Shown) -> None:
        write = self.ledger.write(self.ledger.erasures, message.message_id, True)
        self._operate("delete_message", self._operation(message, write),
                      message_id=message.message_id, mode="everyone")  # fmt: skip

    def hide(self, message: Shown) -> None:
        self._operate("delete_message", Operation(self.ledger),
                      message_id=message.message_id, mode="me")  # fmt: skip

    def react(self, message: Shown, emoji: str, remove: bool) -> None:
        key = (message.message_id, self.user_id, emoji)
        write = self.ledger.write(self.ledger.reactions, key, not remove)
        self._operate("react", self._operation(message, write),
                      message_id=message.message_id, emoji=emoji, remove=remove)  # fmt: skip

    # ------------------------------------------------------------ marks, and what is for now

    def read_by_id(self, place: str, message: Shown) -> None:
        done = Operation(self.ledger, read=(place, message.seq))
        self._operate("read_receipt", done, message_id=message.message_id)

    def read_many(self, place: str, messages: list[Shown]) -> None:
        # The last ones may be hidden or cleared meanwhile: then the mark stops before them.
        done = Operation(self.ledger, read=(place, min(m.seq for m in messages)))
        self._operate("bulk_read_receipt", done, message_ids=[m.message_id for m in messages])

    def read_chat(self, place: str, up_to: int | None) -> None:
        done = Operation(self.ledger, read=(place, up_to or 0))
        bound = {"up_to": up_to} if up_to else {}
        self._operate("mark_chat_read", done, conversation_id=place, **bound)

    def delivered(self, place: str, seq: int) -> None:
        self._operate("delivered", Operation(self.ledger), conversation_id=place, seq=seq)

    def typing(self, to: str) -> None:
        self._say("typing", is_typing=True, to=to)

    def type_in(self, group: str) -> None:
        self.ledger.types(self.user_id, group, self.cursor)
        self._say("typing", is_typing=True, conversation_id=group)

    # ------------------------------------------------------------ who is there

    def watch(self, user_ids: Iterable[str]) -> None:
        self.watched.update(user_ids)
        self._ask(user_ids)

    def unwatch(self, user_ids: list[str]) -> None:
        self.watched.difference_update(user_ids)
        self._say("presence_unsubscribe", user_ids=user_ids)
        for user_id in user_ids:
            self.believed.pop(user_id, None)

    def _ask(self, user_ids: Iterable[str]) -> None:
        """Strangers are answered once: who may be one no longer is asked for again."""
        known = sorted(self.watched.intersection(user_ids))
        if known:
            self._say("presence_subscribe", user_ids=known)

    def sync(self) -> None:
        self._say("sync_request")

    def ping(self) -> None:
        self._say("ping")

    def reconnect(self) -> None:
        self._say("force_reconnect")

    # ------------------------------------------------------------ inside

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{self.name}-{kind}-{self._count}"

    def _operation(self, message: Shown, write: Write) -> Operation:
        return Operation(self.ledger, write, place=self.view.place_of(message))

    def _operate(self, kind: str, operation: Operation, **fields: object) -> None:
        """Unknown for ever unless this socket hears of it."""
        client_id = self._name("operation")
        self._operations[client_id] = operation
        self._say(kind, client_id=client_id, **fields)

    def _say(self, kind: str, **fields: object) -> None:
        if self.connected:
            assert self.socket is not None
            self.socket.say(json.dumps({"type": kind, **fields}))

    def _take(self, frame: Frame) -> None:  # noqa: C901 - a case each
        match frame["type"]:
            case kind if kind in FEED:
                self._advance(frame)
            case "ack":
                self._acked(frame)
            case "welcome":
                self._welcomed(frame)
            case "sync_completed" | "pong":
                self._stand_at(frame["cursor"])
            case "error":
                self._failed(frame)
            case "typing":
                place, typist = frame["conversation_id"], frame["user_id"]
                self.ledger.hears(self.name, self.user_id, place, typist)
            case "presence" if frame["user_id"] in self.watched:
                self.believed[frame["user_id"]] = frame
            case "resync_required":
                self.ledger.fault(f"C6 {self.name} cannot resume: {frame['reason']}")

    def _welcomed(self, frame: Frame) -> None:
        if (self.epoch, self.cursor) != (frame["epoch"], frame["cursor"]):
            self.ledger.fault(f"C6 {self.name}: welcomed at another place")

    def _stand_at(self, cursor: int) -> None:
        if cursor < self.cursor:
            self.ledger.fault(f"C5 {self.name}: back from {self.cursor} to {cursor}")
        self.cursor = cursor

    def _advance(self, frame: Frame) -> None:
        if frame["cursor"] <= self.cursor:
            self.ledger.fault(f"C5 {self.name}: {frame['cursor']} after {self.cursor}")
        self.cursor = frame["cursor"]
        place = frame["conversation_id"]
        if frame["type"] == "conversation" and frame["change"] in ("created", "member_added"):
            self._ask(frame["members"])
        elif place not in self.view.chats:
            self._ask(self.ledger.members.get(place, ()))
        self.view.take(frame)
        if frame["type"] == "message" and frame["sender_id"] == self.user_id:
            self.outbox.pop(frame["client_id"], None)  # that it is shown, proves it stored

    def _acked(self, frame: Frame) -> None:
        if "message_id" not in frame:
            operation = self._operations.pop(frame["client_id"], None)
            if operation is not None:
                operation.done(self.user_id)
            return
        self.ledger.acked(self.user_id, frame)
        self.outbox.pop(frame["client_id"], None)
        if frame["conversation_id"] not in self.view.chats:
            self._ask(self.ledger.members.get(frame["conversation_id"], ()))
        sent = self.ledger.sent[self.user_id, frame["client_id"]]
        place = (frame["message_id"], frame["seq"], self.user_id, frame["client_id"])
        message = Shown(*place, sent.content, 1, frame["created_at"], sent.reply_to)
        self.view.add(frame["conversation_id"], message)

    def _failed(self, frame: Frame) -> None:
        client_id = frame.get("client_id", "")
        operation = self._operations.pop(client_id, None)
        if frame["temporary"]:
            self.refused = self.refused or operation is None
            if (self.user_id, client_id) in self.ledger.sent and client_id not in self.outbox:
                self.given_up.add(client_id)
        elif operation is not None and frame["code"] in HARMLESS:
            operation.refused()
        else:
            self._refused(client_id, frame)

    def _refused(self, client_id: str, frame: Frame) -> None:
        """A reply may be: what it quotes was hidden, or cleared, meanwhile. And so may be what is
        for a group: this user may be no member, or not yet. Of two one may block the other. On
        poison the store broke too often."""
        sent = self.ledger.sent.get((self.user_id, client_id))
        if sent is not None and self._may_be_refused(sent, frame["code"]):
            sent.refused = True
            self.outbox.pop(client_id, None)
        else:
            self.ledger.fault(f"{self.name}: {frame}")

    def _may_be_refused(self, sent: Sent, code: str) -> bool:
        if code in self.ledger.refusals(self.user_id, sent):
            return True
        if code == "not_found":
            return sent.reply_to is not None
        return code == "unsupported" and sent.content.startswith(POISON)
