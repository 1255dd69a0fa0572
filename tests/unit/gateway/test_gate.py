"""The order gate: what failed for now comes first again, and nothing waits for ever."""

import pytest

from services.gateway.upstream import gate as gate_module
from services.gateway.upstream.gate import MAX_FAULTS, MAX_REFUSALS, MAX_SETTLED, Gate
from services.gateway.upstream.submission import OUT_OF_ORDER, OVERLOADED, UNAVAILABLE
from shared.commands import React, Refused, Result, Stored, StoreMessage
from shared.errors import BY_CODE

STORED = Stored(1, "ab", 1, 0, False, 1)
NOT_FOUND = Refused("not_found", "There is no such user or conversation")
INTERNAL = Refused("internal", "The command could not be stored")


def message(client_id: str, after: str | None = None, where: str = "ab") -> StoreMessage:
    return StoreMessage(
        user_id="alice",
        connection_id="c",
        client_id=client_id,
        conversation_id=where,
        content="hi",
        after=after,
    )


def send(gate: Gate, *client_ids: str, result: Result = STORED, where: str = "ab") -> list[bool]:
    """One batch: all come in, then all that may pass meet that result; who passed."""
    commands = [message(client_id, where=where) for client_id in client_ids]
    for command in commands:
        gate.enter(command)
    passed = [gate.admits(command) for command in commands]
    for command, admitted in zip(commands, passed, strict=True):
        gate.observe(command, result if admitted else OUT_OF_ORDER)
    return passed


def test_r2_behind_a_failed_message_all_wait_until_it_comes_again() -> None:
    gate = Gate()
    send(gate, "m1", result=UNAVAILABLE)
    assert send(gate, "m2", "m3") == [False, False]
    assert send(gate, "m1", "m2", "m3") == [True, True, True]
    assert not gate.waits("ab")


def test_r2_what_was_refused_comes_before_what_is_new_when_the_failed_one_proves_stored() -> None:
    gate = Gate()
    send(gate, "m1", result=UNAVAILABLE)
    send(gate, "m2", "m3")
    gate.release("ab", "m1")  # its event came late; the refusals are still travelling
    assert send(gate, "m4") == [False]
    assert send(gate, "m2", "m3", "m4") == [True, True, True]


def test_r2_a_message_keeps_its_first_place_when_its_copies_fail() -> None:
    gate = Gate()
    first, last = message("m1"), message("m2")
    gate.enter(first)
    gate.enter(last)
    gate.observe(last, OVERLOADED)
    copy = message("m1")
    gate.enter(copy)
    gate.observe(copy, OVERLOADED)  # it failed after m2 did, and still comes before it
    assert gate.admits(first)
    gate.observe(first, STORED)
    assert send(gate, "m2") == [True]


def test_r2_other_conversations_do_not_wait() -> None:
    gate = Gate()
    send(gate, "m1", result=UNAVAILABLE)
    assert send(gate, "x1", where="ac") == [True]
    assert gate.admits(React(user_id="alice", message_id=1, emoji="x", remove=False))


def test_r2_a_named_predecessor_comes_late_and_belongs_in_front() -> None:
    gate = Gate()
    second = message("m2", after="m1")
    gate.enter(second)
    assert gate.admits(second)
    gate.observe(second, OUT_OF_ORDER)
    assert send(gate, "m3") == [False]
    assert send(gate, "m1", result=UNAVAILABLE) == [True]
    assert send(gate, "m3") == [False]
    assert send(gate, "m1") == [True]


def test_r2_a_message_that_names_its_predecessor_is_held_by_the_store_alone() -> None:
    gate = Gate()
    send(gate, "m1", result=UNAVAILABLE)
    named = message("m2", after="m0")
    gate.enter(named)
    assert gate.admits(named)


@pytest.mark.parametrize("outcome", [STORED, NOT_FOUND])
def test_r2_a_copy_that_fails_after_the_outcome_holds_nobody(outcome: Result) -> None:
    """Its client has the outcome, or soon will, and never sends it again."""
    gate = Gate()
    send(gate, "m1", result=outcome)
    send(gate, "m1", result=OVERLOADED)  # sent before the outcome had reached the client
    assert send(gate, "m2") == [True]


def test_r2_a_permanent_refusal_takes_a_failed_message_out_of_the_line() -> None:
    gate = Gate()
    send(gate, "m1", result=UNAVAILABLE)
    send(gate, "m1", result=NOT_FOUND)
    assert send(gate, "m2") == [True]


def test_r2_a_message_that_never_comes_again_does_not_hold_the_others_for_ever() -> None:
    """As when its client has learned from its feed that it is stored."""
    gate = Gate()
    send(gate, "m1", result=UNAVAILABLE)
    passed = [send(gate, "m2", "m3") for _ in range(MAX_REFUSALS + 1)]
    assert passed == [[False, False]] * MAX_REFUSALS + [[True, True]]
    assert not gate.waits("ab")


def test_r2_it_holds_them_as_long_as_it_comes() -> None:
    gate = Gate()
    for _ in range(3 * MAX_REFUSALS):
        assert send(gate, "m1", result=UNAVAILABLE) == [True]
        assert send(gate, "m2") == [False]
    assert send(gate, "m1", "m2") == [True, True]


def test_c10_outcomes_are_remembered_up_to_a_bound() -> None:
    gate = Gate()
    for number in range(MAX_SETTLED + 1):
        send(gate, f"m{number}")
    send(gate, "m0", result=OVERLOADED)
    assert send(gate, "next") == [False]
    send(gate, "m1", result=OVERLOADED, where="ac")
    assert send(gate, "next", where="ac") == [True]


def test_c10_more_failed_messages_than_the_gate_holds_end_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate_module, "MAX_WAITING", 3)
    gate = Gate()
    send(gate, "m1", "m2", result=UNAVAILABLE)
    send(gate, "x1", result=UNAVAILABLE, where="ac")
    assert not gate.full
    send(gate, "x2", where="ac")
    assert gate.full


def test_c2_a_message_on_which_the_store_breaks_is_refused_for_good_and_holds_nobody() -> None:
    gate = Gate()
    told = []
    for _ in range(MAX_FAULTS):
        poison = message("m1")
        gate.enter(poison)
        assert gate.admits(poison)
        result = gate.observe(poison, INTERNAL)
        assert isinstance(result, Refused)
        told.append(result.code)
    assert told == [*["internal"] * (MAX_FAULTS - 1), "unsupported"]
    assert not BY_CODE["unsupported"].temporary
    assert send(gate, "m2") == [True]
