"""One connection's feed under a wire that loses, repeats, reorders and delays, and a log that is
slow, out of reach, pruned or replaced: the client gets everything once and in order, or is told to
load it anew.

Hypothesis has no async rules: one asyncio.Runner per machine drives the loop between the steps.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.gateway.socket import feed as feed_module
from services.gateway.upstream.submission import UNAVAILABLE, Submission
from shared.commands import Done, Event, FeedPageAnswer, Result, Stored, StoreMessage
from shared.errors import Unavailable
from shared.frames import Pong
from tests.unit.gateway.fakes import NOON, FakeLog, Frame, Socket

STEPS = 12  # turns of the loop: more than any path through one page takes
ARRIVALS = st.sampled_from(["at once", "at once", "twice", "later"])
OUTCOMES = st.sampled_from(["stored", "stored", "duplicate", "gave up"])
INDEX = st.integers(0, 10_000)  # of something among those there are, modulo their number


class Asked:
    """A request for a page that the log has not answered yet."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.answer: asyncio.Future[FeedPageAnswer] = asyncio.get_running_loop().create_future()


class SlowLog(FakeLog):
    """Reads when it is told to answer, so that anything may happen in between."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Asked] = []

    async def feed(self, user_id: str, after: int) -> FeedPageAnswer:
        asked = Asked(after)
        self.waiting.append(asked)
        return await asked.answer

    def page(self, asked: Asked, size: int) -> FeedPageAnswer:
        first = max(asked.after, self.pruned)
        rows = self.events[first : first + size]
        events = [Event(e.cursor, e.body, "", e.conversation_id, e.seq) for e in rows]
        return FeedPageAnswer(epoch=self.epoch, head=self.head, events=events)


class Client:
    """Holds the promise of the protocol against every frame it is pushed."""

    def __init__(self, epoch: str, cursor: int) -> None:
        self.epoch = epoch
        self.cursor = cursor
        self.acked: set[str] = set()
        self.stored: set[str] = set()  # client_ids acked or seen
        self.failed: set[str] = set()  # client_ids to send again
        self.synced = 0

    def take(self, frame: Frame, log: FakeLog) -> None:
        match frame["type"]:
            case "message" | "receipt":
                self.on_feed(frame, log)
            case "ack":
                self.acked.add(frame["client_id"])
                self.failed.discard(frame["client_id"])
                self.stored.add(frame["client_id"])
            case "error" if frame["client_id"] not in self.stored:
                self.failed.add(frame["client_id"])
            case "resync_required":
                self.epoch, self.cursor = frame["epoch"], frame["cursor"]
            case "sync_completed":
                self.synced += 1
                self.step_to(frame["cursor"], log)
            case "pong":
                self.step_to(frame["cursor"], log)

    def on_feed(self, frame: Frame, log: FakeLog) -> None:
        assert frame["cursor"] > self.cursor, "C5: no repeat, no step back"
        self.step_to(frame["cursor"] - 1, log)
        self.cursor = frame["cursor"]
        self.failed.discard(frame.get("client_id", ""))  # stored after all
        self.stored.add(frame.get("client_id", ""))

    def step_to(self, cursor: int, log: FakeLog) -> None:
        """Advance the cursor. An event may be left out only if it was acked to this socket, or if
        nobody may see it."""
        for skipped in range(self.cursor + 1, cursor + 1):
            event = log.events[skipped - 1]
            own = log.client_id_of(event) in self.acked
            assert own or not event.body, f"C5: {skipped} was left out"
        self.cursor = max(self.cursor, cursor)


class Feed(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.log = SlowLog()
        self.socket = Socket(self.log)
        self.flying: list[tuple[str, Event]] = []  # live events on the wire, with their epoch
        self.unsettled: list[tuple[Submission, Event]] = []
        self.own = 0
        self.prompt = False  # whether the log answers at once
        self.client = Client("e1", 0)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)
        for frame in self.socket.outbox.take():
            self.client.take(frame, self.log)
        feed = self.socket.connection.feed
        assert self.client.cursor <= feed.cursor, "R4: told ahead of what was passed on"
        assert self.client.epoch == feed.epoch
        self.client.step_to(feed.cursor, self.log)  # own acked ones count as received

    async def settle_down(self) -> None:
        for _ in range(STEPS):
            await asyncio.sleep(0)
            while self.prompt and self.log.waiting:
                asked = self.log.waiting.pop(0)
                asked.answer.set_result(self.log.page(asked, 3))

    @initialize(before=st.integers(0, 6), cursor=st.integers(0, 6), early=st.booleans())
    def connect(self, before: int, cursor: int, early: bool) -> None:
        async def begin() -> None:
            for _ in range(before):
                self.log.message()
            head = self.log.head
            if early:  # an event between the join's answer and the start
                self.socket.live(self.log.message())
            self.client.cursor = min(cursor, head)
            self.socket.connection.feed.start("e1", self.client.cursor, head)
            await self.settle_down()

        self.run(begin())

    # -------------------------------------------------------------- what the store commits

    @rule(kind=st.sampled_from(["message", "message", "receipt", "placeholder"]), arrival=ARRIVALS)
    def others_write(self, kind: str, arrival: str) -> None:
        event = {
            "message": self.log.message,
            "receipt": self.log.receipt,
            "placeholder": self.log.placeholder,
        }[kind]()
        if event.body:
            self.send(event, arrival)

    def send(self, event: Event, arrival: str) -> None:
        for _ in range({"at once": 1, "twice": 2, "later": 0}[arrival]):
            self.run(self.arrive(event))
        if arrival != "at once":
            self.flying.append((self.log.epoch, event))

    async def arrive(self, event: Event) -> None:
        self.socket.live(event)
        await self.settle_down()

    @rule(arrival=ARRIVALS, first=st.booleans(), how=OUTCOMES)
    def write_oneself(self, arrival: str, first: bool, how: str) -> None:
        self.own += 1
        client_id = f"own{self.own}"
        event = self.log.message("alice", client_id, self.socket.connection.id)
        submission = self.submission(client_id)
        if first:
            self.settle(submission, event, how)
        self.send(event, arrival)
        if not first:
            self.unsettled.append((submission, event))

    @precondition(lambda self: self.unsettled)
    @rule(index=INDEX, how=OUTCOMES)
    def the_lane_answers(self, index: int, how: str) -> None:
        self.settle(*self.unsettled.pop(index % len(self.unsettled)), how)

    def submission(self, client_id: str) -> Submission:
        connection = self.socket.connection

        def settle(result: Result) -> None:
            connection.settled(client_id, result)

        return Submission(self.command(client_id), settle, connection.gate)

    def settle(self, submission: Submission, event: Event, how: str) -> None:
        duplicate = how == "duplicate"
        result = Stored(
            event.seq, "ab", event.seq, NOON, duplicate, 0 if duplicate else event.cursor
        )

        async def finish() -> None:
            submission.finish(UNAVAILABLE if how == "gave up" else result)

        self.run(finish())

    def command(self, client_id: str) -> StoreMessage:
        return StoreMessage(
            user_id="alice",
            connection_id=self.socket.connection.id,
            client_id=client_id,
            conversation_id="ab",
            content="hi",
        )

    @invariant()
    def r2_the_gate_waits_only_for_what_the_client_will_send_again(self) -> None:
        gate, probe = self.socket.connection.gate, self.command("next")
        gate.enter(probe)
        admitted = gate.admits(probe)
        gate.observe(probe, Done())
        assert admitted or self.client.failed

    # -------------------------------------------------------------- what the wire does

    @precondition(lambda self: self.flying)
    @rule(index=INDEX, keep=st.booleans(), in_order=st.booleans())
    def an_event_arrives(self, index: int, keep: bool, in_order: bool) -> None:
        place = 0 if in_order else index % len(self.flying)
        epoch, event = self.flying[place]
        if not keep:
            del self.flying[place]

        if epoch == self.log.epoch:
            self.run(self.arrive(event))

    @precondition(lambda self: self.flying)
    @rule(index=INDEX)
    def an_event_is_lost(self, index: int) -> None:
        del self.flying[index % len(self.flying)]

    @precondition(lambda self: self.log.waiting)
    @rule(index=INDEX, size=st.integers(1, 4))
    def the_log_answers(self, index: int, size: int) -> None:
        asked = self.log.waiting.pop(index % len(self.log.waiting))

        async def answer() -> None:
            asked.answer.set_result(self.log.page(asked, size))
            await self.settle_down()

        self.run(answer())

    @precondition(lambda self: self.log.waiting)
    @rule()
    def the_log_is_out_of_reach(self) -> None:
        asked = self.log.waiting.pop()

        async def fail() -> None:
            asked.answer.set_exception(Unavailable("away"))
            await self.settle_down()

        self.run(fail())

    @precondition(lambda self: self.log.waiting)
    @rule(size=st.integers(1, 4), cursor=st.integers(0, 8))
    def a_sync_request_crosses_an_answer(self, size: int, cursor: int) -> None:
        """The page was read before the client asked to go back."""
        asked = self.log.waiting.pop()
        page = self.log.page(asked, size)

        async def cross() -> None:
            self.sync_from(cursor)
            asked.answer.set_result(page)
            await self.settle_down()

        self.run(cross())

    # -------------------------------------------------------------- what else happens

    @rule(behind=st.integers(0, 3))
    def the_heads_are_compared(self, behind: int) -> None:
        self.run(self.compare(max(0, self.log.head - behind)))

    async def compare(self, head: int) -> None:
        self.socket.connection.feed.compare(self.log.epoch, head)
        await self.settle_down()

    @rule(cursor=st.none() | st.integers(0, 20))
    def the_client_syncs(self, cursor: int | None) -> None:
        async def sync() -> None:
            self.sync_from(cursor)
            await self.settle_down()

        self.run(sync())

    def sync_from(self, cursor: int | None) -> None:
        self.socket.connection.feed.sync(cursor)
        if cursor is not None:  # what comes again from there is asked for, not a repeat
            self.client.cursor = min(self.client.cursor, cursor)

    @rule(prompt=st.booleans())
    def the_log_gets_prompt_or_slow(self, prompt: bool) -> None:
        self.prompt = prompt
        self.run(self.settle_down())

    @rule(what=st.sampled_from(["ping", "ping", "ping", "prune", "replace"]))
    def something_rare(self, what: str) -> None:
        if what == "ping":
            self.run(self.ping())
        elif what == "prune":
            self.log.pruned = self.log.head
        else:
            self.log.epoch = f"e{int(self.log.epoch[1:]) + 1}"
            self.log.events, self.log.pruned = [], 0
            self.flying, self.unsettled = [], []
            self.log.message()
            self.run(self.compare(self.log.head))

    async def ping(self) -> None:
        self.socket.connection.push(Pong(cursor=self.socket.connection.feed.cursor))

    def teardown(self) -> None:
        """In the end the heads are compared once more and the log answers: everything is there."""
        if self.socket.connection.feed.state is feed_module.State.WAITING:
            self.runner.close()
            return

        async def end() -> None:
            self.socket.connection.feed.compare(self.log.epoch, self.log.head)
            for _ in range(30):
                await self.settle_down()
                for asked in self.log.waiting:
                    asked.answer.set_result(self.log.page(asked, 5))
                self.log.waiting.clear()

        try:
            self.run(end())
            assert self.client.cursor == self.log.head
        finally:
            self.runner.run(self.socket.connection.ended())
            self.runner.close()


@pytest.fixture(autouse=True, scope="module")
def no_pauses() -> Iterator[None]:
    """Remove the pauses in this module alone: in virtual time, a pause of no length never ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_module, "HOLE_WAIT", 0.0)
        patch.setattr(feed_module, "RETRY", (0.0, 0.0))
        yield


Feed.TestCase.settings = settings(max_examples=200, stateful_step_count=30)
test_c5_c6_the_feed_arrives_in_order_and_whole = Feed.TestCase
