"""A block prevents some things and not others; a report keeps a reference."""

import pytest

from services.persistence.announce import announce
from services.persistence.decide.batch import decide
from services.persistence.decide.changes import Decision
from services.persistence.decide.state import (
    Conversation,
    Head,
    Limits,
    Member,
    Message,
    State,
)
from shared import commands, subjects
from shared.commands import (
    Acquaintance,
    AddMembers,
    AdvanceReceipt,
    Batch,
    BeginConversation,
    Begun,
    Command,
    CreateGroup,
    DeleteMessage,
    Done,
    EditMessage,
    Filed,
    FileReport,
    React,
    Refused,
    Result,
    Results,
    SetBlock,
    Stored,
    StoreMessage,
)
from shared.frames.fields import Reason
from tests.unit.gateway.fakes import FakeBus

NOW = 3_600_000_000
PLACE = subjects.direct_conversation_id("alice", "bob")


def seen(*, talking: bool = True) -> State:
    """Alice and Bob, with a message of each if they are talking already; Carol is there too."""
    people = ("alice", "bob", "carol")
    state = State(NOW, b"key", Limits(20, 0.0), heads={one: Head() for one in people})
    if talking:
        members = {"alice": Member(), "bob": Member()}
        state.conversations[PLACE] = Conversation("direct", 2, 2, members, 0)
        for seq, sender in ((1, "alice"), (2, "bob")):
            message = Message(seq, PLACE, seq, sender, f"first of {sender}", b"", NOW)
            state.messages_by_id[seq] = message
        state.last_message_id = 2
    return state


def run(state: State, *told: Command) -> Decision:
    number = state.fences["l"].number + 1 if "l" in state.fences else 1
    return decide(state, [Batch(lane="l", number=number, commands=list(told))])


def results(decision: Decision) -> list[Result]:
    [reply] = decision.replies
    assert isinstance(reply, Results)
    return reply.results


def outcome(state: State, command: Command) -> str:
    [result] = results(run(state, command))
    return result.code if isinstance(result, Refused) else "ok"


def block(by: str, other: str, blocked: bool = True) -> SetBlock:
    place = subjects.direct_conversation_id(by, other)
    return SetBlock(user_id=by, conversation_id=place, other_id=other, blocked=blocked)


def say(by: str, to: str, client_id: str = "c1") -> StoreMessage:
    place = subjects.direct_conversation_id(by, to)
    return StoreMessage(
        user_id=by, connection_id="", client_id=client_id, conversation_id=place, content="x", to=to
    )


def wiping(by: str, message_id: int) -> DeleteMessage:
    return DeleteMessage(user_id=by, message_id=message_id, mode="everyone")


def speaking(by: str, other: str, own_message: int) -> list[Command]:
    """Every way to say something new in a direct conversation."""
    return [
        say(by, other),
        EditMessage(user_id=by, message_id=own_message, content="y"),
        React(user_id=by, message_id=1, emoji="x"),
        React(user_id=by, message_id=2, emoji="x"),
    ]


@pytest.mark.parametrize("talking", [True, False])
def test_c9_who_is_blocked_is_answered_as_if_nobody_were_there(talking: bool) -> None:
    state = seen(talking=talking)
    run(state, block("alice", "bob"))
    refused, absent = results(run(state, say("bob", "alice"), say("bob", "nobody-at-all")))
    assert refused == absent
    assert outcome(state, say("alice", "bob")) == "forbidden"


def test_c9_nothing_new_is_said_across_a_block_in_either_direction() -> None:
    state = seen()
    run(state, block("alice", "bob"))
    theirs = [outcome(state, command) for command in speaking("bob", "alice", 2)]
    own = [outcome(state, command) for command in speaking("alice", "bob", 1)]
    assert (theirs, own) == (["not_found"] * 4, ["forbidden"] * 4)


def test_c9_a_conversation_does_not_begin_across_a_block() -> None:
    state = seen(talking=False)
    run(state, block("alice", "bob"))
    for by, other, code in (("bob", "alice", "not_found"), ("alice", "bob", "forbidden")):
        begin = BeginConversation(user_id=by, conversation_id=PLACE, to=other)
        assert outcome(state, begin) == code
    assert PLACE not in state.conversations


def test_a_conversation_that_is_there_can_still_be_opened() -> None:
    state = seen()
    run(state, block("alice", "bob"))
    begin = BeginConversation(user_id="bob", conversation_id=PLACE, to="alice")
    assert results(run(state, begin)) == [Begun(False)]


def test_what_was_said_can_be_taken_back_across_a_block() -> None:
    state = seen()
    run(state, *[React(user_id=by, message_id=2, emoji="x") for by in ("alice", "bob")])
    run(state, block("alice", "bob"))
    for by in ("bob", "alice"):
        off = React(user_id=by, message_id=2, emoji="x", remove=True)
        assert results(run(state, off)) == [Done()]
        assert not run(state, off).changes.feed
    for wipe in (wiping("bob", 2), wiping("alice", 1)):
        assert results(run(state, wipe)) == [Done()]
        assert state.messages_by_id[wipe.message_id].deleted_at == NOW


def test_c3_a_repeat_gets_its_first_ack_across_a_block() -> None:
    state = seen()
    [first] = results(run(state, say("bob", "alice")))
    assert isinstance(first, Stored)
    run(state, block("alice", "bob"))
    [again] = results(run(state, say("bob", "alice")))
    assert isinstance(again, Stored)
    assert (again.message_id, again.duplicate) == (first.message_id, True)


