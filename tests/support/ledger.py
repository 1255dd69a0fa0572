"""Owns what all devices of a run have asked for and been told, and what that rules out.

Every outcome is known, or for ever unknown: an answer may be lost, and what it was about may
still be carried out. So a register names the set of values it may hold in the end.
"""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.subjects import group_conversation_id

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

    def may_be(self, value: object, since: int, until: int) -> bool:
        """At some time between those two."""
        return any(
            write.value == value and write.began < until and not self._over(write, since)
            for write in self.writes
        )

    def _over(self, write: Write, since: int) -> bool:
        """Return whether another value had certainly replaced the written one before `since`."""
        return write.ended is not None and any(
            one.value != write.value
            and one.began > write.ended
            and one.ended is not None
            and one.ended < since
            for one in self.writes
        )

    def must_be(self, value: object, since: int, until: int) -> bool:
        """At all times between those two."""
        done = [one.began for one in self.writes
                if one.value == value and one.ended is not None and one.ended < since]  # fmt: skip
        return bool(done) and not any(
            one.value != value
            and one.began < until
            and (one.ended is None or one.ended > max(done))
            for one in self.writes
        )


@dataclass
class Sent:
    """A message as its user first sent it; `above`: its `seq` has to be higher (I8). `said`: so
    often, and a copy that is late may still be stored after another was refused. `since`: what
    has a lower `message_id` was stored before. `ended`: when somebody first knew it stored."""

    conversation_id: str
    content: str
    reply_to: int | None
    above: int
    since: int
    began: int
    ended: int | None = None
    acks: list[Frame] = field(default_factory=list)
    refused: bool = False  # for good
    said: int = 0


@dataclass
class Group:
    """A group as it was first asked for, and what that asks to be so."""

    founder: str
    client_id: str
    title: str
    members: frozenset[str]
    writes: list[Write]


class Typed(NamedTuple):
    """Said by a device that stood at that cursor. `at`: seconds since 1970."""

    at: float
    user_id: str
    place: str
    cursor: int


class Heard(NamedTuple):
    at: float
    who: str
    user_id: str
    place: str
    typist: str


class Ledger:
    def __init__(self) -> None:
        self.faults: list[str] = []
        self.sent: dict[tuple[str, str], Sent] = {}  # by user and client_id
        self.senders: dict[tuple[str, int], str] = {}  # by conversation and seq
        self.texts: dict[int, Register] = {}  # by message_id
        self.erasures: dict[int, Register] = {}
        self.reactions: dict[tuple[int, str, str], Register] = {}
        self.reads: dict[tuple[str, str], int] = {}  # conversation, user → acknowledged mark
        self.members: dict[str, set[str]] = {}  # of each direct conversation
        self.blocks: dict[tuple[str, str], Register] = {}  # by who blocks and who is blocked
        self.flags: dict[tuple[str, str, int], bool] = {}  # blocked, by user, place and version
        self.groups: dict[str, Group] = {}
        self.seats: dict[tuple[str, str], Register] = {}  # by group and user
        self.titles: dict[str, Register] = {}
        self.typed: list[Typed] = []  # in groups
        self.heard: list[Heard] = []
        self._clock = 0
        self._last_id = 0
        self._acked: dict[str, int] = {}  # conversation → highest acknowledged seq
        self._ids: dict[tuple[str, int], int] = {}
        self._versions: dict[tuple[int, int], tuple[object, ...]] = {}
        self._pictures: dict[tuple[str, str, int], tuple[object, ...]] = {}

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
        sent = Sent(conversation_id, content, reply_to, above, self._last_id, self.now())
        self.sent[user_id, client_id] = sent

    def found(self, founder: str, client_id: str, members: Iterable[str]) -> str:
        """The group that stands for this `client_id`; a repeat has the words of the first."""
        place = group_conversation_id(founder, client_id)
        if place not in self.groups:
            everyone = frozenset({founder, *members})
            writes = [self.write(self.seats, (place, user_id), True) for user_id in everyone]
            self.groups[place] = Group(founder, client_id, client_id, everyone, writes)
            self.titles[place] = Register([Write(client_id, 0, 0)])
        return place

    def in_group(self, sent: Sent) -> bool:
        return sent.conversation_id in self.groups

    def types(self, user_id: str, place: str, cursor: int) -> None:
        self.typed.append(Typed(wall(), user_id, place, cursor))

    def hears(self, who: str, user_id: str, place: str, typist: str) -> None:
        if user_id == typist:
            self.fault(f"{who} was told that its own user types")
        self.may_see(who, user_id, place)
        self.heard.append(Heard(wall(), who, user_id, place, typist))

    def may_see(self, who: str, user_id: str, conversation_id: str) -> None:
        """I9: nobody is told of what is not theirs. Who is in a group changes: the log tells."""
        if conversation_id in self.groups or user_id in self.members.get(conversation_id, ()):
            return
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

    def blocks_of(self, place: str) -> list[Register]:
        """Return the known blocks of the two users of a direct conversation, in both directions."""
        pairs = itertools.permutations(self.members.get(place, ()), 2)
        return [self.blocks[pair] for pair in pairs if pair in self.blocks]

    def may_block(self, user_id: str, place: str, since: int) -> bool:
        """Return whether the user may have blocked the other one at any time since `since`."""
        return any(
            self.blocks[user_id, other].may_be(True, since, self.now())
            for other in self.members.get(place, ())
            if (user_id, other) in self.blocks
        )

    def may_be_barred(self, sent: Sent) -> bool:
        """Return whether one of the two may have blocked the other while the message was sent."""
        until = sent.ended or self.now()
        blocks = self.blocks_of(sent.conversation_id)
        return any(register.may_be(True, sent.began, until) for register in blocks)

    def refusals(self, user_id: str, sent: Sent) -> set[str]:
        """Return the final refusals that others, or the user's own devices, may cause a message."""
        place, found = sent.conversation_id, set()
        others = self.members.get(place, set()) - {user_id}
        if place in self.groups or any(self.may_block(one, place, sent.began) for one in others):
            found.add("not_found")
        if self.may_block(user_id, place, sent.began):
            found.add("forbidden")
        return found

    def read(self, conversation_id: str, user_id: str, seq: int, since: int) -> None:
        """The marks of who blocks stand still, and that is acknowledged, too."""
        if self.may_block(user_id, conversation_id, since):
            return
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
        self._last_id = max(self._last_id, frame["message_id"])
        original = self.sent.get((frame["sender_id"], frame["client_id"]))
        if original is not None and original.ended is None:
            original.ended = self.now()
        if original is None or original.conversation_id != place[0]:
            self.fault(f"I2 {who}: nobody sent {frame['client_id']} there")
        elif frame["message_id"] not in self.texts:
            self.texts[frame["message_id"]] = Register([Write(original.content, 0, 0)])
        self.version(who, frame["message_id"], frame["version"], frame["content"])

    def version(self, who: str, message_id: int, version: int, *state: object) -> None:
        if self._versions.setdefault((message_id, version), state) != state:
            self.fault(f"I6 {who}: message {message_id} has two versions {version}")

    def picture(self, user_id: str, place: str, version: int, *state: object) -> None:
        """One user's view of a conversation has one state a version."""
        if self._pictures.setdefault((user_id, place, version), state) != state:
            self.fault(f"I6 {user_id}: {place} looks otherwise, with the same version {version}")


def wall() -> float:
    return time.time_ns() / 1e9


def _identity(ack: Frame) -> tuple[Any, ...]:
    return tuple(ack[name] for name in ("message_id", "conversation_id", "seq", "created_at"))
