"""Roles in a group, and the events of changes. test_group_store.py reads them back."""

from collections.abc import Sequence

import pytest

from services.persistence.announce import acquaintances
from services.persistence.decide.batch import decide
from services.persistence.decide.changes import Decision
from services.persistence.decide.state import Conversation, Head, Limits, Member, State
from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    Batch,
    Begun,
    ClearConversation,
    Command,
    CreateGroup,
    Done,
    Refused,
    RemoveMember,
    Result,
    Results,
    SetConversation,
    SetRole,
    StoreMessage,
)
from shared.frames import MAX_MEMBERS, MAX_NAMED, Role

NOW = 3_600_000_000
PEOPLE = ("alice", "bob", "carol", "dave")


def team(**roles: Role) -> State:
    """A group of these, who joined in that order, and everybody's feed."""
    members = {
        user_id: Member(version=0, role=role, joined_at=joined)
        for joined, (user_id, role) in enumerate(roles.items())
    }
    seen = State(NOW, b"key", Limits(20, 0.0), heads={user_id: Head() for user_id in PEOPLE})
    seen.heads |= {user_id: Head() for user_id in members}
    seen.conversations["g"] = Conversation("group", 0, 0, members, 0, "Team", 1)
    return seen


def run(seen: State, *told: Command) -> Decision:
    number = seen.fences["l"].number + 1 if "l" in seen.fences else 1
    return decide(seen, [Batch(lane="l", number=number, commands=list(told))])


def results(decision: Decision) -> Sequence[Result]:
    [reply] = decision.replies
    assert isinstance(reply, Results)
    return reply.results


def code(seen: State, command: Command) -> str:
    [result] = results(run(seen, command))
    return result.code if isinstance(result, Refused) else "ok"


def told(decision: Decision) -> list[tuple[str, str]]:
    return [(row.user_id, row.fact.kind) for row in decision.changes.feed]


def create(
    *members: str, title: str = "Team", by: str = "alice", place: str = "new"
) -> CreateGroup:
    return CreateGroup(user_id=by, conversation_id=place, title=title, members=list(members))


def add(by: str, *members: str) -> AddMembers:
    return AddMembers(user_id=by, conversation_id="g", members=list(members))


def remove(by: str, member_id: str) -> RemoveMember:
    return RemoveMember(user_id=by, conversation_id="g", member_id=member_id)


def rename(by: str, title: str) -> SetConversation:
    return SetConversation(user_id=by, conversation_id="g", title=title)


def role(by: str, member_id: str, given: Role) -> SetRole:
    return SetRole(user_id=by, conversation_id="g", member_id=member_id, role=given)


def say(by: str, client_id: str = "c1", place: str = "g") -> StoreMessage:
    return StoreMessage(
        user_id=by, connection_id="s", client_id=client_id, conversation_id=place, content="hi"
    )


def mark(by: str, read: int = 0, delivered: int = 0) -> AdvanceReceipt:
    return AdvanceReceipt(
        user_id=by,
        connection_id="s",
        conversation_id="g",
        read_seq=read,
        delivered_seq=delivered,
    )


# ------------------------------------------------------------------ made once


def test_s46_a_group_is_made_once_and_each_member_is_told_once() -> None:
    seen = team(alice="owner")
    decision = run(seen, create("bob", "carol", "bob", "alice"))
    assert results(decision) == [Begun(True)]
    group = seen.conversations["new"]
    assert {u: m.role for u, m in group.members.items()} == {
        "alice": "owner",
        "bob": "member",
        "carol": "member",
    }
    assert sorted(told(decision)) == [(u, "created") for u in ("alice", "bob", "carol")]
    again = run(seen, create("carol", "bob"))
    assert (results(again), told(again)) == ([Begun(False)], [])


def test_c3_a_group_of_the_same_client_id_and_other_words_is_a_conflict() -> None:
    seen = team(alice="owner")
    run(seen, create("bob"))
    for other in (create("bob", title="Other"), create("bob", "carol"), create()):
        assert code(seen, other) == "client_id_conflict"


def test_a_group_of_somebody_unknown_is_not_made() -> None:
    seen = team(alice="owner")
    assert code(seen, create("bob", "nobody")) == "not_found"
    assert "new" not in seen.conversations
    assert code(seen, add("alice", "bob", "nobody")) == "not_found"
    assert "bob" not in seen.conversations["g"].members


