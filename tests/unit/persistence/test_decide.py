"""Single decisions at their edges. test_decide.py of the property tests has the long runs."""

from collections.abc import Sequence

import pytest

from services.persistence.decide.batch import decide
from services.persistence.decide.changes import Decision, Marked
from services.persistence.decide.readset import read_set
from services.persistence.decide.state import (
    Conversation,
    Fence,
    Head,
    Limits,
    Member,
    State,
)
from shared import commands
from shared.commands import (
    AdvanceReceipt,
    Batch,
    Command,
    Done,
    Fenced,
    PutUser,
    Refused,
    Result,
    Results,
    Stored,
    StoreMessage,
)

SECOND = 1_000_000
HOUR = 3600 * SECOND


def state(now: int = HOUR, burst: int = 20, rate: float = 0.0, **heads: Head) -> State:
    return State(
        now=now,
        hash_key=b"key",
        limits=Limits(burst, rate),
        last_message_id=0,
        last_n=0,
        heads=heads or {"alice": Head(), "bob": Head(), "carol": Head()},
    )


def say(
    client_id: str = "c1", content: str = "hi", after: str | None = None, *, connection: str = "s1"
) -> StoreMessage:
    return StoreMessage(
        user_id="alice",
        connection_id=connection,
        client_id=client_id,
        conversation_id="ab",
        content=content,
        to="bob",
        after=after,
    )


def read(seq: int = 0, user_id: str = "bob", **more: int) -> AdvanceReceipt:
    return AdvanceReceipt(
        user_id=user_id, connection_id="s9", conversation_id="ab", read_seq=seq, **more
    )


def run(seen: State, *told: Command, lane: str = "lane", number: int = 1) -> Decision:
    return decide(seen, [Batch(lane=lane, number=number, commands=list(told))])


def results(decision: Decision) -> Sequence[Result]:
    [reply] = decision.replies
    assert isinstance(reply, Results)
    return reply.results


def codes(decision: Decision) -> list[str]:
    return [r.code if isinstance(r, Refused) else "ok" for r in results(decision)]


def allowance(seen: State, now: int, attempts: int) -> list[int | None]:
    """For each attempt at that time None when it passed, else the milliseconds to wait."""
    seen.now = now
    waits: list[int | None] = []
    for _ in range(attempts):
        number = len(seen.messages) + len(waits) + now
        [result] = results(run(seen, say(f"c{number}", connection=""), lane=f"lane{number}"))
        waits.append(result.retry_after_ms if isinstance(result, Refused) else None)
    return waits


# ------------------------------------------------------------------ what is refused leaves nothing


@pytest.mark.parametrize("after", [None, "never-stored"])
def test_a_refused_first_message_begins_no_conversation(after: str | None) -> None:
    seen = state(burst=1, rate=1.0, alice=Head(rate_at=HOUR + SECOND), bob=Head())
    decision = run(seen, say(after=after))
    assert codes(decision) == ["out_of_order" if after else "rate_limited"]
    changes = decision.changes
    assert (changes.members, changes.conversations, changes.messages) == (set(), set(), [])
    assert "ab" not in decision.state.conversations
    assert codes(run(seen, read(), lane="other")) == ["not_found"]


# ------------------------------------------------------------------ the allowance (GCRA)


