"""The canary names the step at which a message is lost without an error."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from services.gateway.upstream.canary import CONVERSATION, READER, SENDER, Canary
from shared import frames, subjects
from shared.bus import Delivery
from shared.commands import AdvanceReceipt, Done, Event, Events, PutUser, Stored, encode
from shared.errors import Unavailable
from shared.health.endpoints import Check
from shared.health.records import Ledger
from tests.support.virtual import VirtualLoop

EVERY = 10.0


class Way:
    """The lanes, the store and the bus; `broken`: the step that does nothing."""

    def __init__(self, broken: str) -> None:
        self.broken = broken
        self.sent = 0
        self.handlers: dict[str, Callable[[Delivery], None]] = {}

    async def subscribe(self, subject: str, handler: Any) -> "Way":
        self.handlers[subject] = handler
        return self

    async def close(self) -> None:
        pass

    async def call(self, command: Any, kind: Any) -> Any:
        match command:
            case PutUser():
                return Done()
            case AdvanceReceipt(read_seq=seq):
                if self.broken == "read":
                    raise Unavailable("nobody listens")
                self._tell("told", SENDER, Event(2 * seq, _receipt(seq)))
                return Done()
        if self.broken == "commit":
            raise Unavailable("nobody listens")
        self.sent += 1
        self._tell("arrive", READER, Event(self.sent, b"{}", "", CONVERSATION, self.sent))
        return Stored(self.sent, CONVERSATION, self.sent, 0, False, self.sent)

    def _tell(self, step: str, user_id: str, event: Event) -> None:
        if self.broken != step:
            told = encode(Events(user_id=user_id, epoch="e", events=[event]))
            subject = subjects.feed(user_id)
            self.handlers[subject](Delivery(subject, told, ""))


def _receipt(seq: int) -> bytes:
    told = frames.Receipt(
        conversation_id=CONVERSATION,
        user_id=READER,
        delivered_seq=seq,
        read_seq=seq,
        at=frames.time_of(0),
    )
    return frames.encode(told)


def check_after(
    way: Way, seconds: float, proof: Callable[[], float] = lambda: float("-inf"), up: bool = True
) -> Check:
    async def main() -> Check:
        upstream = Check("pass" if up else "fail", "no answer")
        canary = Canary(way, way, EVERY, proof, lambda: upstream)  # type: ignore[arg-type]  # the parts it uses
        running = asyncio.create_task(canary.run())
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.wait([running])
        return canary.check()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


STEPS = [
    ("commit", "it is not committed: nobody listens"),
    ("arrive", "it is committed, but does not arrive"),
    ("read", "it arrives, but cannot be marked as read: nobody listens"),
    ("told", "it is read, but its sender is not told"),
]


@pytest.mark.parametrize(("broken", "words"), STEPS)
def test_s85_d32_a_broken_way_is_told_within_fifteen_seconds_by_its_step(
    broken: str, words: str, recorded: Ledger
) -> None:
    """The check logs a message that does not arrive; a refused request has logged its own error."""
    check = check_after(Way(broken), 15)
    assert check.status == "fail"
    assert words in check.output
    errors = [one.message for one in recorded.recent()]
    assert errors == ([f"a message to ourselves: {words}"] if broken in ("arrive", "told") else [])


def test_s85_a_way_that_works_is_tried_every_ten_seconds() -> None:
    way = Way("")
    assert check_after(way, 65).status == "pass"
    assert way.sent == 6


def test_s85_nothing_is_sent_while_real_messages_arrive() -> None:
    way = Way("")
    assert (
        check_after(way, 65, proof=lambda: asyncio.get_running_loop().time() - 1).status == "pass"
    )
    assert way.sent == 0


def test_s85_while_persistence_does_not_answer_that_is_named_and_not_the_canary() -> None:
    check = check_after(Way("commit"), 30, up=False)
    assert (check.status, "not known" in check.output) == ("pass", True)


def test_what_was_proved_an_interval_ago_proves_nothing_now() -> None:
    """0.1 + 10.0 is not after 10.1, and yet 0.1 is after 10.1 - 10.0, as floats are."""
    way = Way("")
    check_after(way, 12, proof=lambda: 0.1)
    assert way.sent == 1


def test_what_arrived_before_a_failure_does_not_overrule_it() -> None:
    """The last real message came while the canary was on its way."""
    way, asked = Way("arrive"), []

    def proof() -> float:
        asked.append(asyncio.get_running_loop().time())
        return 12.0 if asked[-1] > 12 else float("-inf")

    assert check_after(way, 20, proof).status == "fail"
    assert way.sent > 1
    assert len(asked) < 20