def test_a_group_has_at_most_five_hundred_members() -> None:
    seen = team(alice="owner")
    crowd = [f"u{number}" for number in range(MAX_MEMBERS)]
    seen.heads |= {user_id: Head() for user_id in crowd}
    assert code(seen, create(*crowd)) == "too_large"
    assert code(seen, create(*crowd[1:])) == "ok"
    assert code(seen, add("alice", *crowd)) == "too_large"
    assert code(seen, add("alice", *crowd[1:])) == "ok"
    assert code(seen, add("alice", "bob")) == "too_large"
    assert code(seen, add("alice", crowd[1])) == "ok", "who is there already takes no place"


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    ("by", "command", "expected"),
    [
        (by, kind, expected)
        for kind, owner, admin, member in [
            ("add", "ok", "ok", "forbidden"),
            ("rename", "ok", "ok", "forbidden"),
            ("remove member", "ok", "ok", "forbidden"),
            ("remove admin", "ok", "forbidden", "forbidden"),
            ("remove owner", "ok", "forbidden", "forbidden"),
            ("promote", "ok", "forbidden", "forbidden"),
            ("leave", "ok", "ok", "ok"),
        ]
        for by, expected in [
            ("olga", owner),
            ("adam", admin),
            ("mona", member),
            ("stranger", "not_found"),
        ]
    ],
)
def test_s46_what_a_role_may(by: str, command: str, expected: str) -> None:
    seen = team(olga="owner", otto="owner", adam="admin", anna="admin", mona="member", max="member")
    seen.heads["stranger"] = Head()
    asked: dict[str, Command] = {
        "add": add(by, "bob"),
        "rename": rename(by, "Other"),
        "remove member": remove(by, "max"),
        "remove admin": remove(by, "anna"),
        "remove owner": remove(by, "otto"),
        "promote": role(by, "max", "admin"),
        "leave": remove(by, by),
    }
    before = set(seen.conversations["g"].members)
    decision = run(seen, asked[command])
    [result] = results(decision)
    assert (result.code if isinstance(result, Refused) else "ok") == expected
    if expected != "ok":
        assert (told(decision), set(seen.conversations["g"].members)) == ([], before)


def test_absent_and_forbidden_answer_alike() -> None:
    seen = team(alice="owner")
    for command in (add("bob", "carol"), rename("bob", "x"), remove("bob", "alice"), say("bob")):
        [here] = results(run(seen, command))
        seen.conversations["g2"] = seen.conversations.pop("g")
        [absent] = results(run(seen, command))
        seen.conversations["g"] = seen.conversations.pop("g2")
        assert here == absent
        assert isinstance(here, Refused)


def test_a_direct_conversation_has_nobody_to_add_and_no_title() -> None:
    seen = team(alice="owner")
    pair = {"alice": Member(), "bob": Member()}
    seen.conversations["g"] = Conversation("direct", 0, 0, pair, 0)
    for command in (
        add("alice", "carol"),
        rename("alice", "x"),
        remove("alice", "bob"),
        remove("alice", "alice"),
        role("alice", "bob", "admin"),
    ):
        assert code(seen, command) == "invalid_request"
    assert seen.conversations["g"].members.keys() == pair.keys()


# ------------------------------------------------------------------ owners


@pytest.mark.parametrize(
    ("roles", "heir"),
    [
        ({"alice": "owner", "mona": "member", "adam": "admin", "anna": "admin"}, "adam"),
        ({"alice": "owner", "mona": "member", "max": "member"}, "mona"),
        ({"alice": "owner", "otto": "owner", "adam": "admin"}, None),
        ({"alice": "owner"}, None),
    ],
    ids=["the oldest admin", "the oldest member", "another owner", "nobody"],
)
def test_s46_the_last_owner_who_leaves_hands_over(roles: dict[str, Role], heir: str | None) -> None:
    seen = team(**roles)
    others = [user_id for user_id in roles if user_id != "alice"]
    decision = run(seen, remove("alice", "alice"))
    assert results(decision) == [Done()]
    expected = [(u, "left") for u in (*others, "alice")]
    expected += [(u, "role") for u in others] if heir else []
    assert told(decision) == expected
    group = seen.conversations["g"]
    assert "alice" not in group.members
    assert not others or "owner" in {member.role for member in group.members.values()}
    if heir:
        assert group.members[heir].role == "owner"


def test_the_last_owner_cannot_step_back_before_there_is_another() -> None:
    seen = team(alice="owner", bob="admin")
    assert code(seen, role("alice", "alice", "member")) == "forbidden"
    assert code(seen, role("alice", "bob", "owner")) == "ok"
    assert code(seen, role("alice", "alice", "member")) == "ok"
    assert code(seen, role("alice", "bob", "member")) == "forbidden"


def test_what_changes_nothing_is_told_to_nobody() -> None:
    seen = team(alice="owner", bob="member")
    same = (add("alice", "bob"), rename("alice", "Team"), role("alice", "bob", "member"))
    decision = run(seen, *same)
    assert results(decision) == [Done()] * 3
    assert decision.changes.feed == []


def test_c9_changes_of_a_group_use_the_allowance_but_leaving_does_not() -> None:
    seen = team(alice="owner", bob="member")
    seen.limits = Limits(1, 0.1)
    assert code(seen, rename("alice", "Other")) == "ok"
    for command in (add("alice", "carol"), rename("alice", "x"), remove("alice", "bob")):
        assert code(seen, command) == "rate_limited"
    assert code(seen, create("bob")) == "rate_limited"
    assert code(seen, remove("alice", "alice")) == "ok"


# ------------------------------------------------------------------ joining, leaving, messages


