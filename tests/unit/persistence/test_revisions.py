"""Edits, deletions, reactions and replies, at the edges of their decisions."""

import pytest

from services.persistence.decide.batch import decide
from services.persistence.decide.changes import Decision, Edited
from services.persistence.decide.messages import content_hash
from services.persistence.decide.readset import read_set
from services.persistence.decide.revisions import MAX_OWN_REACTIONS, MAX_REACTIONS
from services.persistence.decide.state import (
    Head,
    Limits,
    Member,
    Reaction,
    State,
)
from shared.commands import (
    Batch,
    Command,
    DeleteMessage,
    Done,
    EditMessage,
    Fenced,
    React,
    Refused,
    Results,
    StoreMessage,
)

SECOND = 1_000_000
HOUR = 3600 * SECOND
THUMB = "\U0001f44d"


def seen(edit_window: float = 60.0, delete_window: float = 120.0) -> State:
    """Alice wrote message 1 to Bob; Carol stands by with message 2 to Alice."""
    state = State(HOUR, b"key", Limits(99, 0.0, edit_window, delete_window))
    state.heads = {user_id: Head() for user_id in ("alice", "bob", "carol")}
    assert codes(run(state, say("alice", "bob"), say("carol", "alice"))) == ["ok", "ok"]
    return state


def say(sender: str, to: str, client_id: str = "c1", reply_to: int | None = None) -> StoreMessage:
    return StoreMessage(
        user_id=sender,
        connection_id="s",
        client_id=client_id,
        conversation_id="".join(sorted(sender[0] + to[0])),
        content="hi",
        to=to,
        reply_to=reply_to,
    )


def edit(user_id: str = "alice", message_id: int = 1, content: str = "new") -> EditMessage:
    return EditMessage(user_id=user_id, message_id=message_id, content=content)


def wipe(user_id: str = "alice", message_id: int = 1) -> DeleteMessage:
    return DeleteMessage(user_id=user_id, message_id=message_id, mode="everyone")


def hide(user_id: str = "bob", message_id: int = 1) -> DeleteMessage:
    return DeleteMessage(user_id=user_id, message_id=message_id, mode="me")


def react(user_id: str = "bob", emoji: str = THUMB, *, remove: bool = False) -> React:
    return React(user_id=user_id, message_id=1, emoji=emoji, remove=remove)


def run(state: State, *told: Command, lane: str = "", number: int = 1) -> Decision:
    lane = lane or f"lane{len(state.fences)}"
    return decide(state, [Batch(lane=lane, number=number, commands=list(told))])


def codes(decision: Decision) -> list[str]:
    [reply] = decision.replies
    assert isinstance(reply, Results)
    return [r.code if isinstance(r, Refused) else "ok" for r in reply.results]


def told(decision: Decision) -> list[tuple[str, str]]:
    return [(row.user_id, row.fact.kind) for row in decision.changes.feed]


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize("command", [edit("bob"), wipe("bob")])
def test_d17_only_the_sender_edits_or_wipes(command: Command) -> None:
    decision = run(seen(), command)
    assert codes(decision) == ["forbidden"]
    assert (decision.changes.feed, decision.changes.revisions) == ([], [])


def test_c9_absent_and_forbidden_answer_alike() -> None:
    state = seen()
    for message_id in (1, 99):  # of Alice and Bob; of nobody
        absent: list[Command] = [
            edit("carol", message_id),
            wipe("carol", message_id),
            hide("carol", message_id),
            React(user_id="carol", message_id=message_id, emoji=THUMB),
            React(user_id="carol", message_id=message_id, emoji=THUMB, remove=True),
        ]
        decision = run(state, *absent)
        [reply] = decision.replies
        assert isinstance(reply, Results)
        assert set(map(repr, reply.results)) == {
            repr(Refused("not_found", "There is no such message"))
        }
        assert decision.changes.feed == []


@pytest.mark.parametrize(("command", "window"), [(edit(), 60), (wipe(), 120)])
def test_s66_the_window_is_closed_after_and_not_before(command: Command, window: int) -> None:
    state = seen()
    state.now = HOUR + window * SECOND + 1
    assert codes(run(state, command)) == ["edit_window_closed"]
    state.now -= 1
    assert codes(run(state, command)) == ["ok"]


def test_a_window_of_zero_never_closes() -> None:
    state = seen(0.0, 0.0)
    state.now += 10_000 * HOUR
    assert codes(run(state, edit(), wipe())) == ["ok", "ok"]


def test_s66_hiding_and_reacting_have_no_window() -> None:
    state = seen()
    state.now += 10_000 * HOUR
    assert codes(run(state, react(), hide())) == ["ok", "ok"]


# ------------------------------------------------------------------ what it does


