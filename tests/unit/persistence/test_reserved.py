"""Users whose ids are ours and all others: for the one, the other is not there."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.ladder import log
from services.persistence.decide.batch import decide
from services.persistence.decide.state import Conversation, Head, Limits, Member, State
from shared import subjects
from shared.commands import (
    AddMembers,
    Batch,
    BeginConversation,
    Command,
    CreateGroup,
    FileReport,
    LogRow,
    Refused,
    Result,
    Results,
    SetBlock,
    StoreMessage,
)
from shared.reserved import are_apart, is_reserved

KIT, LOAD = "linkup--kit", "linkup--load"
PEOPLE = ("alice", "bob", KIT, LOAD)
GROUPS = {"alice": "of alice", KIT: "of kit"}


def say(by: str, to: str) -> Command:
    place = subjects.direct_conversation_id(by, to)
    return StoreMessage(
        user_id=by, connection_id="", client_id="c", conversation_id=place, content="x", to=to
    )


def begin(by: str, to: str) -> Command:
    place = subjects.direct_conversation_id(by, to)
    return BeginConversation(user_id=by, conversation_id=place, to=to)


def group(by: str, other: str) -> Command:
    return CreateGroup(user_id=by, conversation_id="new", title="New", members=[other])


def crowd(by: str, other: str) -> Command:
    """Too many as well: whether somebody is there is not to be told by that."""
    members = [other, *[f"nobody-{number}" for number in range(600)]]
    return CreateGroup(user_id=by, conversation_id="new", title="New", members=members)


def add(by: str, other: str) -> Command:
    return AddMembers(user_id=by, conversation_id=GROUPS[by], members=[other])


def block(by: str, other: str) -> Command:
    place = subjects.direct_conversation_id(by, other)
    return SetBlock(user_id=by, conversation_id=place, other_id=other, blocked=True)


def unblock(by: str, other: str) -> Command:
    place = subjects.direct_conversation_id(by, other)
    return SetBlock(user_id=by, conversation_id=place, other_id=other, blocked=False)


def report(by: str, other: str) -> Command:
    return FileReport(
        user_id=by, report_id="r", other_id=other, message_id=None, reason="spam", comment="x"
    )


NAMING: list[Callable[[str, str], Command]] = [say, begin, group, add, block, unblock, report]


def outcome(command: Command) -> Result:
    state = State(1_000_000, b"key", Limits(20, 0.0), heads={one: Head() for one in PEOPLE})
    for owner, place in GROUPS.items():
        members = {owner: Member(role="owner")}
        state.conversations[place] = Conversation("group", 0, 1, members, 0, "A group")
    decision = decide(state, [Batch(lane="l", number=1, commands=[command])])
    [reply] = decision.replies
    assert isinstance(reply, Results)
    refused = isinstance(reply.results[0], Refused)
    assert bool(decision.changes.feed or decision.changes.reports or decision.changes.blocks) <= (
        not refused
    )
    return reply.results[0]


@pytest.mark.parametrize("naming", [*NAMING, crowd], ids=lambda naming: naming.__name__)
@pytest.mark.parametrize(("by", "other"), [("alice", KIT), (KIT, "alice")])
def test_f_s9_c9_across_the_two_nobody_is_there(
    naming: Callable[[str, str], Command], by: str, other: str
) -> None:
    """Word for word as for somebody who does not exist."""
    refused = outcome(naming(by, other))
    assert isinstance(refused, Refused)
    assert refused.code == "not_found"
    assert refused == outcome(naming(by, "nobody"))


@pytest.mark.parametrize("naming", NAMING, ids=lambda naming: naming.__name__)
@pytest.mark.parametrize(("by", "other"), [("alice", "bob"), (KIT, LOAD)])
def test_f_s9_among_themselves_all_is_as_ever(
    naming: Callable[[str, str], Command], by: str, other: str
) -> None:
    assert not isinstance(outcome(naming(by, other)), Refused)


def test_f_s9_the_prefix_is_compared_exactly() -> None:
    assert [one for one in PEOPLE if is_reserved(one)] == [KIT, LOAD]
    for one in (
        "linkup-",
        "linkup-x",
        "Linkup--x",
        "x-linkup--",
        " linkup--",
        "linkup\u2010\u2010",
    ):
        assert not is_reserved(one)
    assert is_reserved("linkup--")


@given(st.text(min_size=1), st.text())
def test_f_s9_who_is_apart_is_so_both_ways(one: str, rest: str) -> None:
    other = f"linkup--{rest}"
    assert are_apart(one, other) == are_apart(other, one) == (not one.startswith("linkup--"))
    assert not are_apart(other, other)


@pytest.mark.parametrize("kind", ["message", "receipt"])
def test_f_s9_nothing_opens_a_notification_of_a_reserved_user(kind: str) -> None:
    def row(user_id: str, actor_id: str) -> LogRow:
        return LogRow("1", 1, user_id, kind, "d", 1, 1, actor_id, 1)

    for ours, theirs in ((KIT, LOAD), (KIT, KIT)):
        assert log.told([row(ours, theirs)]) == log.Told({}, [])
    told = ("alice", "bob") if kind == "message" else ("alice", "alice")
    assert any(log.told([row(*told)]))
