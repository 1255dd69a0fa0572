"""`decide` against a dictionary: whatever is sent, repeated, late or limited, the log stays whole.

The rows live in a table of their own (`table`); each transaction is also a restart.
"""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.persistence.decide.batch import decide
from services.persistence.decide.changes import Edited, Erased, Hidden, Reacted, Said, Vanished
from services.persistence.decide.state import (
    Conversation,
    Limits,
    Member,
)
from shared.commands import (
    AdvanceReceipt,
    Batch,
    Command,
    DeleteMessage,
    EditMessage,
    Fenced,
    PutUser,
    React,
    Refused,
    Result,
    Results,
    Stored,
    StoreMessage,
)
from shared.subjects import direct_conversation_id
from tests.property.revisions_model import Fates
from tests.property.table import Table

USERS = ("alice", "bob", "carol", "dave")
LANES = ("lane1", "lane2")
START = 1_000_000_000
SECOND = 1_000_000

Mark = tuple[int, int]


@dataclass
class Model:
    """The expected state, kept another way: lists, sets and a bucket of fractions."""

    known: set[str] = field(default_factory=set)
    talks: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    stored: dict[tuple[str, str], tuple[StoreMessage, Stored]] = field(default_factory=dict)
    fates: Fates = field(default_factory=Fates)
    marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    buckets: dict[str, tuple[Fraction, int]] = field(default_factory=dict)
    feeds: Counter[str] = field(default_factory=Counter)

    def store(self, told: StoreMessage, got: Result, now: int, limits: Limits) -> str:
        """The code to expect; with "ok", what `got` says is taken over after a look at it."""
        key = told.user_id, told.client_id
        if key in self.stored:
            sent, ack = self.stored[key]
            if saying(sent) != saying(told):
                return "client_id_conflict"
            first = Stored(ack.message_id, sent.conversation_id, ack.seq, ack.created_at, True, 0)
            assert got == first, "C3: a repeat gives the original ack"
            return "ok"
        members = self.members.get(told.conversation_id)
        if members is None and told.to in self.known:
            members = {told.user_id, str(told.to)}
        if members is None or told.user_id not in members:
            return "not_found"
        if not self.fates.quotable(told):
            return "not_found"
        if told.after and (told.user_id, told.after) not in self.stored:
            return "out_of_order"
        self.known.add(told.user_id)
        if not self.pay(told.user_id, now, limits):
            return "rate_limited"
        self.append(told, members, got)
        return "ok"

    def append(self, told: StoreMessage, members: set[str], got: Result) -> None:
        assert isinstance(got, Stored)
        talk = self.talks.setdefault(told.conversation_id, [])
        self.members[told.conversation_id] = members
        talk.append((told.user_id, told.client_id))
        seq = len(talk)
        self.feeds.update(members)
        expected = (told.conversation_id, seq, False, self.feeds[told.user_id])
        assert (got.conversation_id, got.seq, got.duplicate, got.cursor) == expected
        self.stored[told.user_id, told.client_id] = (told, got)
        self.fates.begin(told, got, members)
        own = told.conversation_id, told.user_id
        if self.marks.get(own, (0, 0))[1] == seq - 1:
            self.marks[own] = (seq, seq)

    def pay(self, user_id: str, now: int, limits: Limits) -> bool:
        """A token bucket. Time runs back: tokens too, but a clock that leapt gives a new bucket."""
        if not limits.rate:
            return True
        interval = int(SECOND / limits.rate)
        tokens, at = self.buckets.get(user_id, (Fraction(limits.burst), now))
        tokens = min(Fraction(limits.burst), tokens + Fraction(now - at, interval))
        tokens = tokens if tokens >= 0 else Fraction(limits.burst)
        if tokens < 1:
            return False
        self.buckets[user_id] = (tokens - 1, now)
        return True

    def advance(self, told: AdvanceReceipt) -> tuple[str, tuple[str, str] | None]:
        """The code to expect, and whose mark in which conversation moved."""
        conversation_id, read = told.conversation_id, told.read_seq
        if told.read_message_id:
            fate = self.fates.by_id.get(told.read_message_id)
            named = [
                (sent.conversation_id, ack.seq)
                for sent, ack in self.stored.values()
                if ack.message_id == told.read_message_id
                and (fate is not None and fate.open_for(told.user_id))
            ]
            conversation_id, read = named[0] if named else ("", 0)
        if told.user_id not in self.members.get(conversation_id, set()):
            return "not_found", None
        place, last = (conversation_id, told.user_id), len(self.talks[conversation_id])
        before = self.marks.get(place, (0, 0))
        read = max(before[1], min(read, last))
        after = max(before[0], read, min(told.delivered_seq, last)), read
        self.marks[place] = after
        return "ok", place if after != before else None


