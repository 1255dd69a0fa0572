"""Groups against a dictionary: who is in, who may, who hears of what, in any order of events.

The bounds are small here (a group holds four, two are named), so that they are met.
"""

from collections import Counter
from dataclasses import dataclass, field
from unittest.mock import patch

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.persistence.announce import events_by_user
from services.persistence.decide.batch import decide
from services.persistence.decide.changes import Changed, Decision, Marked, Said, Seen
from services.persistence.decide.state import Limits, Message
from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    Batch,
    Command,
    CreateGroup,
    PutUser,
    Refused,
    RemoveMember,
    Result,
    Results,
    SetConversation,
    SetRole,
    StoreMessage,
)
from tests.property.table import Table

USERS = ("alice", "bob", "carol", "dave", "erin")
UNKNOWN = "nobody"
PLACES = ("alice-1", "alice-1", "alice-1", "bob-1")  # a group's id is its maker's
MOST, NAMED = 4, 2
RANK = {"member": 0, "admin": 1, "owner": 2}


@dataclass
class Seat:
    """One member. `since`: the last message before they came."""

    role: str
    joined_at: int
    since: int
    delivered: int
    read: int
    sent: int = 0
    muted: bool = False


@dataclass
class Group:
    words: tuple[str, frozenset[str]]
    title: str
    seats: dict[str, Seat] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def may(self, user_id: str, role: str) -> bool:
        return RANK[self.seats[user_id].role] >= RANK[role]

    def owners(self) -> list[str]:
        return [user_id for user_id, seat in self.seats.items() if seat.role == "owner"]

    def heir(self) -> str:
        seats = self.seats.items()
        return sorted(seats, key=lambda s: (-RANK[s[1].role], s[1].joined_at, s[0]))[0][0]


@dataclass
class Model:
    """The expected state. Every method returns the code to expect."""

    whole_history: bool
    groups: dict[str, Group] = field(default_factory=dict)
    told: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # user → place, kind
    moved: dict[tuple[str, str], int] = field(default_factory=dict)
    client_ids: set[tuple[str, str]] = field(default_factory=set)

    def tell(self, place: str, kind: str, *also: str) -> None:
        for user_id in (*self.groups[place].seats, *also):
            self.told.setdefault(user_id, []).append((place, kind))

    def seat(self, place: str, user_id: str, role: str, now: int) -> None:
        group = self.groups[place]
        end = len(group.said)
        group.seats[user_id] = Seat(role, now, 0 if self.whole_history else end, end, end)

    def carry_out(self, told: Command, now: int) -> str:  # noqa: C901 - one case a command
        if isinstance(told, CreateGroup):
            return self.create(told, now)
        assert isinstance(
            told,
            AddMembers | RemoveMember | SetRole | SetConversation | StoreMessage | AdvanceReceipt,
        )
        group = self.groups.get(told.conversation_id)
        if group is None or told.user_id not in group.seats:
            return "not_found"
        match told:
            case AddMembers():
                return self.add(group, told, now)
            case RemoveMember():
                return self.remove(group, told)
            case SetRole():
                return self.give(group, told)
            case SetConversation():
                return self.rename(group, told)
            case StoreMessage():
                return self.say(group, told)
            case AdvanceReceipt():
                return self.mark(group, told)

    def create(self, told: CreateGroup, now: int) -> str:
        words = told.title, frozenset({told.user_id, *told.members})
        known = self.groups.get(told.conversation_id)
        if known is not None:
            return "ok" if known.words == words else "client_id_conflict"
        if UNKNOWN in words[1]:
            return "not_found"
        if len(words[1]) > MOST:
            return "too_large"
        self.groups[told.conversation_id] = Group(words, told.title)
        for user_id in words[1]:
            role = "owner" if user_id == told.user_id else "member"
            self.seat(told.conversation_id, user_id, role, now)
        self.tell(told.conversation_id, "created")
        return "ok"

    def add(self, group: Group, told: AddMembers, now: int) -> str:
        fresh = set(told.members) - group.seats.keys()
        if not group.may(told.user_id, "admin"):
            return "forbidden"
        if UNKNOWN in fresh:
            return "not_found"
        if fresh and len(group.seats) + len(fresh) > MOST:
            return "too_large"
        for user_id in fresh:
            self.seat(told.conversation_id, user_id, "member", now)
        if fresh:
            self.tell(told.conversation_id, "member_added")
        return "ok"

    def remove(self, group: Group, told: RemoveMember) -> str:
        leaves = told.user_id == told.member_id
        if not leaves:
            if not group.may(told.user_id, "admin"):
                return "forbidden"
            if told.member_id not in group.seats:
                return "not_found"
            if group.may(told.member_id, "admin") and not group.may(told.user_id, "owner"):
                return "forbidden"
        del group.seats[told.member_id]
        kind = "left" if leaves else "member_removed"
        self.tell(told.conversation_id, kind, told.member_id)
        if group.seats and not group.owners():
            group.seats[group.heir()].role = "owner"
            self.tell(told.conversation_id, "role")
        return "ok"

    def give(self, group: Group, told: SetRole) -> str:
        if not group.may(told.user_id, "owner"):
            return "forbidden"
        if told.member_id not in group.seats:
            return "not_found"
        if group.seats[told.member_id].role == told.role:
            return "ok"
        if group.owners() == [told.member_id]:
            return "forbidden"
        group.seats[told.member_id].role = told.role
        self.tell(told.conversation_id, "role")
        return "ok"

    def rename(self, group: Group, told: SetConversation) -> str:
        """Or, without a title, mute it for oneself."""
        if told.title is None:
            seat = group.seats[told.user_id]
            if told.muted is not None and seat.muted != told.muted:
                seat.muted = told.muted
                self.told.setdefault(told.user_id, []).append((told.conversation_id, "set"))
            return "ok"
        if not group.may(told.user_id, "admin"):
            return "forbidden"
        if group.title != told.title:
            group.title = told.title
            self.tell(told.conversation_id, "renamed")
        return "ok"

    def say(self, group: Group, told: StoreMessage) -> str:
        self.client_ids.add((told.user_id, told.client_id))
        group.said.append(told.user_id)
        seat, seq = group.seats[told.user_id], len(group.said)
        seat.sent = seq
        if seat.read == seq - 1:
            seat.read = seat.delivered = seq
        self.tell(told.conversation_id, "message")
        return "ok"

    def mark(self, group: Group, told: AdvanceReceipt) -> str:
        seat, last = group.seats[told.user_id], len(group.said)
        delivered = told.delivered_seq if len(group.seats) <= NAMED else 0
        read = max(seat.read, min(told.read_seq, last))
        after = max(seat.delivered, min(delivered, last), read), read
        if after != (seat.delivered, seat.read):
            before = seat.read if read > seat.read else seat.delivered
            key = told.conversation_id, told.user_id
            self.moved[key] = min(before, self.moved.get(key, before))
            seat.delivered, seat.read = after
        return "ok"

    def tell_receipts(self) -> None:
        for (place, reader), before in self.moved.items():
            seats = self.groups[place].seats
            for user_id, seat in seats.items() if reader in seats else ():
                if user_id == reader or seat.sent > before:
                    self.told.setdefault(user_id, []).append((place, "receipt"))
        self.moved.clear()