def test_r12_leaving_and_sending_in_one_transaction_are_decided_in_their_order() -> None:
    seen = team(alice="owner", bob="member")
    decision = run(seen, say("bob", "c1"), remove("alice", "bob"), say("bob", "c2"), say("alice"))
    codes = [r.code if isinstance(r, Refused) else "ok" for r in results(decision)]
    assert codes == ["ok", "ok", "not_found", "ok"]
    kinds = [kind for user_id, kind in told(decision) if user_id == "bob"]
    assert kinds == ["message", "member_removed"], "and nothing afterwards"


def test_who_reads_and_leaves_at_once_is_told_of_no_receipt() -> None:
    seen = team(alice="owner", bob="member")
    run(seen, say("alice"))
    decision = run(seen, mark("bob", read=1), remove("bob", "bob"))
    assert [kind for _, kind in told(decision)] == ["left", "left"]


@pytest.mark.parametrize("whole", [False, True])
def test_s46_a_new_member_sees_from_joining_on_or_the_whole_by_setting(whole: bool) -> None:
    seen = team(alice="owner", bob="member")
    seen.limits = Limits(20, 0.0, group_history=whole)
    run(seen, say("alice", "c1"), say("alice", "c2"), add("alice", "carol"))
    carol = seen.conversations["g"].members["carol"]
    assert (carol.read_seq, carol.delivered_seq) == (2, 2), "what was before is not unread"
    assert carol.cleared_seq == (0 if whole else 2)
    assert code(seen, ClearConversation(user_id="carol", conversation_id="g")) == "ok"


def test_who_comes_back_has_a_higher_version_of_it_than_before() -> None:
    seen = team(alice="owner", bob="member")
    for archived in (True, False, True):
        run(seen, SetConversation(user_id="bob", conversation_id="g", archived=archived))
    group = seen.conversations["g"]
    before = group.version + group.members["bob"].version
    run(seen, remove("alice", "bob"))
    parted = group.version
    run(seen, add("alice", "bob"))
    assert before < parted < group.version + group.members["bob"].version


def doubts(decision: Decision) -> set[tuple[str, str]]:
    found = list(acquaintances(decision))
    assert all(told.parted for told in found)
    return {(told.user_id, told.other_id) for told in found}


@pytest.mark.parametrize("by", ["alice", "carol"])
def test_f_s18_a_parting_puts_both_sides_in_doubt(by: str) -> None:
    """The user who leaves asks again about everybody, the others only about that user."""
    seen = team(alice="owner", bob="member", carol="member")
    decision = run(seen, remove(by, "carol"), mark("bob", 0))
    assert doubts(decision) == {("carol", ""), ("alice", "carol"), ("bob", "carol")}
    assert doubts(run(seen, remove("alice", "bob"))) == {("bob", ""), ("alice", "bob")}


def test_f_s18_who_is_back_at_once_has_not_parted() -> None:
    seen = team(alice="owner", bob="member")
    assert doubts(run(seen, remove("bob", "bob"), add("alice", "bob"))) == set()
    assert doubts(run(seen, say("alice"), rename("alice", "New"), add("alice", "carol"))) == set()


def test_a_new_member_brings_the_group_to_the_top_of_the_inboxes() -> None:
    seen = team(alice="owner", bob="member")
    decision = run(seen, say("bob"), add("alice", "carol"))
    added = decision.changes.group_changes[0]
    assert seen.conversations["g"].last_message_id == added.change_id == seen.last_message_id


# ------------------------------------------------------------------ receipts


def hearers(decision: Decision) -> list[str]:
    return sorted(user_id for user_id, kind in told(decision) if kind == "receipt")


def test_s46_a_receipt_goes_to_the_reader_and_the_authors_concerned() -> None:
    seen = team(alice="owner", bob="member", carol="member", dave="member")
    run(seen, say("alice", "c1"), say("bob", "c2"))
    assert hearers(run(seen, mark("dave", delivered=2))) == ["alice", "bob", "dave"]
    assert hearers(run(seen, mark("dave", read=1))) == ["alice", "bob", "dave"]
    assert hearers(run(seen, mark("dave", read=2))) == ["bob", "dave"]
    assert hearers(run(seen, mark("carol", delivered=1), mark("carol", read=2))) == [
        "alice",
        "bob",
        "carol",
    ]
    assert hearers(run(seen, mark("dave", read=2))) == []


@pytest.mark.parametrize("count", [MAX_NAMED, MAX_NAMED + 1])
def test_s46_above_32_members_no_delivered_is_told_or_kept(count: int) -> None:
    crowd: dict[str, Role] = {f"u{number}": "member" for number in range(count)}
    seen = team(**crowd)
    run(seen, say("u0"))
    told_of = hearers(run(seen, mark("u1", delivered=1)))
    member = seen.conversations["g"].members["u1"]
    if count <= MAX_NAMED:
        assert (told_of, member.delivered_seq) == (["u0", "u1"], 1)
    else:
        assert (told_of, member.delivered_seq) == ([], 0)
    assert hearers(run(seen, mark("u1", read=1))) == ["u0", "u1"]
    assert (member.delivered_seq, member.read_seq) == (1, 1)
