"""A lane behind a gate: what follows a failure waits for it, and only that (R2)."""

import pytest

from services.gateway.upstream import lanes as lanes_module
from services.gateway.upstream.gate import MAX_WAITING, Gate
from services.gateway.upstream.lanes import Lane
from services.gateway.upstream.submission import Submission
from shared.commands import (
    AdvanceReceipt,
    Command,
    Done,
    Refused,
    Result,
)
from tests.support.background import running
from tests.unit.gateway.fake_lane import FakeBus, Sender, done, say

LIMITED = Refused("rate_limited", "Too many", 100)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "PAUSE", 0.001)


def gate_result(gate: Gate, command: Command, result: Result) -> None:
    Submission(command, lambda result: None, gate).finish(result)


async def admitted(gate: Gate, *told: Command) -> list[bool]:
    """Send commands in order through a lane that answers Done; return whether each one passes."""
    bus = FakeBus(done)
    sender = Sender(Lane(bus), gate)  # type: ignore[arg-type]  # the part of a Bus a lane uses
    async with running(sender.lane.run()):
        for index, command in enumerate(told):
            sender.submit(command, str(index))
        await sender.lane.settled()
    return [sender.codes()[str(index)] == "ok" for index in range(len(told))]


async def test_r2_behind_a_temporary_failure_the_gate_is_closed_until_it_comes_again() -> None:
    gate = Gate()
    gate_result(gate, say("m1"), LIMITED)
    assert await admitted(gate, say("m2"), say("m3"), say("m1"), say("m2")) == [
        *(False, False),
        *(True, True),
    ]


async def test_r2_other_conversations_and_receipts_pass() -> None:
    gate = Gate()
    gate_result(gate, say("m1"), LIMITED)
    receipt = AdvanceReceipt(user_id="alice", connection_id="s1", conversation_id="ab", read_seq=1)
    assert await admitted(gate, say("m2", "ac"), receipt) == [True, True]


@pytest.mark.parametrize(
    "result", [Done(), Refused("not_found", "no"), Refused("client_id_conflict", "no")]
)
async def test_r2_only_a_temporary_refusal_closes_the_gate(result: Result) -> None:
    gate = Gate()
    gate_result(gate, say("m1"), result)
    assert await admitted(gate, say("m2")) == [True]


async def test_r2_what_the_failed_one_waits_for_may_pass() -> None:
    gate = Gate()
    gate_result(gate, say("m2", after="m1"), Refused("out_of_order", "first m1"))
    passed = await admitted(gate, say("m3"), say("m1"), say("m3"), say("m2", after="m1"), say("m3"))
    assert passed == [False, True, False, True, True]


async def test_r2_a_second_failure_does_not_replace_the_first() -> None:
    gate = Gate()
    gate_result(gate, say("m1"), LIMITED)
    gate_result(gate, say("m2"), LIMITED)
    assert await admitted(gate, say("m2"), say("m1"), say("m2")) == [False, True, True]


async def test_r2_release_needs_the_very_message() -> None:
    gate = Gate()
    gate_result(gate, say("m1"), LIMITED)
    gate.release("ab", "m2")
    gate.release("ac", "m1")
    assert await admitted(gate, say("m2")) == [False]
    gate.release("ab", "m1")
    assert await admitted(gate, say("m2")) == [True]


async def test_r2_a_message_that_names_its_predecessor_may_pass() -> None:
    gate = Gate()
    gate_result(gate, say("m1"), Refused("unavailable", "later"))
    assert await admitted(gate, say("m2"), say("m3", after="m1")) == [False, True]


async def test_c10_a_gate_that_cannot_keep_every_conversation_says_so() -> None:
    gate = Gate()
    for number in range(MAX_WAITING + 1):
        assert not gate.full
        command = say(f"m{number}", conversation_id=f"c{number}")
        gate_result(gate, command, Refused("unavailable", "later"))
    assert gate.full
