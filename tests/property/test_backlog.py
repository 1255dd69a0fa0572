"""The order in which a webhook gets its events, whatever fails and whenever."""

from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.notify.webhooks.backlog import Backlog
from services.notify.webhooks.event import Event
from shared.commands import Fact

THREADS = st.sampled_from(("a", "b", "c"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), THREADS),
        st.tuples(st.just("take"), st.integers(0, 4)),
        st.tuples(st.sampled_from(("done", "again", "back")), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(1, 30)),
    ),
    max_size=80,
)


def event(number: int, thread: str, now: int) -> Event:
    fact = Fact("1", number, "message", thread, number, number, "ann", "", now)
    return Event(number=number, event_id=f"e{number}", fact=fact, queued_at=now, due_at=now)


class Play:
    """A backlog, and what was added to it, is out of it and has ended, by thread."""

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.now = self.number = 0
        self.out: list[Event] = []
        self.added: dict[str, list[int]] = defaultdict(list)
        self.ended: dict[str, list[int]] = defaultdict(list)

    def add(self, thread: str) -> None:
        self.number += 1
        self.backlog.add([event(self.number, thread, self.now)])
        self.added[thread].append(self.number)

    def take(self, room: int) -> None:
        taken = self.backlog.take(self.now, room)
        assert len(taken) <= room
        assert all(one.due_at <= self.now for one in taken)
        self.out += taken
        assert len({one.thread for one in self.out}) == len(self.out)

    def land(self, how: str, which: int) -> None:
        one = self.out.pop(which % len(self.out))
        match how:
            case "done":
                self.backlog.done(one)
                self.ended[one.thread].append(one.number)
            case "again":
                self.backlog.again(one, self.now + 10)
            case _:
                self.backlog.back([one])

    def step(self, what: str, argument: Any) -> None:
        match what:
            case "add":
                self.add(argument)
            case "take":
                self.take(argument)
            case "wait":
                self.now += argument
            case how if self.out:
                self.land(how, argument)
        ended = sum(map(len, self.ended.values()))
        assert len(self.backlog) == self.number - ended

    def finish(self) -> None:
        self.now += 100
        while self.out or self.backlog.due_at() is not None:
            self.take(9)
            self.land("done", 0)


@given(STEPS)
def test_c4_each_conversation_is_told_in_order_one_event_at_a_time(
    steps: list[tuple[str, Any]],
) -> None:
    play = Play()
    for what, argument in steps:
        play.step(what, argument)
    play.finish()
    assert play.ended == play.added
    assert (len(play.backlog), play.backlog.oldest()) == (0, None)


def test_what_was_added_before_is_passed_over_and_a_reset_begins_anew() -> None:
    backlog = Backlog([event(1, "a", 5), event(2, "b", 6)])
    backlog.add([event(2, "b", 6), event(3, "a", 7)])
    assert (len(backlog), backlog.newest, backlog.oldest()) == (3, 3, 5)
    backlog.reset([event(2, "b", 6)])
    assert (len(backlog), backlog.newest) == (1, 2)
    assert [one.number for one in backlog.take(6, 9)] == [2]