def saying(told: StoreMessage) -> tuple[str, str, int | None]:
    """Return the parts of a command that its `client_id` stands for."""
    return told.conversation_id, told.content, told.reply_to


def code_of(result: Result) -> str:
    return result.code if isinstance(result, Refused) else "ok"


# A strategy that is made anew for each draw costs more than all that is drawn with it.
users = st.sampled_from(USERS)
some_users = st.none() | users
devices = st.sampled_from(["", "{}-1", "{}-2"])
message_ids = st.integers(1, 6)
some_message_ids = st.none() | st.none() | message_ids
client_ids = st.sampled_from(["c1", "c2", "c3", "c4", "c5", "c6"])
some_client_ids = st.none() | client_ids
contents = st.sampled_from(["one", "two"])
seqs = st.integers(0, 12)
read_message_ids = st.integers(1, 20)


@st.composite
def stores(draw: st.DrawFn) -> StoreMessage:
    user_id = draw(users)
    to = draw(some_users)
    one, other = (user_id, to) if to else (draw(users), draw(users))
    return StoreMessage(
        user_id=user_id,
        connection_id=draw(devices).format(user_id),
        client_id=draw(client_ids),
        conversation_id=direct_conversation_id(one, other),
        content=draw(contents),
        to=to,
        after=draw(some_client_ids),
        reply_to=draw(some_message_ids),
    )


@st.composite
def receipts(draw: st.DrawFn) -> AdvanceReceipt:
    by_id = draw(st.booleans())
    return AdvanceReceipt(
        user_id=draw(users),
        connection_id="r",
        conversation_id="" if by_id else direct_conversation_id(draw(users), draw(users)),
        delivered_seq=0 if by_id else draw(seqs),
        read_seq=0 if by_id else draw(seqs),
        read_message_id=draw(read_message_ids) if by_id else 0,
    )


revisions = (
    st.builds(
        EditMessage, user_id=users, message_id=message_ids, content=st.text("abc", min_size=1)
    )
    | st.builds(
        DeleteMessage,
        user_id=users,
        message_id=message_ids,
        mode=st.sampled_from(["me", "everyone"]),
    )
    | st.builds(
        React,
        user_id=users,
        message_id=message_ids,
        emoji=st.sampled_from("xyz"),
        remove=st.booleans(),
    )
)
told = revisions | stores() | stores() | receipts() | st.builds(PutUser, user_id=users)
# Which batch of a lane comes next: a new one, or one `back` numbers old (0: the newest again).
picks = st.tuples(st.sampled_from(LANES), st.none() | st.integers(0, 3), st.lists(told, max_size=6))