users = st.sampled_from(USERS)
anybody = st.sampled_from((*USERS, *USERS, UNKNOWN))
places = st.sampled_from(PLACES)
titles = st.sampled_from(["Team", "Other"])
newcomers = st.lists(anybody, max_size=MOST)


@st.composite
def creations(draw: st.DrawFn) -> CreateGroup:
    place = draw(places)
    members = draw(newcomers)
    return CreateGroup(
        user_id=place.split("-")[0], conversation_id=place, title=draw(titles), members=members
    )


changes = (
    st.builds(
        AddMembers,
        user_id=users,
        conversation_id=places,
        members=st.lists(anybody, min_size=1, max_size=2),
    )
    | st.builds(RemoveMember, user_id=users, conversation_id=places, member_id=anybody)
    | st.builds(
        SetRole,
        user_id=users,
        conversation_id=places,
        member_id=anybody,
        role=st.sampled_from(["owner", "admin", "member"]),
    )
    | st.builds(SetConversation, user_id=users, conversation_id=places, title=titles)
    | st.builds(SetConversation, user_id=users, conversation_id=places, muted=st.booleans())
)
talk = st.builds(
    StoreMessage,
    user_id=users,
    connection_id=st.just(""),
    client_id=st.uuids().map(str),
    conversation_id=places,
    content=st.just("hi"),
)
marks = st.builds(
    AdvanceReceipt,
    user_id=users,
    connection_id=st.just("r"),
    conversation_id=places,
    delivered_seq=st.integers(0, 8),
    read_seq=st.integers(0, 8),
)
told = creations() | changes | changes | talk | talk | marks


