"""One socket's feed and acks, step by step. The property test test_feed.py has the long runs."""

import asyncio
from typing import Any

import pytest

from services.gateway.socket import feed as feed_module
from services.gateway.upstream.submission import UNAVAILABLE, Submission
from shared.commands import Done, Event, FeedPageAnswer, Refused, Result, Stored, StoreMessage
from shared.errors import Unavailable
from shared.frames import CloseCode, Pong
from shared.health.records import Ledger
from tests.support.virtual import VirtualLoop
from tests.support.waiting import eventually
from tests.unit.gateway.fakes import NOON, FakeLog, Socket, cursors, repairing, types


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "HOLE_WAIT", 0.0)
    monkeypatch.setattr(feed_module, "RETRY", (0.0, 0.0))


async def synced(socket: Socket) -> None:
    await eventually(lambda: "sync_completed" in types(socket.outbox.frames))


def stored(event: Event, **changes: Any) -> Stored:
    fields: dict[str, Any] = {
        "message_id": event.seq,
        "conversation_id": "ab",
        "seq": event.seq,
        "created_at": NOON,
        "duplicate": False,
        "cursor": event.cursor,
    }
    return Stored(**fields | changes)


def message_of(socket: Socket, client_id: str) -> StoreMessage:
    return StoreMessage(
        user_id="alice",
        connection_id=socket.connection.id,
        client_id=client_id,
        conversation_id="ab",
        content="hi",
    )


def settle(socket: Socket, client_id: str, result: Result) -> None:
    """As a lane does it: the gate observes first."""
    connection = socket.connection
    command = message_of(socket, client_id)
    submission = Submission(
        command, lambda result: connection.settled(client_id, result), connection.gate
    )
    submission.finish(result)


def admits(socket: Socket, client_id: str) -> bool:
    gate = socket.connection.gate
    command = message_of(socket, client_id)
    gate.enter(command)
    return gate.admits(command)


async def live_socket(log: FakeLog | None = None) -> Socket:
    """A socket that has caught up."""
    socket = Socket(log)
    socket.start(socket.log.head)
    async with repairing(socket):
        await synced(socket)
    socket.outbox.take()
    return socket


# ------------------------------------------------------------------ passing on


async def test_c5_what_is_next_is_passed_on_and_what_was_seen_is_dropped() -> None:
    socket = await live_socket()
    one, two = socket.log.message(), socket.log.receipt()
    socket.live(one)
    socket.live(one)
    socket.live(one, two)
    sent = socket.outbox.take()
    assert cursors(sent) == [1, 2]
    assert next(iter(sent[0])) == "cursor"


async def test_c5_a_hole_is_fetched_before_anything_later_is_passed_on(recorded: Ledger) -> None:
    socket = await live_socket()
    for _ in range(5):
        socket.log.message()
    socket.live(socket.log.events[3])
    socket.live(socket.log.events[4])
    assert socket.outbox.frames == []
    async with repairing(socket):
        await eventually(lambda: len(socket.outbox.frames) == 5)
    assert cursors(socket.outbox.take()) == [1, 2, 3, 4, 5]
    assert [(one.category, one.count) for one in recorded.recent()] == [("delivery_error", 1)]


