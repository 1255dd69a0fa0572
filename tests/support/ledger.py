"""Owns what all devices of a run have asked for and been told, and what that rules out.

Every outcome is known, or for ever unknown: an answer may be lost, and what it was about may
still be carried out. So a register names the set of values it may hold in the end.
"""

from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]


@dataclass
class Write:
    """One value given to a register. `ended`: when its outcome was known, if it ever was."""

    value: object
    began: int
    ended: int | None = None
    refused: bool = False


@dataclass
class Register:
    """One thing that several may change: a text, a tombstone, somebody's emoji."""

    writes: list[Write]

    def possible(self) -> set[object]:
        """A value is out once one that began after its end was acknowledged."""
        live = [write for write in self.writes if not write.refused]
        last = max((write.began for write in live if write.ended is not None), default=0)
        return {write.value for write in live if write.ended is None or write.ended >= last}


@dataclass
class Sent:
    """A message as its user first sent it; `above`: its `seq` has to be higher (I8)."""

    conversation_id: str
    content: str
    reply_to: int | None
    above: int
    acks: list[Frame] = field(default_factory=list)
    refused: bool = False  # for good


class Ledger:
    def __init__(self) -> None:
        self.faults: list[str] = []
        self.sent: dict[tuple[str, str], Sent] = {}  # by user and client_id
        self.senders: dict[tuple[str, int], str] = {}  # by conversation and seq
        self.texts: dict[int, Register] = {}  # by message_id
        self.erasures: dict[int, Register] = {}
        self.reactions: dict[tuple[int, str, str], Register] = {}
        self.reads: dict[tuple[str, str], int] = {}  # conversation, user → acknowledged mark
        self.members: dict[str, set[str]] = {}  # of each conversation
        self._clock = 0
        self._acked: dict[str, int] = {}  # conversation → highest acknowledged seq
        self._ids: dict[tuple[str, int], int] = {}
        self._versions: dict[tuple[int, int], tuple[object, ...]] = {}

    def fault(self, what: str) -> None:
        self.faults.append(what)

    def now(self) -> int:
        self._clock += 1
        return self._clock

    # ------------------------------------------------------------ asked for

    def send(
        self, user_id: str, client_id: str, conversation_id: str, content: str, reply_to: int | None
    ) -> None:
        above = self._acked.get(conversation_id, 0)
        self.sent[user_id, client_id] = Sent(conversation_id, content, reply_to, above)

    def may_see(self, who: str, user_id: str, conversation_id: str) -> None:
        """I9: nobody is told of what is not theirs."""
        if user_id not in self.members.get(conversation_id, ()):
            self.fault(f"I9 {who}: told of {conversation_id}")

    def write(self, registers: dict[Any, Register], key: Any, value: object) -> Write:
        write = Write(value, self.now())
        register = registers.get(key)
        if register is None:
            register = registers[key] = Register([Write(False, 0, 0)])
        register.writes.append(write)
        return write

    def done(self, write: Write) -> None:
        write.ended = self.now()

    def read(self, conversation_id: str, user_id: str, seq: int) -> None:
        key = (conversation_id, user_id)
        self.reads[key] = max(self.reads.get(key, 0), seq)

    # ------------------------------------------------------------ told

    def acked(self, user_id: str, ack: Frame) -> None:
        """C3: every ack of a message says the same; I8: what came after an ack is behind it."""
        sent = self.sent[user_id, ack["client_id"]]
        sent.acks.append(ack)
        place = (ack["conversation_id"], ack["seq"])
        if _identity(ack) != _identity(sent.acks[0]) or place[0] != sent.conversation_id:
            self.fault(f"C3 {user_id}: two acks of {ack['client_id']} differ")
        if ack["seq"] <= sent.above:
            self.fault(f"I8 {user_id}: {ack['client_id']} stands before what was acked earlier")
        self._acked[place[0]] = max(self._acked.get(place[0], 0), ack["seq"])
        self.seen(user_id, {**ack, "sender_id": user_id, "content": sent.content, "version": 1})

    def seen(self, who: str, frame: Frame) -> None:
        """I6: a place holds one message, and a version of it one text, for everybody."""
        place = (frame["conversation_id"], frame["seq"])
        if self._ids.setdefault(place, frame["message_id"]) != frame["message_id"]:
            self.fault(f"I6 {who}: two messages at {place}")
        self.senders[place] = frame["sender_id"]
        original = self.sent.get((frame["sender_id"], frame["client_id"]))
        if original is None or original.conversation_id != place[0]:
            self.fault(f"I2 {who}: nobody sent {frame['client_id']} there")
        elif frame["message_id"] not in self.texts:
            self.texts[frame["message_id"]] = Register([Write(original.content, 0, 0)])
        self.version(who, frame["message_id"], frame["version"], frame["content"])

    def version(self, who: str, message_id: int, version: int, *state: object) -> None:
        if self._versions.setdefault((message_id, version), state) != state:
            self.fault(f"I6 {who}: message {message_id} has two versions {version}")


def _identity(ack: Frame) -> tuple[Any, ...]:
    return tuple(ack[name] for name in ("message_id", "conversation_id", "seq", "created_at"))