class Groups(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bounds = [
            patch("services.persistence.decide.groups.MAX_MEMBERS", MOST),
            patch("services.persistence.decide.receipts.MAX_NAMED", NAMED),
        ]
        for bound in self.bounds:
            bound.start()
        self.table = Table()
        self.now = 1_000_000
        self.number = 0
        self.versions: dict[tuple[str, str], int] = {}

    def teardown(self) -> None:
        for bound in self.bounds:
            bound.stop()

    @initialize(
        whole_history=st.booleans(),
        members=st.sets(st.sampled_from(USERS[1:]), max_size=MOST - 1),
        admins=st.sets(st.sampled_from(USERS[1:])),
    )
    def begin(self, whole_history: bool, members: set[str], admins: set[str]) -> None:
        self.model = Model(whole_history)
        self.limits = Limits(1, 0.0, group_history=whole_history)
        known: list[Command] = [PutUser(user_id=user_id) for user_id in USERS]
        batch = Batch(lane="people", number=1, commands=known)
        self.table.write(decide(self.table.read(self.now, self.limits, [batch]), [batch]))
        group = CreateGroup(
            user_id="alice", conversation_id="alice-1", title="Team", members=sorted(members)
        )
        promoted: list[Command] = [
            SetRole(user_id="alice", conversation_id="alice-1", member_id=user_id, role="admin")
            for user_id in sorted(members & admins)
        ]
        self.transact([group, *promoted])

    @rule(commands=st.lists(told, min_size=1, max_size=6))
    def transact(self, commands: list[Command]) -> None:
        self.now += 1
        self.number += 1
        batch = Batch(lane="l", number=self.number, commands=commands)
        decision = decide(self.table.read(self.now, self.limits, [batch]), [batch])
        [reply] = decision.replies
        assert isinstance(reply, Results)
        for command, got in zip(commands, reply.results, strict=True):
            assert code_of(got) == self.model.carry_out(command, self.now), command
        self.model.tell_receipts()
        self.table.write(decision)
        self.hear(decision)

    def hear(self, decision: Decision) -> None:
        """Check the live events: a frame for each member, and one event for each former member."""
        for user_id, events in events_by_user(decision).items():
            latest: dict[tuple[str, str], int] = {}
            for event in events:
                frame = msgspec.json.decode(event.body) if event.body else {}
                if frame.get("type") == "conversation":
                    key = user_id, frame["conversation_id"]
                    self.look(user_id, frame)
                    assert frame["version"] > self.versions.get(key, 0), "the newest counts most"
                    latest[key] = max(frame["version"], latest.get(key, 0))
            self.versions |= latest

    def look(self, user_id: str, frame: dict[str, object]) -> None:
        group = self.model.groups[str(frame["conversation_id"])]
        if not frame["member_count"]:
            assert frame["change"] in ("left", "member_removed")
            assert frame["user_ids"] == [user_id]
            assert "title" not in frame
            return
        assert frame["members"] == sorted(group.seats)
        assert (frame["title"], frame["role"]) == (group.title, group.seats[user_id].role)

    @invariant()
    def members_roles_and_what_they_see_are_as_asked(self) -> None:
        assert self.table.conversations.keys() == self.model.groups.keys()
        for place, group in self.model.groups.items():
            row = self.table.conversations[place]
            assert (row.title, row.last_seq) == (group.title, len(group.said))
            assert {
                u: (m.role, m.cleared_seq, m.sent_seq, m.muted) for u, m in row.members.items()
            } == {u: (s.role, s.since, s.sent, s.muted) for u, s in group.seats.items()}
            assert {u: (m.delivered_seq, m.read_seq) for u, m in row.members.items()} == {
                u: (s.delivered, s.read) for u, s in group.seats.items()
            }
            assert not group.seats or group.owners(), "somebody owns it"
            assert len(group.seats) <= MOST

    @invariant()
    def one_row_a_member_an_event_and_nothing_after_leaving(self) -> None:
        heads: Counter[str] = Counter()
        told: dict[str, list[tuple[str, str]]] = {}
        for n, row in enumerate(self.table.feed, start=1):
            heads[row.user_id] += 1
            assert (row.cursor, row.n) == (heads[row.user_id], n)
            fact = row.fact.message if isinstance(row.fact, Said) else row.fact
            assert isinstance(fact, Message | Marked | Seen | Changed)
            told.setdefault(row.user_id, []).append((fact.conversation_id, row.fact.kind))
        receipts_apart = {u: _sorted_receipts(rows) for u, rows in told.items()}
        assert receipts_apart == {u: _sorted_receipts(r) for u, r in self.model.told.items()}

    @invariant()
    def c4_seq_is_1_to_n_and_no_id_is_there_twice(self) -> None:
        counts: Counter[str] = Counter()
        for message in self.table.messages:
            counts[message.conversation_id] += 1
            assert message.seq == counts[message.conversation_id]
        ids = [message.message_id for message in self.table.messages]
        ids += [change.change_id for change in self.table.group_changes]
        assert len(ids) == len(set(ids))


def code_of(result: Result) -> str:
    return result.code if isinstance(result, Refused) else "ok"


def _sorted_receipts(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort the receipts of each transaction, which stand together in any order."""
    result: list[tuple[str, str]] = []
    pending: list[tuple[str, str]] = []
    for row in rows:
        if row[1] == "receipt":
            pending.append(row)
        else:
            result += [*sorted(pending), row]
            pending = []
    return result + sorted(pending)


Groups.TestCase.settings = settings(max_examples=200, stateful_step_count=12)
test_s46_c9_decide_keeps_groups_as_they_are_asked = Groups.TestCase