def test_r8_what_overtakes_within_a_moment_costs_one_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In virtual time: a machine that stops for longer than the moment makes it two."""
    monkeypatch.setattr(feed_module, "HOLE_WAIT", 0.05)

    async def story() -> None:
        socket = await live_socket()
        socket.log.asked.clear()
        async with repairing(socket):
            for _ in range(3):
                late, early = socket.log.message(), socket.log.message()
                socket.live(early)
                socket.live(late)
                for _ in range(10):
                    await asyncio.sleep(0)
            await eventually(lambda: len(socket.outbox.frames) == 6)
        assert cursors(socket.outbox.take()) == [1, 2, 3, 4, 5, 6]
        assert len(socket.log.asked) == 1

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


async def test_r6_live_events_during_a_repair_are_fetched_in_their_turn() -> None:
    """Even one that comes in its turn: it tells how things were, the log how they are."""
    socket = await live_socket()
    socket.log.gate = asyncio.Event()
    late = socket.log.message()
    socket.live(socket.log.message())
    async with repairing(socket):
        await eventually(lambda: bool(socket.log.asked))
        socket.live(Event(1, late.body.replace(b'"hi"', b'"as it was"'), "", "ab", 1))
        socket.live(socket.log.message())
        socket.log.gate.set()
        await eventually(lambda: len(socket.outbox.frames) == 3)
        socket.live(socket.log.message())
        await eventually(lambda: len(socket.outbox.frames) == 4)
    sent = socket.outbox.take()
    assert cursors(sent) == [1, 2, 3, 4]
    assert {frame["content"] for frame in sent} == {"hi"}


async def test_r7_placeholders_are_stepped_over_in_silence() -> None:
    socket = await live_socket()
    socket.log.message()
    socket.log.placeholder()
    socket.log.message()
    socket.connection.feed.compare("e1", 3)
    async with repairing(socket):
        await eventually(lambda: socket.connection.feed.cursor == 3)
    assert cursors(socket.outbox.take()) == [1, 3]


async def test_r9_a_feed_that_was_pruned_says_resync_required() -> None:
    log = FakeLog()
    for _ in range(6):
        log.message()
    log.pruned = 4
    socket = Socket(log)
    socket.start(2)
    async with repairing(socket):
        await synced(socket)
    resync, done = socket.outbox.take()
    assert (resync["type"], resync["cursor"], resync["epoch"]) == ("resync_required", 6, "e1")
    assert done == {"type": "sync_completed", "cursor": 6}


@pytest.mark.parametrize("missed", [feed_module.MAX_MISSED, feed_module.MAX_MISSED + 1])
async def test_c6_a_sync_request_goes_back_so_far_and_no_further(missed: int) -> None:
    log = FakeLog()
    for _ in range(feed_module.MAX_MISSED + 5):
        log.message()
    log.page_size = 500
    socket = await live_socket(log)
    async with repairing(socket):
        socket.connection.feed.sync(log.head - missed)
        await synced(socket)
    sent = socket.outbox.take()
    whole = missed == feed_module.MAX_MISSED
    assert types(sent[-1:]) == ["sync_completed"]
    assert types(sent[:-1]) == (["message"] * missed if whole else ["resync_required"])


async def test_r9_pruned_in_mid_replay_is_told_and_what_follows_is_live() -> None:
    log = FakeLog()
    for _ in range(9):
        log.message()
    log.page_size, log.gate = 2, asyncio.Event()
    socket = Socket(log)
    socket.start(1)
    async with repairing(socket):
        await eventually(lambda: log.asked == [1])
        log.pruned = 7  # the first page was read before
        log.gate.set()
        await synced(socket)
        socket.live(log.message())
    sent = socket.outbox.take()
    assert types(sent) == ["message", "message", "resync_required", "sync_completed", "message"]
    assert [frame["cursor"] for frame in sent] == [2, 3, 9, 9, 10]


async def test_c7_a_lost_last_event_is_found_by_comparison() -> None:
    socket = await live_socket()
    socket.log.message()
    async with repairing(socket):
        socket.connection.feed.compare("e1", 1)
        await eventually(lambda: cursors(socket.outbox.frames) == [1])
        socket.connection.feed.compare("e1", 1)
        socket.connection.feed.compare("e1", 0)
        await asyncio.sleep(0)
    assert len(socket.log.asked) == 1


async def test_a_log_out_of_reach_is_asked_again() -> None:
    log = FakeLog()
    log.message()
    log.failures = [Unavailable("away"), Unavailable("away")]
    socket = Socket(log)
    socket.start(0)
    async with repairing(socket):
        await synced(socket)
    assert types(socket.outbox.take()) == ["message", "sync_completed"]
    assert log.asked == [0, 0, 0]


async def test_c6_events_before_the_start_are_remembered() -> None:
    socket = Socket()
    socket.live(socket.log.message())
    socket.connection.feed.compare("e1", 1)
    assert socket.outbox.frames == []
    socket.connection.feed.start("e1", 0, 0)  # the join's answer was older than the event
    async with repairing(socket):
        await synced(socket)
    assert types(socket.outbox.take()) == ["message", "sync_completed"]


async def test_a_cursor_heard_of_but_not_in_the_log_ends_the_repair() -> None:
    socket = await live_socket()
    socket.connection.feed.compare("e1", 7)
    async with repairing(socket):
        await eventually(lambda: bool(socket.log.asked))
        socket.live(socket.log.message())
        await eventually(lambda: cursors(socket.outbox.frames) == [1])
    assert types(socket.outbox.take()) == ["message"]


@pytest.mark.parametrize("how", ["event", "comparison", "page"])
async def test_c6_another_epoch_is_resync_required(how: str) -> None:
    socket = await live_socket()
    socket.log.epoch = "e2"
    event = socket.log.message()
    async with repairing(socket):
        if how == "event":
            socket.live(event)
        elif how == "comparison":
            socket.connection.feed.compare("e2", 1)
        else:
            socket.connection.feed.compare("e1", 1)
        await eventually(lambda: bool(socket.outbox.frames))
        socket.live(socket.log.message())
        await eventually(lambda: len(socket.outbox.frames) == 2)
    resync, message = socket.outbox.take()
    assert (resync["type"], resync["cursor"], resync["epoch"]) == ("resync_required", 1, "e2")
    assert message["cursor"] == 2


# ------------------------------------------------------------------ sync requests


async def test_c6_a_sync_request_replays_and_says_when_it_is_done() -> None:
    log = FakeLog()
    for _ in range(4):
        log.message()
    socket = await live_socket(log)
    log.page_size = 2
    async with repairing(socket):
        socket.connection.feed.sync(1)
        await synced(socket)
    assert types(socket.outbox.frames) == ["message"] * 3 + ["sync_completed"]
    assert cursors(socket.outbox.take()) == [2, 3, 4]


async def test_r4_nobody_skips_ahead_with_a_sync_request() -> None:
    socket = await live_socket()
    socket.log.message()
    socket.connection.feed.sync(99)
    socket.live(socket.log.message())
    async with repairing(socket):
        await eventually(lambda: cursors(socket.outbox.frames) == [1, 2])


async def test_c6_a_sync_request_during_a_repair_does_not_look_like_a_pruned_feed() -> None:
    log = FakeLog()
    for _ in range(3):
        log.message()
    socket = await live_socket(log)
    log.gate = asyncio.Event()
    async with repairing(socket):
        socket.connection.feed.compare("e1", log.message().cursor)
        await eventually(lambda: log.asked == [3])
        socket.connection.feed.sync(1)
        log.gate.set()
        await synced(socket)
    sent = socket.outbox.take()
    assert "resync_required" not in types(sent)
    assert cursors(sent) == [2, 3, 4]


async def test_c6_an_answer_of_the_old_store_does_not_undo_the_new_epoch() -> None:
    socket = await live_socket()
    socket.log.message()
    socket.log.gate = asyncio.Event()
    async with repairing(socket):
        socket.connection.feed.compare("e1", 1)
        await eventually(lambda: socket.log.asked == [0])
        socket.log.epoch = "e2"
        socket.connection.feed.compare("e2", 5)
        socket.log.gate.set()
        await asyncio.sleep(0.01)
    assert [frame["epoch"] for frame in socket.outbox.take()] == ["e2"]


# ------------------------------------------------------------------ own messages


async def test_r3_an_ack_before_its_event_stands_for_it() -> None:
    socket = await live_socket()
    own = socket.log.message("alice", "c1", socket.connection.id)
    settle(socket, "c1", stored(own))
    assert socket.connection.feed.cursor == 0  # an ack never moves the cursor
    socket.live(own)
    sent = socket.outbox.take()
    assert types(sent) == ["ack"]
    assert (sent[0]["client_id"], sent[0]["seq"], sent[0]["duplicate"]) == ("c1", 1, False)
    assert "cursor" not in sent[0]
    assert socket.connection.feed.cursor == 1


async def test_r3_an_event_before_its_ack_is_the_ack() -> None:
    socket = await live_socket()
    own = socket.log.message("alice", "c1", socket.connection.id)
    socket.live(own)
    settle(socket, "c1", stored(own))
    sent = socket.outbox.take()
    assert types(sent) == ["ack"]
    assert (sent[0]["client_id"], sent[0]["message_id"], sent[0]["seq"]) == ("c1", 1, 1)


async def test_r3_another_socket_of_the_sender_gets_the_message() -> None:
    socket = await live_socket()
    socket.live(socket.log.message("alice", "c1", "another-socket"))
    assert types(socket.outbox.take()) == ["message"]


async def test_r3_an_acked_message_is_left_out_of_a_repair_too() -> None:
    socket = await live_socket()
    other = socket.log.message()
    own = socket.log.message("alice", "c1", socket.connection.id)
    settle(socket, "c1", stored(own))
    socket.connection.feed.compare("e1", 2)
    async with repairing(socket):
        await eventually(lambda: socket.connection.feed.cursor == 2)
    sent = socket.outbox.take()
    assert types(sent) == ["ack", "message"]
    assert cursors(sent) == [other.cursor]


async def test_r2_a_message_shown_stored_by_its_event_no_longer_closes_the_gate() -> None:
    """The reply was lost and the lane gave up, but the event came: nobody sends that again."""
    socket = await live_socket()
    socket.live(socket.log.message("alice", "c1", socket.connection.id))
    settle(socket, "c1", UNAVAILABLE)
    assert types(socket.outbox.take()) == ["ack"]
    assert admits(socket, "c2")


async def test_r2_an_event_after_the_lane_gave_up_opens_the_gate() -> None:
    socket = await live_socket()
    settle(socket, "c1", UNAVAILABLE)
    assert not admits(socket, "c2")
    socket.live(socket.log.message("alice", "c1", socket.connection.id))
    assert types(socket.outbox.take()) == ["error", "ack"]
    assert admits(socket, "c2")


async def test_r2_a_failed_message_found_in_the_log_opens_the_gate() -> None:
    """Stored, but reply and event were lost: a client that sees it will not send it again."""
    socket = await live_socket()
    settle(socket, "c1", UNAVAILABLE)
    socket.log.message("bob", "c1")
    socket.connection.feed.compare("e1", 1)
    async with repairing(socket):
        await eventually(lambda: socket.connection.feed.cursor == 1)
        assert not admits(socket, "c2")  # that was somebody else's
        socket.connection.feed.compare("e1", socket.log.message("alice", "c1").cursor)
        await eventually(lambda: socket.connection.feed.cursor == 2)
    assert types(socket.outbox.take()) == ["error", "message", "message"]
    assert admits(socket, "c2")


async def test_r2_the_lane_gives_up_a_message_that_the_log_has_shown() -> None:
    socket = await live_socket()
    command = message_of(socket, "c1")
    submission = Submission(command, lambda result: None, socket.connection.gate)
    socket.connection.feed.compare("e1", socket.log.message("alice", "c1").cursor)
    async with repairing(socket):
        await eventually(lambda: socket.connection.feed.cursor == 1)
    submission.finish(UNAVAILABLE)
    assert admits(socket, "c2")


async def test_c2_a_later_refusal_of_the_same_id_is_answered() -> None:
    """First given up, then shown by its event, then acked as a duplicate; the id comes again."""
    socket = await live_socket()
    settle(socket, "c1", UNAVAILABLE)
    own = socket.log.message("alice", "c1", socket.connection.id)
    socket.live(own)
    settle(socket, "c1", stored(own, duplicate=True, cursor=0))
    settle(
        socket, "c1", Refused("client_id_conflict", "This `client_id` was used for another message")
    )
    sent = socket.outbox.take()
    assert types(sent) == ["error", "ack", "ack", "error"]
    assert sent[-1]["code"] == "client_id_conflict"


async def test_c7_a_duplicate_makes_the_hub_look_for_what_was_lost() -> None:
    socket = await live_socket()
    settle(socket, "c1", Stored(1, "ab", 1, NOON, True, 0))
    [ack] = socket.outbox.take()
    assert ack["duplicate"] is True
    assert socket.suspected == ["alice"]


async def test_an_error_carries_the_client_id_and_when_to_come_back() -> None:
    socket = await live_socket()
    settle(socket, "c1", Refused("rate_limited", "Too many", 120))
    assert socket.outbox.take() == [
        {
            "type": "error",
            "code": "rate_limited",
            "message": "Too many",
            "temporary": True,
            "client_id": "c1",
            "retry_after_ms": 120,
        }
    ]


@pytest.mark.parametrize("client_id", ["c1", 'quoted " \\ é \x7f'])
async def test_r3_the_ack_that_an_event_stands_for_is_as_the_lanes(client_id: str) -> None:
    by_event, by_lane = await live_socket(), await live_socket()
    own = by_event.log.message("alice", client_id, by_event.connection.id)
    by_event.live(own)
    by_lane.log.message("alice", client_id)
    settle(by_lane, client_id, stored(own))
    assert by_event.outbox.take() == by_lane.outbox.take()


async def test_a_repair_that_breaks_ends_the_socket(caplog: pytest.LogCaptureFixture) -> None:
    socket = await live_socket()
    socket.log.feed = None  # type: ignore[assignment, method-assign]  # a fault of ours
    socket.connection.feed.compare("e1", 1)
    await eventually(lambda: socket.connection.close_code == CloseCode.TRY_AGAIN)
    assert "the repair of a feed failed" in caplog.text


async def test_a_receipt_is_acked_only_where_it_has_a_client_id() -> None:
    socket = await live_socket()
    socket.connection.settled(None, Done())
    socket.connection.settled("r1", Done())
    assert socket.outbox.take() == [{"type": "ack", "client_id": "r1", "duplicate": False}]


# ------------------------------------------------------------------ the end


async def test_c10_a_full_outbox_closes_4001_and_nothing_more_is_pushed() -> None:
    socket = await live_socket()
    socket.outbox.room = 1
    for _ in range(3):
        socket.live(socket.log.message())
    assert socket.connection.close_code == CloseCode.SLOW_CONSUMER
    assert (socket.ends, socket.outbox.frames) == (1, [])


async def test_r5_a_replay_does_not_count_against_the_bound() -> None:
    log = FakeLog()
    for _ in range(30):
        log.message()
    socket = Socket(log, room=1)
    socket.start(0)
    async with repairing(socket):
        await synced(socket)
    assert socket.connection.close_code is None


async def test_the_first_reason_to_close_counts() -> None:
    socket = await live_socket()
    socket.connection.farewell("restart", CloseCode.RESTART, 250)
    socket.connection.close(CloseCode.ABUSE)
    socket.connection.push(Pong(cursor=0))
    assert socket.connection.close_code == CloseCode.RESTART
    assert socket.outbox.take() == [{"type": "reconnect", "after_ms": 250, "reason": "restart"}]


async def test_r13_what_was_sent_is_remembered_by_conversation() -> None:
    socket = await live_socket()
    socket.live(socket.log.message())
    assert socket.connection.sent == {"ab": 1}
    socket.log.message()
    socket.log.message()  # stored, but not sent to this socket
    assert socket.connection.sent == {"ab": 1}


async def test_r13_a_replay_leads_back_to_the_same_mark() -> None:
    log = FakeLog()
    for _ in range(3):
        log.message()
    socket = Socket(log)
    socket.start(0)
    async with repairing(socket):
        await synced(socket)
        socket.outbox.take()
        socket.connection.feed.sync(0)
        await synced(socket)
    assert socket.connection.sent == {"ab": 3}


async def test_a_page_longer_than_asked_for_is_cut_to_what_is_next() -> None:
    socket = await live_socket()
    for _ in range(3):
        socket.log.message()

    async def feed(user_id: str, after: int) -> FeedPageAnswer:
        page = [event for event in socket.log.events if event.cursor > after]
        return FeedPageAnswer(epoch="e1", head=3, events=[page[0], page[0], *page[1:]])

    socket.log.feed = feed  # type: ignore[method-assign]
    socket.connection.feed.compare("e1", 3)
    async with repairing(socket):
        await eventually(lambda: socket.connection.feed.cursor == 3)
    assert cursors(socket.outbox.take()) == [1, 2, 3]


async def test_c5_no_older_live_event_follows_a_page_that_shows_things_as_they_are_now() -> None:
    """A page ends at its bound; what it shows may already hold what only comes behind that."""
    log = FakeLog()
    for _ in range(2):
        log.message()
    socket = Socket(log)
    socket.start(0)
    log.page_size = 2
    late = log.message()  # committed before the page is read
    async with repairing(socket):
        await synced(socket)
        socket.live(late)
    assert log.asked == [0, 2]
    assert cursors(socket.outbox.take()) == [1, 2, 3]


async def test_c9_what_is_remembered_must_be_of_its_beginning_or_of_a_later_change() -> None:
    """A connection has not heard of changes from before it began: not even from the log, yet."""
    socket = Socket()
    for _ in range(7):
        socket.log.message()
    socket.start(3)
    assert socket.connection.changed_at("g") == 7
    async with repairing(socket):
        await synced(socket)
    socket.live(Event(8, b'{"type":"conversation"}', "", "g"))
    assert (socket.connection.changed_at("g"), socket.connection.changed_at("h")) == (8, 7)
