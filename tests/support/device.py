"""Owns a client that follows the protocol, for simulations: an outbox, a cursor, a view."""

import json
from collections import OrderedDict
from typing import Any

from shared.frames import Hello
from shared.subjects import direct_conversation_id
from tests.support.world import Gateway, Socket

Frame = dict[str, Any]


class Device:
    """One device of one user, through as many sockets as it takes."""

    def __init__(self, name: str, user_id: str, epoch: str) -> None:
        self.name = name
        self.user_id = user_id
        self.epoch: str | None = epoch
        self.cursor: int | None = 0
        self.view: dict[tuple[str, int], str] = {}  # (conversation, seq) → content
        self.marks: dict[tuple[str, str], tuple[int, int]] = {}
        self.outbox: OrderedDict[str, tuple[str, str]] = OrderedDict()  # client_id → to, content
        self.acks: dict[str, list[Frame]] = {}
        self.sent: list[tuple[str, str]] = []  # conversation, client_id in the order of sending
        self.faults: list[str] = []
        self.refused = False
        self.socket: Socket | None = None
        self._count = 0

    @property
    def connected(self) -> bool:
        return self.socket is not None and self.socket.open

    def connect(self, gateway: Gateway) -> None:
        hello = Hello(epoch=self.epoch, cursor=self.cursor)
        self._count += 1
        number = self._count

        def on_text(text: bytes) -> None:
            self._take(number, json.loads(text))

        self.socket = Socket(gateway, self.user_id, hello, on_text)
        self.resend()

    def disconnect(self) -> None:
        if self.socket is not None:
            self.socket.abort()
            self.socket = None

    def write(self, to: str) -> None:
        client_id = f"{self.name}-{len(self.sent)}"
        self.outbox[client_id] = (to, f"{client_id} to {to}")
        self.sent.append((direct_conversation_id(self.user_id, to), client_id))
        if self.refused:
            self.resend()  # in order: what failed for now goes first
        else:
            self._say_message(client_id)

    def resend(self) -> None:
        """Everything without an ack, in order."""
        self.refused = False
        for client_id in list(self.outbox):
            self._say_message(client_id)

    def repeat(self, index: int) -> None:
        """Something that has its ack already, again: the same ack has to come."""
        if self.acks:
            client_id = sorted(self.acks)[index % len(self.acks)]
            to = self.acks[client_id][0]["to"]
            self.outbox[client_id] = (to, f"{client_id} to {to}")  # as if its ack had been lost
            self._say_message(client_id)

    def read(self, index: int) -> None:
        known = sorted(self.view)
        if known:
            conversation_id, seq = known[index % len(known)]
            self._say("mark_chat_read", conversation_id=conversation_id, up_to=seq)

    def sync(self) -> None:
        self._say("sync_request")

    def _say_message(self, client_id: str) -> None:
        to, content = self.outbox[client_id]
        self._say("message", to=to, client_id=client_id, content=content)

    def _say(self, kind: str, **fields: object) -> None:
        if self.connected:
            assert self.socket is not None
            self.socket.say(json.dumps({"type": kind, **fields}))

    def _take(self, number: int, frame: Frame) -> None:
        if number != self._count:
            return  # said on a socket that this device has left
        match frame["type"]:
            case "message" | "receipt":
                self._advance(frame)
            case "ack":
                self._acked(frame)
            case "sync_completed" | "pong":
                self.cursor = frame["cursor"]
            case "error" if frame["temporary"]:
                self.refused = True
            case "error":
                self.faults.append(f"{self.name}: {frame}")
            case "resync_required":
                self.faults.append(f"{self.name} cannot resume: {frame['reason']}")

    def _advance(self, frame: Frame) -> None:
        if self.cursor is not None and frame["cursor"] <= self.cursor:
            self.faults.append(f"C5 {self.name}: {frame['cursor']} after {self.cursor}")
        self.cursor = frame["cursor"]
        if frame["type"] == "receipt":
            key = (frame["conversation_id"], frame["user_id"])
            self.marks[key] = (frame["delivered_seq"], frame["read_seq"])
            return
        place = (frame["conversation_id"], frame["seq"])
        if self.view.setdefault(place, frame["content"]) != frame["content"]:
            self.faults.append(f"I6 {self.name}: two contents at {place}")

    def _acked(self, frame: Frame) -> None:
        client_id = frame["client_id"]
        waiting = self.outbox.pop(client_id, None)
        known = self.acks.setdefault(client_id, [])
        to = waiting[0] if waiting else known[0]["to"]
        known.append({**frame, "to": to})
        if frame["message_id"] != known[0]["message_id"]:
            self.faults.append(f"C3 {self.name}: {client_id} was acknowledged as two messages")
        self.view[frame["conversation_id"], frame["seq"]] = f"{client_id} to {to}"