def test_an_edit_counts_the_version_and_tells_every_member() -> None:
    decision = run(seen(), edit(content="two"), edit(content="three"))
    assert (
        told(decision)
        == [
            ("alice", "message_updated"),
            ("bob", "message_updated"),
        ]
        * 2
    )
    contents = [
        (revision.message.version, revision.content)
        for revision in decision.changes.revisions
        if isinstance(revision, Edited)
    ]
    assert contents == [(2, "two"), (3, "three")]
    assert {row.origin for row in decision.changes.feed} == {""}  # the editor's own socket too


def test_s66_after_a_wipe_nothing_more_happens_to_a_message() -> None:
    state = seen()
    decision = run(state, react(), wipe(), edit(), react(), react(remove=True), wipe())
    assert codes(decision) == ["ok", "ok", "not_found", "not_found", "not_found", "ok"]
    assert [kind for _, kind in told(decision)] == ["reaction"] * 2 + ["message_deleted"] * 2
    assert state.messages_by_id[1].deleted_at == HOUR


def test_d18_who_has_hidden_a_message_neither_sees_nor_hears_of_it() -> None:
    state = seen()
    assert told(run(state, hide())) == [("bob", "message_hidden")]
    decision = run(
        state, react("bob"), edit(), say("bob", "alice", "c9", reply_to=1), hide(), wipe()
    )
    assert codes(decision) == ["not_found", "ok", "not_found", "ok", "ok"]
    assert told(decision) == [("alice", "message_updated"), ("alice", "message_deleted")]


def test_a_tombstone_can_be_hidden_and_replied_to() -> None:
    decision = run(seen(), wipe(), say("bob", "alice", reply_to=1), hide())
    assert codes(decision) == ["ok", "ok", "ok"]


def test_a_reaction_set_twice_is_one_and_comes_back_with_its_number() -> None:
    state = seen()
    told_now = told(run(state, react(remove=True), react(), react(), react(emoji="x")))
    assert told_now == [("alice", "reaction"), ("bob", "reaction")] * 2
    run(state, react(remove=True), react(remove=True), react())
    assert state.reactions[1] == {
        ("bob", THUMB): Reaction(1, False),
        ("bob", "x"): Reaction(2, False),
    }
    assert state.messages_by_id[1].version == 5


def test_c10_the_reactions_of_a_message_are_bounded() -> None:
    state = seen()
    mine = [react(emoji=f"{number}") for number in range(MAX_OWN_REACTIONS + 1)]
    assert codes(run(state, *mine)) == ["ok"] * MAX_OWN_REACTIONS + ["too_large"]
    state.reactions[1] = {
        (f"user{number}", THUMB): Reaction(number, True) for number in range(MAX_REACTIONS)
    }
    assert codes(run(state, react())) == ["too_large"]


def test_r1_a_late_old_edit_cannot_overwrite_a_newer_one() -> None:
    state = seen()
    run(state, edit(content="old"), lane="lane", number=1)
    run(state, edit(content="new"), lane="lane", number=2)
    late = run(state, edit(content="old"), lane="lane", number=1)
    assert late.replies == [Fenced(2)]
    again = run(state, edit(content="new"), lane="lane", number=2)
    assert again.replies == [Results([Done()])]
    for decision in (late, again):
        assert (decision.changes.revisions, decision.changes.feed) == ([], [])
    assert state.messages_by_id[1].version == 3


# ------------------------------------------------------------------ replies


def test_a_reply_is_to_a_visible_message_of_the_same_conversation() -> None:
    state = seen()
    decision = run(
        state,
        say("bob", "alice", "b1", reply_to=1),
        say("bob", "alice", "b2", reply_to=2),  # Carol's
        say("bob", "alice", "b3", reply_to=99),
        say("alice", "bob", "a2", reply_to=2),  # Alice sees it, but it is elsewhere
    )
    assert codes(decision) == ["ok", "not_found", "not_found", "not_found"]
    assert [new.message.reply_to for new in decision.changes.messages] == [1]


def test_c3_another_reply_to_is_another_message() -> None:
    state = seen()
    decision = run(
        state,
        say("bob", "alice", "b1", reply_to=1),
        say("bob", "alice", "b1", reply_to=1),
        say("bob", "alice", "b1"),
        say("alice", "bob", "c1", reply_to=1),
    )
    assert codes(decision) == ["ok", "ok", "client_id_conflict", "client_id_conflict"]
    hashes = {content_hash(b"key", say("bob", "alice", "b1", reply_to=to)) for to in (None, 1, 2)}
    assert len(hashes) == 3


def test_everything_a_revision_names_is_read_first() -> None:
    commands: list[Command] = [
        edit("alice", 1),
        wipe("bob", 2),
        react("carol"),
        say("dave", "erin", reply_to=7),
    ]
    wanted = read_set([Batch(lane="l", number=1, commands=commands)])
    assert wanted.users == {"alice", "bob", "carol", "dave", "erin"}
    assert (wanted.message_ids, wanted.reacted) == ({1, 2, 7}, {1})


def test_the_marks_stay_as_they_were() -> None:
    state = seen()
    run(state, edit(), react(), hide(), wipe())
    assert state.conversations["ab"].members == {"alice": Member(1, 1), "bob": Member()}
