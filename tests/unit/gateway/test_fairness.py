"""The share of one user, decided without a socket (C9, C10)."""

from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from services.gateway.socket.inbound import Inbound
from services.gateway.upstream.allowance import Allowance
from services.gateway.upstream.waiting import Waiting
from shared.commands import Stored, StoreMessage
from shared.pace import Pace
from tests.support.raw import CONTINUATION, PING, TEXT, frame

STORED = Stored(1, "ab", 1, 1, False, 1)

frames = st.builds(
    frame,
    st.sampled_from([TEXT, PING, CONTINUATION]),
    st.one_of(
        st.binary(max_size=8),
        st.integers(0, 300).map(bytes),
        st.sampled_from([125, 126, 127, 65535]).map(bytes),
    ),
    st.booleans(),
)


@given(st.lists(frames, max_size=12), st.data())
def test_c10_frames_are_taken_one_by_one_however_they_come(sent: list[bytes], data: Any) -> None:
    whole = b"".join(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    inbound, got, begun = Inbound(), bytearray(), []
    for start, end in pairwise([0, *cuts, len(whole)]):
        inbound.add(whole[start:end])
        while inbound.ready:
            if inbound.begins:
                begun.append(inbound.begins)
            got += inbound.take()
    assert bytes(got) == whole
    assert begun == [len(one) for one in sent]
    assert not inbound.ready


def test_c10_a_frame_of_a_petabyte_is_passed_on_as_it_comes() -> None:
    inbound = Inbound()
    inbound.add(bytes([0x82, 0xFF]) + (1 << 50).to_bytes(8, "big") + bytes(4) + b"x")
    assert len(inbound.take()) == 15
    assert not inbound.ready
    inbound.add(b"y" * 100)
    assert (inbound.begins, inbound.take()) == (0, b"y" * 100)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=60))
def test_c10_users_take_turns_and_each_keeps_its_order(sent: list[tuple[str, int]]) -> None:
    waiting: Waiting[tuple[str, int]] = Waiting(100)
    for item in sent:
        assert waiting.push(item[0], item)
    got = [waiting.pop() for _ in range(len(waiting))]
    for user_id in "abc":
        assert [item for item in got if item[0] == user_id] == [
            item for item in sent if item[0] == user_id
        ]
    left = {user_id: sum(item[0] == user_id for item in sent) for user_id in "abc"}
    while got:  # in each round everybody who still has something has one
        turn = {item[0] for item in got[: sum(count > 0 for count in left.values())]}
        assert turn == {user_id for user_id, count in left.items() if count > 0}
        got = got[len(turn) :]
        left = {user_id: count - 1 for user_id, count in left.items()}


def test_c10_one_user_cannot_fill_a_lane() -> None:
    waiting: Waiting[int] = Waiting(2)
    assert [waiting.push("a", n) for n in range(3)] == [True, True, False]
    assert waiting.push("b", 9)
    assert [waiting.pop() for _ in range(3)] == [0, 9, 1]
    assert waiting.push("a", 3)


def test_c10_a_pace_has_a_burst_a_rate_and_a_debt() -> None:
    now = 0.0
    pace = Pace(10, 20, lambda: now)
    for _ in range(20):
        assert pace.wait() == 0
        pace.spend()
    assert pace.wait() == 0.1
    assert not pace.rested()
    for _ in range(1000):
        pace.spend(10)
    assert pace.wait() == 2.1  # however much it was
    now = 3.0
    assert pace.wait() == 0
    assert pace.rested()
    assert Pace(0, 1).wait() == 0


class Store:
    """The bucket in the store (C9), to the microsecond as in persistence."""

    def __init__(self, burst: int, interval: float) -> None:
        self.room, self.interval, self.until = burst * interval, interval, 0.0
        self.known: set[str] = set()

    def takes(self, client_id: str, now: float) -> bool:
        """Return whether the writer would store the message, or has stored it."""
        until = max(self.until, now) + self.interval
        return client_id in self.known or until - self.room - now <= 0

    def store(self, client_id: str, now: float) -> bool:
        if client_id in self.known or not self.takes(client_id, now):
            return False
        self.until = max(self.until, now) + self.interval
        self.known.add(client_id)
        return True


def message(client_id: str) -> StoreMessage:
    return StoreMessage(
        user_id="u",
        connection_id="c",
        client_id=client_id,
        conversation_id="d",
        content="x",
        accepted_at=0,
    )


sends = st.tuples(
    st.floats(0, 0.3),  # seconds since the one before
    st.floats(0, 2),  # on its way to the store
    st.booleans(),  # through another gateway
    st.integers(0, 3),  # how many ids back: 0 is a new one
)


@given(st.integers(1, 5), st.sampled_from([1.0, 5.0, 10.0]), st.lists(sends, max_size=60))
@example(1, 10.0, [(0.0, 0.0, False, 0), (0.0, 0.0, False, 0), (0.0, 0.0, False, 1)])
@example(1, 1.0, [(0.0, 0.0, False, 0), (1.5, 0.0, False, 0)])
def test_c9_what_the_gateway_refuses_the_store_would_refuse(
    burst: int, rate: float, plan: list[tuple[float, float, bool, int]]
) -> None:
    """One lane of a gateway has one batch in flight, so nothing overtakes; repeats are free."""
    store, allowance = Store(burst, 1 / rate), Allowance(burst, rate)
    now, ids = 0.0, ["m-0"]
    for gap, way, elsewhere, back in plan:
        now += gap
        client_id = ids[-back] if 0 < back <= len(ids) else f"m-{len(ids)}"
        ids.append(client_id)
        refused = None if elsewhere else allowance.refuses(message(client_id), now)
        if refused is not None:
            assert client_id in store.known or not store.takes(client_id, now)  # ADR 0020
            assert refused.code == "rate_limited"
            continue
        submitted_at, now = now, now + way
        if store.store(client_id, now) and not elsewhere:
            allowance.observe(message(client_id), STORED, submitted_at)


def test_c9_repeats_of_what_was_stored_here_are_free() -> None:
    allowance = Allowance(2, 1.0)
    for number in range(2):
        allowance.observe(message(f"m-{number}"), STORED, 0.0)
    assert allowance.refuses(message("m-0"), 0.0) is None
    refused = allowance.refuses(message("m-2"), 0.0)
    assert refused is not None
    assert refused.retry_after_ms is not None
    assert allowance.refuses(message("m-2"), refused.retry_after_ms / 1000) is None


def test_c10_what_is_remembered_of_users_is_bounded() -> None:
    allowance = Allowance(1, 1.0)
    for number in range(500):
        allowance.observe(message(f"m-{number}"), STORED, float(number) / 1000)
    assert allowance.refuses(message("m-0"), 0.5) is not None
    assert allowance.refuses(message("m-499"), 0.5) is None
