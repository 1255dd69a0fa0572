"""A message that the host app does not allow, at its decision."""

from services.persistence.decide.batch import decide
from services.persistence.decide.readset import read_set
from services.persistence.decide.state import Head, Limits, State
from shared.commands import Batch, Command, Refused, RejectMessage, Results, Stored, StoreMessage

HOUR = 3600 * 1_000_000


def seen(rate: float = 0.0) -> State:
    state = State(HOUR, b"key", Limits(1, rate))
    state.heads = {user_id: Head() for user_id in ("alice", "bob")}
    return state


def say(content: str = "hi") -> StoreMessage:
    return StoreMessage(
        user_id="alice",
        connection_id="s",
        client_id="c1",
        conversation_id="ab",
        content=content,
        to="bob",
    )


def reject(content: str = "hi") -> RejectMessage:
    return RejectMessage(user_id="alice", message=say(content), words="Be kind.")


def run(state: State, *commands: Command) -> list[object]:
    batch = Batch(lane="l", number=state.fences["l"].number + 1 if state.fences else 1,
                  commands=list(commands))  # fmt: skip
    decision = decide(state, [batch])
    [reply] = decision.replies
    assert isinstance(reply, Results)
    return list(reply.results)


def test_it_is_refused_in_the_words_of_the_host_and_nothing_is_written() -> None:
    state = seen()
    assert run(state, reject()) == [Refused("rejected", "Be kind.")]
    assert state.messages == {}


def test_c3_a_repeat_of_a_stored_message_gets_its_ack_whatever_is_allowed_now() -> None:
    state = seen()
    [stored] = run(state, say())
    [again] = run(state, reject())
    assert isinstance(stored, Stored)
    assert isinstance(again, Stored)
    assert (again.message_id, again.duplicate) == (stored.message_id, True)
    [conflict] = run(state, reject("something else"))
    assert isinstance(conflict, Refused)
    assert conflict.code == "client_id_conflict"


def test_c9_what_is_rejected_uses_up_the_rate() -> None:
    state = seen(rate=1.0)
    assert [getattr(one, "code", "") for one in run(state, reject(), reject())] == [
        "rejected",
        "rate_limited",
    ]


def test_c3_the_message_that_it_may_repeat_is_read() -> None:
    wanted = read_set([Batch(lane="l", number=1, commands=[reject()])])
    assert wanted.messages == {("alice", "c1")}