class Decide(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.model = Model()
        self.sent: dict[str, list[Batch]] = {lane: [] for lane in LANES}
        self.replies: dict[str, Results] = {}
        self.marks: dict[tuple[str, str], Mark] = {}
        self.now = START
        self.limits = Limits(1, 0.0)

    @initialize(
        burst=st.integers(1, 4),
        rate=st.sampled_from([0.0, 0.5, 3.0]),
        windows=st.tuples(*[st.sampled_from([0.0, 4.0])] * 2),
        known=st.lists(users, min_size=1, unique=True),
    )
    def begin(
        self, burst: int, rate: float, windows: tuple[float, float], known: list[str]
    ) -> None:
        self.limits = Limits(burst, rate, *windows)
        self.transact([("lane1", None, [PutUser(user_id=user_id) for user_id in known])])

    @rule(by=st.integers(-5 * SECOND, 5 * SECOND))
    def the_clock_moves(self, by: int) -> None:
        self.now += by

    @rule(picks=st.lists(picks, min_size=1, max_size=4))
    def transact(self, picks: list[tuple[str, int | None, list[Command]]]) -> None:
        batches = [self.batch(*pick) for pick in picks]
        decision = decide(self.table.read(self.now, self.limits, batches), batches)
        assert len(decision.replies) == len(batches)
        held: set[tuple[str, str]] = set()
        moved: set[tuple[str, str]] = set()
        newest = {lane: row.number for lane, row in self.table.fences.items()}
        for batch, reply in zip(batches, decision.replies, strict=True):
            seen = newest.get(batch.lane, 0)
            if batch.number < seen:
                assert reply == Fenced(seen), "R1: an older batch is refused"
            elif batch.number == seen:
                assert reply == self.replies[batch.lane], "R1: the same answer again"
            else:
                assert isinstance(reply, Results)
                self.replies[batch.lane], newest[batch.lane] = reply, batch.number
                for command, got in zip(batch.commands, reply.results, strict=True):
                    assert code_of(got) == self.expect(command, got, held, moved), command
        for conversation_id, _ in moved:
            self.model.feeds.update(self.model.members[conversation_id])
        self.table.write(decision)

    def batch(self, lane: str, back: int | None, commands: list[Command]) -> Batch:
        sent = self.sent[lane]
        if back is not None and back < len(sent):
            return sent[-1 - back]
        sent.append(Batch(lane=lane, number=len(sent) + 1, commands=commands))
        return sent[-1]

    def expect(
        self,
        command: Command,
        got: Result,
        held: set[tuple[str, str]],
        moved: set[tuple[str, str]],
    ) -> str:
        match command:
            case StoreMessage():
                place = command.connection_id, command.conversation_id
                if place in held:
                    return "out_of_order"
                code = self.model.store(command, got, self.now, self.limits)
                if command.connection_id and code in ("out_of_order", "rate_limited"):
                    held.add(place)
                return code
            case EditMessage() | DeleteMessage() | React():
                code, hearers = self.model.fates.revise(command, self.now, self.limits)
                self.model.feeds.update(hearers)
                return code
            case AdvanceReceipt():
                code, place_moved = self.model.advance(command)
                moved.update({place_moved} if place_moved else set())
                return code
            case PutUser():
                self.model.known.add(command.user_id)
        return "ok"

    @invariant()
    def c3_one_row_per_sender_and_client_id(self) -> None:
        keys = [(m.sender_id, m.client_id) for m in self.table.messages]
        assert len(keys) == len(set(keys)) == len(self.model.stored)

    @invariant()
    def c4_seq_is_1_to_n_in_the_order_of_the_commits(self) -> None:
        talks: dict[str, list[tuple[str, str]]] = {}
        for m in self.table.messages:
            talk = talks.setdefault(m.conversation_id, [])
            talk.append((m.sender_id, m.client_id))
            assert m.seq == len(talk)
        assert talks == self.model.talks
        assert {c: row.last_seq for c, row in self.table.conversations.items()} == {
            c: len(talk) for c, talk in talks.items()
        }

    @invariant()
    def c5_cursors_and_n_have_no_gap(self) -> None:
        heads: Counter[str] = Counter()
        for n, row in enumerate(self.table.feed, start=1):
            heads[row.user_id] += 1
            assert (row.cursor, row.n) == (heads[row.user_id], n)
        assert heads == self.model.feeds
        assert {u: row.head for u, row in self.table.heads.items() if row.head} == heads
        assert self.table.heads.keys() == self.model.known

    @invariant()
    def every_member_and_nobody_else_has_each_message(self) -> None:
        told: dict[int, list[str]] = {}
        for row in self.table.feed:
            match row.fact:
                case Said(message):
                    told.setdefault(message.message_id, []).append(row.user_id)
                case Edited(message) | Erased(message) | Hidden(message) | Reacted(message):
                    assert row.user_id in self.model.members[message.conversation_id]
                case Vanished():
                    raise AssertionError("nobody is erased here")
                case fact:
                    assert row.user_id in self.model.members[fact.conversation_id]
        for m in self.table.messages:
            assert sorted(told[m.message_id]) == sorted(self.model.members[m.conversation_id])
        for conversation_id, conversation in self.table.conversations.items():
            assert conversation.members.keys() == self.model.members[conversation_id]

    @invariant()
    def s66_what_became_of_a_message_is_what_was_asked(self) -> None:
        self.model.fates.check(self.table.revised, self.table.messages)

    @invariant()
    def marks_only_grow_and_stay_in_their_order(self) -> None:
        for conversation_id, row in self.table.conversations.items():
            for user_id, member in row.members.items():
                place = conversation_id, user_id
                mark = member.delivered_seq, member.read_seq
                assert 0 <= member.read_seq <= member.delivered_seq <= row.last_seq
                before = self.marks.get(place, (0, 0))
                assert (mark[0] >= before[0], mark[1] >= before[1]) == (True, True)
                assert mark == self.model.marks.get(place, (0, 0))
                self.marks[place] = mark


Decide.TestCase.settings = settings(max_examples=200, stateful_step_count=20)
test_c3_c4_c5_decide_keeps_the_log_whole = Decide.TestCase


def test_the_table_takes_a_member() -> None:
    """The model's own footing: a written member is read back as it was."""
    table = Table(conversations={"ab": Conversation("direct", 1, 1, {"alice": Member(1, 1)}, 0)})
    batch = Batch(
        lane="l",
        number=1,
        commands=[AdvanceReceipt(user_id="alice", connection_id="", conversation_id="ab")],
    )
    state = table.read(START, Limits(1, 0.0), [batch])
    assert state.conversations["ab"].members == {"alice": Member(1, 1)}