def test_what_is_taken_back_is_as_if_it_had_never_been() -> None:
    state = seen()
    run(state, block("alice", "bob"), block("bob", "alice"))
    run(state, block("alice", "bob", False))
    assert (outcome(state, say("alice", "bob")), outcome(state, say("bob", "alice"))) == (
        "not_found",
        "forbidden",
    )
    run(state, block("bob", "alice", False))
    assert outcome(state, say("bob", "alice")) == outcome(state, say("alice", "bob")) == "ok"


def test_c9_a_block_counts_within_its_own_transaction() -> None:
    state = seen()
    decision = run(state, say("bob", "alice", "a"), block("alice", "bob"), say("bob", "alice", "b"))
    kinds = [type(result) for result in results(decision)]
    assert kinds == [Stored, Done, Refused]


def test_neither_brings_the_other_into_a_group() -> None:
    state = seen()
    team = CreateGroup(user_id="carol", conversation_id="g", title="T", members=["alice"])
    den = CreateGroup(user_id="bob", conversation_id="h", title="T", members=["carol"])
    run(state, team, den, block("alice", "bob"))
    for by, other, code in (("bob", "alice", "not_found"), ("alice", "bob", "forbidden")):
        new = CreateGroup(user_id=by, conversation_id=f"of {by}", title="T", members=[other])
        assert outcome(state, new) == code
    add = AddMembers(user_id="bob", conversation_id="h", members=["alice"])
    assert outcome(state, add) == "not_found"
    assert outcome(state, AddMembers(user_id="carol", conversation_id="g", members=["bob"])) == "ok"


def test_in_a_group_that_both_are_in_all_goes_on() -> None:
    state = seen()
    team = CreateGroup(user_id="carol", conversation_id="g", title="T", members=["alice", "bob"])
    run(state, team, block("alice", "bob"))
    for by in ("alice", "bob"):
        said = StoreMessage(
            user_id=by, connection_id="", client_id="in g", conversation_id="g", content="x"
        )
        decision = run(state, said)
        assert {row.user_id for row in decision.changes.feed} == {"alice", "bob", "carol"}


def test_the_marks_of_who_blocks_stand_still() -> None:
    """They would tell the other side that somebody is there and reads."""
    state = seen()
    run(state, block("alice", "bob"))
    read = AdvanceReceipt(user_id="alice", connection_id="", conversation_id=PLACE, read_seq=2)
    decision = run(state, read)
    assert results(decision) == [Done()]
    assert state.conversations[PLACE].members["alice"].read_seq == 0
    assert decision.changes.feed == []
    run(state, block("alice", "bob", False), read)
    assert state.conversations[PLACE].members["alice"].read_seq == 2


def test_only_who_blocks_hears_of_it_and_once() -> None:
    state = seen()
    decision = run(state, block("alice", "bob"), block("alice", "bob"))
    assert [(row.user_id, row.fact.kind) for row in decision.changes.feed] == [("alice", "set")]
    assert run(state, block("alice", "bob")).changes.blocks == set()


async def test_whoever_remembers_that_they_know_each_other_is_told_to_forget() -> None:
    bus = FakeBus()
    await announce(bus, "e1", run(seen(), block("alice", "bob")))  # type: ignore[arg-type]
    told = [
        (subject, commands.decode(payload, Acquaintance))
        for subject, payload in bus.published
        if subject.endswith(".control")
    ]
    assert sorted(told, key=lambda one: one[1].user_id) == [
        (subjects.control("alice"), Acquaintance(user_id="alice", other_id="bob")),
        (subjects.control("bob"), Acquaintance(user_id="bob", other_id="alice")),
    ]


@pytest.mark.parametrize(("other", "code"), [("nobody", "not_found"), ("alice", "invalid_request")])
def test_nobody_blocks_themselves_or_who_is_not_there(other: str, code: str) -> None:
    assert outcome(seen(), block("alice", other)) == code


# ------------------------------------------------------------------ reports


def report(
    by: str = "alice",
    other: str | None = "bob",
    message_id: int | None = None,
    reason: Reason = "spam",
    report_id: str = "r1",
) -> FileReport:
    return FileReport(
        user_id=by,
        report_id=report_id,
        other_id=other,
        message_id=message_id,
        reason=reason,
        comment="",
    )


def test_s54_a_report_is_stored_once_and_refers_to_the_message() -> None:
    state = seen()
    decision = run(state, report(other=None, message_id=2), report(other=None, message_id=2))
    assert results(decision) == [Filed(NOW, False), Filed(NOW, True)]
    [stored] = decision.changes.reports
    assert (stored.user_id, stored.message_id, stored.version) == ("bob", 2, 1)
    assert decision.changes.feed == []


def test_c3_another_report_of_the_same_client_id_is_a_conflict() -> None:
    state = seen()
    run(state, report())
    for other in (report(reason="fraud"), report(other="carol"), report(other=None, message_id=2)):
        assert outcome(state, other) == "client_id_conflict"


def test_s54_what_one_may_not_see_cannot_be_reported() -> None:
    state = seen()
    assert outcome(state, report(by="carol", other=None, message_id=2)) == "not_found"
    assert outcome(state, report(other=None, message_id=99)) == "not_found"
    assert outcome(state, report(other="nobody")) == "not_found"


def test_s54_nobody_reports_themselves() -> None:
    state = seen()
    assert outcome(state, report(other=None, message_id=1)) == "invalid_request"
    assert outcome(state, report(other="alice")) == "invalid_request"


def test_s54_reports_use_the_allowance_of_messages() -> None:
    state = seen()
    state.limits = Limits(2, 1.0)
    told = [report(report_id=f"r{number}") for number in range(3)]
    codes = [outcome(state, one) for one in told]
    assert codes == ["ok", "ok", "rate_limited"]
