"""The ladder's decisions, one by one. tests/property/test_ladder.py runs them by the hundred."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.notify.channels.letter import Letters
from services.notify.ladder import groups, log
from services.notify.ladder.content import MessageContent
from services.notify.ladder.delivery import LONGEST_PAUSE, Delivery, Outcome, Waits, Watch
from services.notify.ladder.preferences import Chosen, resolved, table
from services.notify.ladder.step import mail_reach, next_step, of_messages
from shared.clock import SECOND
from shared.commands import LogRow, MarksRow, Preview, Profile
from shared.settings import Settings, load
from tests.support.letters import read

DELAY = 600 * SECOND
PAUSE = 3600 * SECOND
WAITS = Waits(unread=DELAY, pause=PAUSE)
T0 = 1_700_000_000 * SECOND
USUAL = resolved(table([], []), Chosen(user_id="bob"))
LETTERS = Letters(Settings(), lambda: T0)


def message(seq: int, at: int = T0, n: int = 0) -> LogRow:
    return LogRow("w", n or seq, "bob", "message", "c", 100 + seq, seq, "ann", at)


def receipt(read_seq: int, at: int = T0) -> LogRow:
    return LogRow("w", 50 + read_seq, "bob", "receipt", "c", 0, read_seq, "bob", at)


def folded(*rows: LogRow, now: int = T0) -> Watch:
    watch = Watch(user_id="bob", thread="c")
    for row in rows:
        watch = groups.fold(watch, row, now, WAITS)
    return watch


def held(*rows: LogRow) -> tuple[Watch, Delivery]:
    watch = folded(*rows)
    assert watch.open is not None
    claimed = groups.claim(watch.open, T0 + DELAY)
    return replace(watch, open=None, claimed=claimed), claimed


def step(group: Delivery, row: MarksRow | None) -> Outcome | None:
    """The next step of somebody who has chosen nothing."""
    reach = mail_reach(row.profile.email) if row else "reached"
    return next_step(of_messages(group, row, reach), USUAL, T0)


def preview(seq: int, at: int = T0) -> Preview:
    return Preview(sender_id="ann", sender_name="Ann", content="x", seq=seq, created_at=at)


def marks(unread: int = 1, read_seq: int = 0, email: str | None = "bob@example.test") -> MarksRow:
    return MarksRow(
        user_id="bob",
        conversation_id="c",
        read_seq=read_seq,
        last_seq=read_seq + unread,
        unread=unread,
        profile=Profile(user_id="bob", email=email),
        previews=[preview(read_seq + unread)] if unread else [],
    )


def test_first_unread_message_opens_a_group_due_after_the_delay() -> None:
    group = folded(message(1, at=T0 - 5), now=T0).open
    assert group is not None
    assert (group.first_seq, group.last_seq, group.count) == (1, 1, 1)
    assert (group.state, group.due_at) == ("waiting", T0 - 5 + DELAY)


def test_a_clock_ahead_does_not_put_the_email_off() -> None:
    group = folded(message(1, at=T0 + 10 * DELAY), now=T0).open
    assert group is not None
    assert group.due_at == T0 + DELAY


def test_further_messages_join_and_keep_the_first_due_time() -> None:
    group = folded(message(1), message(3, at=T0 + 9)).open
    assert group is not None
    assert (group.first_seq, group.last_seq, group.count, group.due_at) == (1, 3, 2, T0 + DELAY)


def test_repeated_rows_change_nothing() -> None:
    once = folded(message(1), message(2))
    assert folded(message(1), message(2), message(1), message(2), message(2)) == once


def test_only_messages_of_others_and_own_receipts_concern_the_recipient() -> None:
    own = LogRow("w", 1, "bob", "message", "c", 1, 1, "bob", T0)
    theirs = LogRow("w", 2, "bob", "receipt", "c", 0, 9, "ann", T0)
    other = LogRow("w", 3, "bob", "conversation", "c", 0, 1, "ann", T0)
    assert log.concerned(log.told([own, theirs, other])) == {}
    told = log.told([receipt(1), message(2), own, message(1), theirs, other])
    assert log.concerned(told) == {("bob", "c"): [message(1), receipt(1), message(2)]}


def test_a_receipt_that_covers_all_cancels() -> None:
    watch = folded(message(1), message(2), receipt(2))
    assert watch.open is None
    assert [(g.state, g.reason) for g in watch.closed] == [("cancelled", "read")]


def test_a_receipt_that_covers_a_part_reduces_and_starts_the_wait_again() -> None:
    left = folded(message(1), message(2), message(5), receipt(3, at=T0 + 60)).open
    assert left is not None
    assert (left.first_seq, left.last_seq, left.count) == (4, 5, 2)  # at most: 4 may be Bob's own
    later = groups.fold(folded(message(1), message(2)), receipt(1, T0 + 60), T0 + 60, WAITS).open
    assert later is not None
    assert (later.count, later.due_at) == (1, T0 + 60 + DELAY)


def test_an_older_receipt_changes_nothing() -> None:
    watch = folded(message(1), message(2), receipt(2), message(3))
    assert groups.fold(watch, receipt(1), T0, WAITS) == watch
    untouched = folded(message(4))
    assert groups.fold(untouched, receipt(3), T0, WAITS).open == untouched.open


def test_a_message_read_before_it_is_followed_opens_nothing() -> None:
    watch = folded(receipt(2), message(1), message(2))
    assert watch.open is None
    assert watch.closed == ()


def test_a_number_given_again_after_a_restore_is_a_new_message() -> None:
    watch = folded(message(1), message(2), receipt(2), message(2, at=T0 + 1))
    assert watch.open is not None
    assert watch.open.last_seq == 2


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, Outcome("cancelled", "not_a_member")),
        (marks(unread=0), Outcome("cancelled", "nothing_unread")),
        (marks(read_seq=2), Outcome("cancelled", "read")),
        (marks(email=None), Outcome("no_address")),
        (marks(email=""), Outcome("no_address")),
        (marks(email="bob"), Outcome("no_address", "bad_address")),
        (marks(email="bob@x.test\r\nBcc: eve@x.test"), Outcome("no_address", "bad_address")),
        (marks(email="bob@x.test\n"), Outcome("no_address", "bad_address")),
        (marks(email="a,b@x.test"), Outcome("no_address", "bad_address")),
        (marks(), None),
        (marks(unread=3, read_seq=1), None),
    ],
)
def test_c8_next_step(row: MarksRow | None, expected: Outcome | None) -> None:
    _, group = held(message(1), message(2))
    assert step(group, row) == expected


def test_c8_what_stood_in_the_email_opens_no_group_when_followed_later() -> None:
    watch, group = held(message(1))
    watch = groups.begin(watch, group, 2, preview(2, at=T0 + 7), T0)
    assert watch.open is None
    assert groups.fold(watch, message(2, at=T0 + 7), T0, WAITS).open is None
    assert groups.fold(watch, message(3, at=T0 + 8), T0, WAITS).open is not None


@pytest.mark.parametrize("kind", ["sent", "failed", "unknown"])
def test_an_outcome_closes_the_group(kind: str) -> None:
    watch, group = held(message(1))
    sending = groups.begin(watch, group, 1, preview(1), T0).closed[0]
    settled = groups.settle(replace(watch, claimed=None), sending, Outcome(kind, "why"), T0, WAITS)  # type: ignore[arg-type]
    assert [(g.state, g.reason, g.closed_at) for g in settled.closed] == [(kind, "why", T0)]


def test_postponed_waits_longer_each_time_and_then_gives_up() -> None:
    watch, group = held(message(1))
    waits = []
    for _ in range(WAITS.retries.attempts - 1):
        watch = groups.settle(watch, group, Outcome("postponed", "smtp_451"), T0, WAITS)
        assert watch.open is not None
        waits.append(watch.open.due_at - T0)
        group = watch.open
        watch = replace(watch, open=None, claimed=group)
    assert waits[:3] == [60 * SECOND, 120 * SECOND, 240 * SECOND]
    assert max(waits) == 3600 * SECOND
    watch = groups.settle(watch, group, Outcome("postponed", "smtp_451"), T0, WAITS)
    assert watch.open is None
    ended = watch.closed[-1]
    assert (ended.state, ended.attempts) == ("failed", WAITS.retries.attempts)


def test_what_is_refused_for_good_was_tried_once() -> None:
    watch, group = held(message(1))
    [ended] = groups.settle(watch, group, Outcome("failed", "smtp_550"), T0, WAITS).closed
    assert (ended.state, ended.attempts) == ("failed", 1)


def test_s121_how_often_and_when_it_is_tried_again_is_a_setting() -> None:
    words = {"STRATEGY": "linear", "ATTEMPTS": "4", "BASE": "5", "CAP": "8"}
    retries = load({f"LINKUP_SMTP_RETRY_{word}": words[word] for word in words}).smtp_retries
    waits, due = replace(WAITS, retries=retries), []
    watch, group = held(message(1))
    while watch.claimed:
        watch = groups.settle(watch, group, Outcome("postponed", "smtp_451"), T0, waits, 0.5)
        if watch.open:
            due.append((watch.open.due_at - T0) / SECOND)
            group = watch.open
            watch = replace(watch, open=None, claimed=group)
    assert due == [4.5, 7.2, 7.2]
    assert watch.closed[-1].state == "failed"


def test_released_costs_no_attempt() -> None:
    watch, group = held(message(1))
    released = groups.settle(watch, group, Outcome("released"), T0, WAITS).open
    assert released is not None
    assert (released.state, released.attempts) == ("waiting", 0)


def test_withdrawn_changes_nothing() -> None:
    watch, group = held(message(1))
    assert groups.settle(watch, group, Outcome("withdrawn"), T0, WAITS) == watch


def test_c8_read_while_the_server_refused_is_not_tried_again() -> None:
    watch, group = held(message(1))
    watch = groups.begin(watch, group, 1, preview(1), T0)
    sending = watch.closed[0]
    watch = groups.fold(replace(watch, closed=()), receipt(1), T0, WAITS)
    watch = groups.settle(watch, sending, Outcome("postponed"), T0, WAITS)
    assert watch.open is None
    assert watch.closed[0].state == "cancelled"


def test_a_refused_group_joins_the_one_opened_meanwhile() -> None:
    watch, group = held(message(1))
    watch = groups.begin(watch, group, 1, preview(1), T0)
    sending = watch.closed[0]
    watch = groups.fold(replace(watch, closed=()), message(2, at=T0 + 9), T0 + 9, WAITS)
    watch = groups.settle(watch, sending, Outcome("postponed"), T0 + 10, WAITS)
    assert watch.open is not None
    assert (watch.open.first_seq, watch.open.count, watch.open.attempts) == (1, 2, 1)
    assert watch.open.due_at == T0 + 10 + 60 * SECOND
    assert [(g.state, g.reason) for g in watch.closed] == [("cancelled", "merged")]


def test_c8_a_process_that_died_while_sending_leaves_an_unknown_outcome() -> None:
    watch, group = held(message(1))
    recovered = groups.recover(watch, group, T0, WAITS).open
    assert recovered is not None
    assert (recovered.state, recovered.due_at) == ("waiting", T0)
    sending = groups.begin(watch, group, 1, preview(1), T0).closed[0]
    recovered_watch = groups.recover(replace(watch, claimed=None), sending, T0, WAITS)
    assert (recovered_watch.open, recovered_watch.closed[0].state) == (None, "unknown")


def test_positions_are_one_number_per_writer() -> None:
    rows = [message(1, n=3), replace(message(2, n=1), writer="v")]
    assert log.after(rows, {"w": 3}) == rows[1:]
    assert log.advance({"w": 9, "u": 2}, rows) == {"w": 9, "u": 2, "v": 1}
    assert not log.is_behind({"w": 3, "u": 2}, {"w": 3})
    assert log.is_behind({"w": 3}, {"w": 3, "u": 2})
    assert log.is_behind({"w": 3}, {"w": 4})


def test_the_same_row_has_the_same_identity() -> None:
    one, same, other = folded(message(1)).open, folded(message(1)).open, folded(message(2)).open
    assert one is not None
    assert same is not None
    assert other is not None
    assert one.delivery_id == same.delivery_id != other.delivery_id


def mailed(watch: Watch, now: int) -> Watch:
    """Claim, send and settle the delivery that waits."""
    assert watch.open is not None
    group = groups.claim(watch.open, now)
    watch = replace(watch, open=None, claimed=group)
    shown = Preview(
        sender_id="ann", sender_name=None, content="", seq=group.last_seq, created_at=T0
    )
    watch = groups.begin(watch, group, 1, shown, now)
    return groups.settle(watch, watch.closed[-1], Outcome("sent"), now, WAITS)


def unread(watch: Watch, seq: int, now: int) -> Watch:
    return groups.fold(watch, message(seq, at=now), now, WAITS)


def test_f_s7_who_stays_away_gets_one_email_and_the_next_after_growing_pauses() -> None:
    now, watch, seq, sent = T0, Watch(user_id="bob", thread="c"), 0, []
    while now < T0 + 15 * PAUSE + 2 * DELAY:  # a message every minute
        seq += 1
        watch = unread(watch, seq, now)
        if watch.open is not None and watch.open.due_at <= now:
            sent.append(now - T0)
            watch = mailed(watch, now)
        now += 60 * SECOND
    assert len(sent) == 5, "at once, then after 1, 2, 4, 8 hours"
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert [round(gap / PAUSE) for gap in gaps] == [1, 2, 4, 8]
    assert all(gap >= PAUSE for gap in gaps)


def test_f_s7_the_pause_ends_when_the_person_has_been_back() -> None:
    watch = unread(mailed(folded(message(1)), T0 + DELAY), 2, T0 + DELAY + 1)
    assert watch.open is not None
    assert watch.open.due_at == T0 + DELAY + PAUSE
    back = T0 + DELAY + 2
    watch = unread(watch, 3, back)
    watch = groups.fold(watch, receipt(2, at=back), back, WAITS)
    assert watch.open is not None
    assert (watch.open.first_seq, watch.open.due_at) == (3, back + DELAY)
    watch = unread(groups.fold(watch, receipt(3, at=back), back, WAITS), 4, back)
    assert watch.open is not None
    assert watch.open.due_at == back + DELAY, "the next one waits as a first one does"


def test_f_s7_a_message_that_came_while_the_email_was_on_its_way_waits_for_the_pause_too() -> None:
    watch, group = held(message(1))
    shown = Preview(sender_id="ann", sender_name=None, content="", seq=1, created_at=T0)
    watch = groups.begin(watch, group, 1, shown, T0)
    watch = unread(watch, 2, T0)
    for outcome in (Outcome("sent"), Outcome("unknown")):
        settled = groups.settle(watch, watch.closed[-1], outcome, T0, WAITS)
        assert settled.open is not None
        assert settled.open.due_at == T0 + PAUSE
    refused = groups.settle(watch, watch.closed[-1], Outcome("failed"), T0, WAITS)
    assert refused.open is not None
    assert refused.open.due_at == T0 + DELAY, "nothing was sent"


def test_f_s7_a_clock_that_went_back_or_a_thousand_emails_put_nothing_off_for_ever() -> None:
    watch = Watch(user_id="bob", thread="c", mails=1000, mailed_at=T0 + 10**18)
    grown = unread(watch, 1, T0)
    assert grown.open is not None
    assert grown.open.due_at == T0 + LONGEST_PAUSE


@pytest.mark.parametrize(
    "address",
    [
        *("x.y.@example.com", ".x@example.com", "x..y@example.com", "@example.com", "x@"),
        *("x@.example.com", "x@example..com", "x@example.com.", "x@-example.com"),
        *("x@example-.com", "x@exa_mple.com", "x@" + "a" * 64 + ".com", "a" * 65 + "@example.com"),
        *("x y@example.com", "x@exam ple.com", "x@y@example.com", '"x y"@example.com'),
        *(
            "x@example.com\n",
            "x@example.com\r\nBcc: y@example.com",
            "x@[127.0.0.1]",
            "ü@example.com",
        ),
        *("x@" + ".".join(["a" * 60] * 4), "<x@example.com>", "x@example.com,y@example.com"),
        *("=?utf-8?q?x?=@example.com", "a.=?us-ascii?b?eA==?=@example.com", "=?=?x?=@example.com"),
    ],
)
def test_f_s8_what_is_no_address_is_a_bad_address(address: str) -> None:
    _, group = held(message(1))
    outcome = step(group, marks(email=address))
    assert outcome == Outcome("no_address", "bad_address")


@given(st.text("=?8bq-.", min_size=1, max_size=12), st.sampled_from(["{}", "=?utf-8?{}?="]))
def test_f_s8_what_passes_for_an_address_can_be_written_in_a_letter(text: str, form: str) -> None:
    address = form.format(text) + "@example.com"
    row = marks(email=address)
    if step(held(message(1))[1], row) is None:
        letter = LETTERS.write("n1", row.profile, MessageContent.of(row))
        assert read(letter)["To"] == address


@pytest.mark.parametrize(
    "address",
    [
        *("x.y@example.com", "x@localhost", "x+tag@example.co.uk", "o'neil@example.com"),
        *("a" * 64 + "@example.com", "x@" + "a" * 63 + ".com", "x@xn--bcher-kva.example", "1@2.io"),
        *(
            "!#$%&'*+/=?^_`{|}~-@example.com",
            "=?x@example.com",
            "x?=@example.com",
            "?=?@example.com",
        ),
    ],
)
def test_f_s8_an_address_can_be_written_in_a_letter(address: str) -> None:
    _, group = held(message(1))
    row = marks(email=address)
    assert step(group, row) is None
    letter = LETTERS.write("n1", row.profile, MessageContent.of(row))
    assert read(letter)["To"] == letter.to == address
    assert f"\r\nTo: {address}\r\n".encode() in letter.content