def test_c9_a_burst_and_then_the_rate() -> None:
    seen = state(burst=3, rate=10.0)
    assert allowance(seen, HOUR, 5) == [None, None, None, 100, 100]
    assert allowance(seen, HOUR + SECOND // 10, 2) == [None, 100]
    assert allowance(seen, HOUR + HOUR, 4) == [None, None, None, 100]


def test_c9_who_waits_as_long_as_told_is_let_through() -> None:
    seen = state(burst=1, rate=10.0)
    assert allowance(seen, HOUR, 1) == [None]
    now = HOUR + 50_001  # 49.999 ms are left
    [wait_ms] = allowance(seen, now, 1)
    assert wait_ms is not None
    assert allowance(seen, now + wait_ms * 1000, 1) == [None]


@pytest.mark.parametrize("back", [SECOND, 300 * SECOND, HOUR])
def test_c9_a_clock_set_back_locks_nobody_out(back: int) -> None:
    seen = state(burst=2, rate=10.0)
    assert allowance(seen, HOUR, 3) == [None, None, 100]
    later = HOUR - back + 200_000  # a full bucket's time after the change
    assert allowance(seen, HOUR - back, 1) in ([None], [100])
    assert allowance(seen, later, 1) == [None]


def test_c9_a_clock_set_forward_gives_one_bucket_not_more() -> None:
    seen = state(burst=2, rate=10.0)
    allowance(seen, HOUR, 2)
    assert allowance(seen, 10 * HOUR, 3) == [None, None, 100]


def test_c9_a_rate_of_zero_sets_no_limit() -> None:
    assert allowance(state(burst=1, rate=0.0), HOUR, 50) == [None] * 50


def test_c9_a_very_slow_rate_still_gives_its_burst() -> None:
    assert allowance(state(burst=1, rate=0.001), HOUR, 2) == [None, 1_000_000]


def test_c9_repeats_refusals_and_receipts_cost_nothing() -> None:
    seen = state(burst=2, rate=1.0)
    told: list[Command] = [say("c1"), say("c1"), say("c1", "other"), read(1), say("c2")]
    assert codes(run(seen, *told)) == ["ok", "ok", "client_id_conflict", "ok", "ok"]


# ------------------------------------------------------------------ idempotency


def test_c3_a_repeat_gives_the_first_ack() -> None:
    first, again = results(run(state(), say(), say()))
    assert isinstance(first, Stored)
    assert isinstance(again, Stored)
    assert (first.duplicate, first.cursor, again.duplicate, again.cursor) == (False, 1, True, 0)
    assert (first.message_id, first.seq, first.created_at) == (
        again.message_id,
        again.seq,
        again.created_at,
    )


@pytest.mark.parametrize("other", ["Hi", "hi ", "hi\u200b", "h\u0131"])
def test_c3_the_same_id_with_other_content_is_a_conflict(other: str) -> None:
    assert codes(run(state(), say(), say(content=other))) == ["ok", "client_id_conflict"]


def test_c3_the_same_id_in_another_conversation_is_a_conflict() -> None:
    elsewhere = StoreMessage(
        user_id="alice",
        connection_id="s1",
        client_id="c1",
        conversation_id="ac",
        content="hi",
        to="carol",
    )
    decision = run(state(), say(), elsewhere)
    assert codes(decision) == ["ok", "client_id_conflict"]
    assert decision.changes.conversations == {"ab"}


def test_c3_client_ids_belong_to_their_sender() -> None:
    seen = state()
    bobs = StoreMessage(
        user_id="bob", connection_id="s2", client_id="c1", conversation_id="ab", content="other"
    )
    assert codes(run(seen, say(), bobs)) == ["ok", "ok"]


# ------------------------------------------------------------------ the fence


def test_r1_a_repeat_is_answered_with_its_stored_results() -> None:
    seen = state()
    first = run(seen, say())
    again = run(seen, say())
    assert again.replies == first.replies
    assert (again.changes.messages, again.changes.feed) == ([], [])


def test_r1_a_late_copy_is_refused_as_a_whole() -> None:
    seen = state()
    run(seen, say("c1"), number=1)
    run(seen, say("c2"), number=2)
    late = run(seen, say("c3"), number=1)
    assert late.replies == [Fenced(2)]
    assert (late.changes.messages, late.changes.fences) == ([], {})


def test_r1_the_fence_holds_within_one_transaction_too() -> None:
    one, two = (Batch(lane="lane", number=n, commands=[say(f"c{n}")]) for n in (1, 2))
    decision = decide(state(), [two, one, two])
    assert isinstance(decision.replies[1], Fenced)
    assert decision.replies[0] == decision.replies[2]
    assert [new.message.client_id for new in decision.changes.messages] == ["c2"]


def test_r1_stored_results_outlive_what_they_say() -> None:
    """A refusal is repeated as it was, even where the command would pass by now."""
    seen = state(burst=1, rate=1.0)
    first = run(seen, say("c1"), say("c2"))
    seen.now += HOUR
    assert codes(first) == ["ok", "rate_limited"]
    assert run(seen, say("c1"), say("c2")).replies == first.replies


def test_r1_a_lane_is_fenced_by_its_own_number_only() -> None:
    seen = state()
    seen.fences["old"] = Fence(9, commands.encode(Results([])))
    assert codes(run(seen, say(), lane="new", number=1)) == ["ok"]


# ------------------------------------------------------------------ order


def test_c4_what_follows_a_message_that_has_to_wait_waits_as_well() -> None:
    seen = state(burst=1, rate=1.0)
    decision = run(seen, say("c1"), say("c2"), say("c3"), say("c1"))
    assert codes(decision) == ["ok", "rate_limited", "out_of_order", "out_of_order"]


def test_c4_another_connection_does_not_wait() -> None:
    seen = state()
    decision = run(seen, say("c2", after="c1"), say("c3"), say("c4", connection="s2"))
    assert codes(decision) == ["out_of_order", "out_of_order", "ok"]


def test_c4_a_permanent_refusal_holds_nothing() -> None:
    decision = run(state(), say("c1"), say("c1", "other"), say("c2"))
    assert codes(decision) == ["ok", "client_id_conflict", "ok"]


def test_c4_after_is_satisfied_within_the_same_batch() -> None:
    assert codes(run(state(), say("c1"), say("c2", after="c1"))) == ["ok", "ok"]


def test_c4_after_names_the_senders_own_messages_only() -> None:
    seen = state()
    bobs = StoreMessage(
        user_id="bob", connection_id="s2", client_id="b1", conversation_id="ab", content="x"
    )
    assert codes(run(seen, say("c1"), bobs, say("c2", after="b1"))) == ["ok", "ok", "out_of_order"]


# ------------------------------------------------------------------ membership and marks


def test_c9_absent_and_forbidden_answer_alike() -> None:
    seen = state()
    run(seen, say())
    outsider = StoreMessage(
        user_id="carol",
        connection_id="s3",
        client_id="x",
        conversation_id="ab",
        content="let me",
    )
    nowhere = StoreMessage(
        user_id="carol",
        connection_id="s4",
        client_id="y",
        conversation_id="zz",
        content="let me",
    )
    refused = results(run(seen, outsider, nowhere, lane="other"))
    assert refused[0] == refused[1]
    assert isinstance(refused[0], Refused)
    receipts = [
        AdvanceReceipt(user_id="carol", connection_id="s3", conversation_id="ab", read_seq=1),
        AdvanceReceipt(user_id="carol", connection_id="s3", conversation_id="zz", read_seq=1),
        AdvanceReceipt(user_id="carol", connection_id="s3", read_message_id=1),
        AdvanceReceipt(user_id="carol", connection_id="s3", read_message_id=99),
    ]
    answers = set(map(repr, results(run(seen, *receipts, lane="third"))))
    assert len(answers) == 1
    assert codes(run(seen, *receipts, lane="fourth")) == ["not_found"] * 4


def test_a_message_to_nobody_known_is_not_found() -> None:
    seen = state(alice=Head())
    assert codes(run(seen, say())) == ["not_found"]
    assert codes(run(seen, PutUser(user_id="bob"), say("c2"), number=2)) == ["ok", "ok"]


def test_marks_move_forwards_only_and_not_past_the_end() -> None:
    seen = state()
    run(seen, say("c1"), say("c2"), say("c3"))
    marks = seen.conversations["ab"].members["bob"]
    for told, expected in [
        (read(2), (2, 2)),
        (read(1), (2, 2)),
        (read(delivered_seq=1), (2, 2)),
        (read(delivered_seq=99), (3, 2)),
        (read(99), (3, 3)),
        (read(0), (3, 3)),
    ]:
        run(seen, told, number=len(seen.fences) + 1, lane=f"lane {told} {expected}")
        assert (marks.delivered_seq, marks.read_seq) == expected


def test_receipts_are_told_once_a_transaction_and_only_when_a_mark_moved() -> None:
    seen = state()
    run(seen, say("c1"), say("c2"))
    moved = run(seen, read(delivered_seq=1), read(1), read(2), lane="bobs")
    both = Marked("ab", "bob", 2, 2)
    told = [(row.user_id, row.fact) for row in moved.changes.feed]
    assert told == [("alice", both), ("bob", both)]
    assert run(seen, read(2), read(1), lane="bobs", number=2).changes.feed == []


def test_reading_by_message_id_is_reading_that_message() -> None:
    seen = state()
    run(seen, say("c1"), say("c2"))
    told = AdvanceReceipt(user_id="bob", connection_id="s", read_message_id=1)
    assert results(run(seen, told, lane="bobs")) == [Done()]
    assert seen.conversations["ab"].members["bob"] == Member(1, 1)


def test_who_has_read_everything_has_read_their_own_message() -> None:
    seen = state()
    run(seen, say("c1"), say("c2"))
    members = seen.conversations["ab"].members
    assert (members["alice"], members["bob"]) == (Member(2, 2), Member(0, 0))


def test_writing_to_oneself_is_one_member_and_one_feed_row() -> None:
    note = StoreMessage(
        user_id="alice",
        connection_id="s1",
        client_id="n1",
        conversation_id="aa",
        content="note",
        to="alice",
    )
    decision = run(state(), note)
    assert [row.user_id for row in decision.changes.feed] == ["alice"]
    assert decision.state.conversations["aa"].members == {"alice": Member(1, 1)}


def test_r3_only_the_senders_row_names_the_connection_it_came_from() -> None:
    decision = run(state(), say())
    assert {row.user_id: row.origin for row in decision.changes.feed} == {"alice": "s1", "bob": ""}


def test_a_sender_nobody_made_known_owns_a_feed_from_now_on() -> None:
    seen = state(bob=Head())
    decision = run(seen, say())
    assert codes(decision) == ["ok"]
    assert decision.changes.profiles == [PutUser(user_id="alice")]
    assert decision.state.heads["alice"].head == 1


# ------------------------------------------------------------------ what must be read before


def test_everything_a_command_names_is_read_first() -> None:
    wanted = read_set(
        [
            Batch(
                lane="l1",
                number=1,
                commands=[
                    say("c2", after="c1"),
                    read(1, "carol"),
                    AdvanceReceipt(user_id="dave", connection_id="", read_message_id=7),
                    PutUser(user_id="erin"),
                ],
            )
        ]
    )
    assert wanted.lanes == {"l1"}
    assert wanted.users == {"alice", "bob", "carol", "dave", "erin"}
    assert wanted.conversations == {"ab"}
    assert wanted.messages == {("alice", "c1"), ("alice", "c2")}
    assert wanted.message_ids == {7}


def test_a_conversation_that_exists_needs_no_recipient() -> None:
    seen = state()
    seen.conversations["ab"] = Conversation("direct", 4, 9, {"alice": Member()}, 0)
    told = StoreMessage(
        user_id="alice", connection_id="", client_id="c", conversation_id="ab", content="x"
    )
    [stored] = results(run(seen, told))
    assert isinstance(stored, Stored)
    assert stored.seq == 5
