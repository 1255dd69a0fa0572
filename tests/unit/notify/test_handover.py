"""The transactions of deliveries: how many statements a page costs, and the hard cases by name."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from services.notify.inbox import rows as items
from services.notify.inbox.grouping import Item
from services.notify.ladder import log
from services.notify.ladder.cases import Case
from services.notify.ladder.delivery import Channel, Delivery, Ending, Outcome, Waits
from services.notify.ladder.preferences import Chosen, table
from services.notify.migrate import upgrade
from services.notify.preferences import choices
from services.notify.sending.findings import case, kept
from services.notify.store import handover, rows
from services.notify.store.notices import open_notices
from services.notify.upkeep.audit import endless
from services.notify.upkeep.steps import of_message
from shared.clock import SECOND
from shared.commands import LogRow, MarksRow, Omissions, Preview, Profile
from shared.settings import Settings

NOW = 1_780_000_000 * SECOND
KNOWN = table([], [])
BOTH: dict[Channel, Waits] = {
    "email": Waits(unread=600 * SECOND, pause=3600 * SECOND),
    "push": Waits(unread=30 * SECOND, pause=0),
}
DUE = NOW + 600 * SECOND
PROFILES = {"bob": Profile(user_id="bob", email="bob@example.test")}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    file = tmp_path_factory.mktemp("empty") / "notify.db"
    upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        yield connection


@pytest.fixture
def db(empty: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        empty.backup(connection)
        connection.row_factory = sqlite3.Row
        yield connection


def message(seq: int, user_id: str = "bob", thread: str = "c", at: int = NOW) -> LogRow:
    return LogRow("w", seq, user_id, "message", thread, seq, seq, "ann", at)


def receipt(seq: int) -> LogRow:
    return LogRow("w", 900 + seq, "bob", "receipt", "c", 0, seq, "bob", NOW)


def fold(db: sqlite3.Connection, *page: LogRow, now: int = NOW) -> None:
    handover.fold(db, log.told(page), now, BOTH)


def marks(*seqs: int, **fields: Any) -> MarksRow:
    """Return the log's answer about the unread messages of Bob's conversation."""
    previews = [
        Preview(sender_id="ann", sender_name="Ann", content="x", seq=seq, created_at=NOW)
        for seq in seqs
    ]
    usual = MarksRow(
        user_id="bob",
        conversation_id="c",
        read_seq=0,
        last_seq=max(seqs, default=0),
        unread=len(seqs),
        profile=PROFILES["bob"],
        previews=previews[-3:],
    )
    return replace(usual, **fields)


def due(
    db: sqlite3.Connection, found: MarksRow | None, now: int = DUE, channel: Channel = "email"
) -> Case:
    [claimed] = handover.claim(db, channel, now, 10)
    return case(claimed, kept(db, [claimed], 0), {("bob", "c"): found}, PROFILES, KNOWN)


def begin(db: sqlite3.Connection, cases: list[Case], now: int) -> list[bool]:
    return handover.advance(db, [], cases, now, BOTH["email"])[1]


def settle(db: sqlite3.Connection, one: Case, now: int) -> bool:
    ending = Ending(one.delivery, Outcome("sent"))
    [[settled], _] = handover.advance(db, [ending], [], now, BOTH["email"])
    return settled


def states(db: sqlite3.Connection) -> list[tuple[str, str]]:
    found = db.execute("SELECT state, reason FROM deliveries ORDER BY channel, first_seq")
    return [(state, reason) for state, reason in found]


def test_c8_a_page_costs_as_many_statements_for_a_thousand_messages_as_for_one(
    db: sqlite3.Connection,
) -> None:
    """With web push, there is one more statement for all messages, whoever has a browser."""
    counts = []
    for number in (1, 1000):
        for waits in ({"email": BOTH["email"]}, BOTH):
            page = [message(seq, f"user{number} {seq}") for seq in range(1, number + 1)]
            asked: list[str] = []
            db.set_trace_callback(asked.append)
            handover.fold(db, log.told(page), NOW, waits)  # type: ignore[arg-type]
            db.set_trace_callback(None)
            counts.append(len(asked))
    assert counts == [4, 5, 4, 5]


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (rows.LOAD_GROUPS, ["deliveries_waiting", "deliveries_in_flight"]),
        (rows.LOAD_DUE, ["deliveries_due", "deliveries_in_flight"]),
        (rows.NEXT_DUE, ["deliveries_due", "deliveries_in_flight"]),
        (rows.LOAD_COLLECTED, ["deliveries_collected"]),
        (rows.LOAD_COLLECTED_OF, ["deliveries_collected"]),
    ],
)
def test_no_statement_looks_at_all_that_waits(
    db: sqlite3.Connection, statement: str, indexes: list[str]
) -> None:
    """SQLite's own plan: each key is found by the index that is made for it."""
    values = {"keys": "[]", "user_ids": "[]", "channel": "email", "now": 1, "limit": 1}
    plan = [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    searched = [step.split() for step in plan if step.startswith("SEARCH")]
    assert [step[4] for step in searched] == indexes, plan
    by_user = [" ".join(step) for step in searched if step[4] != "deliveries_due"]
    assert all("(user_id=?" in step for step in by_user), plan


def test_hard_case_a_burst_of_200_messages_is_one_email(db: sqlite3.Connection) -> None:
    for first in range(1, 201, 20):
        fold(db, *[message(seq, at=NOW + seq) for seq in range(first, first + 20)])
    found = due(db, marks(*range(1, 201)))
    assert found.next_step(DUE) is None
    assert begin(db, [found], DUE) == [True]
    assert settle(db, found, DUE)
    fold(db, *[message(seq, at=NOW + seq) for seq in range(1, 201)])
    assert states(db) == [("sent", "")]
    assert db.execute("SELECT count FROM deliveries").fetchone()[0] == 200


def test_hard_case_an_idle_desktop_has_the_message_and_no_push_but_an_email(
    db: sqlite3.Connection,
) -> None:
    """The socket is open, and its device says *delivered*; nobody is there to read."""
    db.execute("INSERT INTO push_subscriptions VALUES ('https://p.test', 'bob', '', '', 0)")
    fold(db, message(1))
    pushed = due(db, marks(1, delivered_seq=1), NOW + 30 * SECOND, "push")
    assert pushed.next_step(NOW) == Outcome("cancelled", "delivered")
    assert due(db, marks(1, delivered_seq=1)).next_step(DUE) is None


def test_hard_case_a_hard_disconnect_leads_to_a_push_after_thirty_seconds(
    db: sqlite3.Connection,
) -> None:
    """Nothing says that the socket is gone; that no receipt came is enough."""
    db.execute("INSERT INTO push_subscriptions VALUES ('https://p.test', 'bob', '', '', 0)")
    fold(db, message(1))
    assert handover.claim(db, "push", NOW + 30 * SECOND - 1, 10) == []
    assert due(db, marks(1), NOW + 30 * SECOND, "push").next_step(NOW) is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (marks(1, read_seq=1), Outcome("cancelled", "read")),  # on another device
        (marks(), Outcome("cancelled", "nothing_unread")),  # the only unread one was deleted
        (marks(1, muted=True), Outcome("cancelled", "muted")),
        (marks(unread=0), Outcome("cancelled", "nothing_unread")),  # blocked: the log says nothing
        (None, Outcome("cancelled", "not_a_member")),  # left the group
    ],
)
def test_hard_cases_what_the_log_says_when_it_is_due_decides(
    db: sqlite3.Connection, found: MarksRow | None, expected: Outcome
) -> None:
    fold(db, message(1))
    assert due(db, found).next_step(DUE) == expected


def test_hard_case_a_message_that_was_edited_is_shown_as_it_is_when_sent(
    db: sqlite3.Connection,
) -> None:
    """Only references are stored: what is shown comes from the log."""
    fold(db, message(1))
    found = due(db, marks(1))
    assert found.content().previews[0].content == "x"  # type: ignore[union-attr]
    columns = {row["name"] for row in db.execute("PRAGMA table_info(deliveries)")}
    assert not {"content", "text", "body", "title"} & columns


def test_hard_case_the_only_new_message_was_deleted_and_an_older_one_is_unread(
    db: sqlite3.Connection,
) -> None:
    fold(db, message(1))
    first = due(db, marks(1))
    begin(db, [first], DUE)
    settle(db, first, DUE)
    fold(db, message(2, at=NOW + 1), now=DUE)
    later = DUE + 3600 * SECOND
    assert due(db, marks(1), later).next_step(later) == Outcome("cancelled", "nothing_unread")


def test_hard_case_a_recipient_without_an_address(db: sqlite3.Connection) -> None:
    fold(db, message(1))
    [claimed] = handover.claim(db, "email", DUE, 10)
    nobody: dict[str, Profile] = {}
    found = case(claimed, kept(db, [claimed], 0), {("bob", "c"): marks(1)}, nobody, KNOWN)
    assert found.next_step(DUE) == Outcome("no_address")


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_hard_case_a_clock_that_jumps_forgets_and_doubles_nothing(
    db: sqlite3.Connection, jump: int
) -> None:
    now = NOW + jump * SECOND
    fold(db, message(1), now=now)
    [(due_at,)] = db.execute("SELECT due_at FROM deliveries").fetchall()
    assert due_at == min(NOW, now) + 600 * SECOND
    found = due(db, marks(1), max(now, due_at))
    begin(db, [found], now)
    settle(db, found, now - 7200 * SECOND)
    fold(db, message(1), now=now)
    assert states(db) == [("sent", "")]


def collected(db: sqlite3.Connection) -> tuple[Delivery, Delivery]:
    """A delivery in a digest, and the digest."""
    choices.save(db, Chosen(user_id="bob", digest="hourly"))
    fold(db, message(1))
    found = due(db, marks(1))
    handover.collect(db, found.delivery, found.preferences, DUE)
    [member, digest] = [
        rows.delivery(row) for row in db.execute("SELECT * FROM deliveries ORDER BY state")
    ]
    return member, digest


def test_s51_what_an_email_or_a_digest_leaves_out_is_kept_with_it(db: sqlite3.Connection) -> None:
    left_out = Omissions(1, [(2, 2)])
    for seq in (1, 2, 3):
        fold(db, message(seq))
    found = due(db, marks(1, 3, omissions=left_out))
    begin(db, [found], DUE)
    settle(db, found, DUE)
    choices.save(db, Chosen(user_id="bob", digest="hourly"))
    for seq in (4, 5, 6):
        fold(db, message(seq, at=DUE), now=DUE)
    [(later,)] = db.execute("SELECT due_at FROM deliveries WHERE state = 'waiting'").fetchall()
    found = due(db, marks(4, 6), later)
    handover.collect(db, found.delivery, found.preferences, later)
    [(end,)] = db.execute("SELECT due_at FROM deliveries WHERE state = 'waiting'").fetchall()
    found = due(db, marks(4, 6, omissions=Omissions(1, [(5, 5), (2, 2)])), end)
    begin(db, [found], end)
    settle(db, found, end)
    kept_of = "SELECT * FROM deliveries WHERE thread = 'c' ORDER BY first_seq"
    sent = [rows.delivery(row) for row in db.execute(kept_of)]
    told = {
        seq: (one.state, of_message(one, seq).state)
        for one in sent
        for seq in range(one.first_seq, one.last_seq + 1)
    }
    shown, omitted = ("sent", "sent"), ("sent", "cancelled")
    assert told == {1: shown, 2: omitted, 3: shown, 4: shown, 5: omitted, 6: shown}


def test_f_a1_what_is_collected_without_a_digest_is_found(db: sqlite3.Connection) -> None:
    member, digest = collected(db)
    assert endless(db, Settings(), DUE) == []
    db.execute("DELETE FROM deliveries WHERE delivery_id = ?", (digest.delivery_id,))
    assert [one.notification_id for one in endless(db, Settings(), DUE)] == [member.delivery_id]


@pytest.mark.parametrize(
    ("sending", "expected"), [(False, "cancelled"), (True, "unknown")], ids=["waited", "sending"]
)
def test_t19_what_a_digest_had_collected_before_a_restore_is_not_sent_a_second_time(
    db: sqlite3.Connection, sending: bool, expected: str
) -> None:
    _, digest = collected(db)
    db.execute(rows.SETTLE_OLDER, {"now": digest.due_at - 1})
    assert states(db) == [("collected", "digest"), ("waiting", "")], "it is due later"
    if sending:
        [claimed] = handover.claim(db, "email", digest.due_at, 10)
        found = case(claimed, kept(db, [claimed], 0), {("bob", "c"): marks(1)}, PROFILES, KNOWN)
        assert begin(db, [found], digest.due_at) == [True]
    db.execute(rows.SETTLE_OLDER, {"now": digest.due_at})
    assert states(db) == [(expected, "restored")] * 2


def test_c8_of_two_that_begin_together_the_one_that_was_read_does_not(
    db: sqlite3.Connection,
) -> None:
    some = [
        Item(
            item_id=name,
            user_id="bob",
            notification_type="mention",
            title="x",
            created_at=NOW,
            updated_at=NOW,
        )
        for name in ("one", "two")
    ]
    items.save(db, some)
    open_notices(db, some, NOW, known=KNOWN, waits={"email": BOTH["email"]})
    claimed = handover.claim(db, "email", DUE, 10)
    found = kept(db, claimed, 0)
    cases = [case(one, found, {}, PROFILES, KNOWN) for one in claimed]
    db.execute("UPDATE items SET read_at = 1 WHERE item_id = 'two'")
    begun = begin(db, cases, DUE)
    assert dict(zip([one.delivery.thread for one in cases], begun, strict=True)) == {
        "n:one": True,
        "n:two": False,
    }
    assert sorted(states(db)) == [("cancelled", "read"), ("sending", "")]


def test_c8_a_process_that_died_with_a_digest_leaves_all_of_it_unknown(
    db: sqlite3.Connection,
) -> None:
    _, digest = collected(db)
    [claimed] = handover.claim(db, "email", digest.due_at, 10)
    found = case(claimed, kept(db, [claimed], 0), {("bob", "c"): marks(1)}, PROFILES, KNOWN)
    assert begin(db, [found], digest.due_at) == [True]
    assert handover.recover(db, digest.due_at, BOTH) == 1
    assert states(db) == [("unknown", "interrupted")] * 2


def test_s75_a_digest_goes_alone(db: sqlite3.Connection) -> None:
    """Nothing else of its recipient is on its way meanwhile: so nothing is shown twice."""
    _, digest = collected(db)
    fold(db, message(1, thread="d"))
    claimed = handover.claim(db, "email", digest.due_at, 10)
    assert [one.delivery_id for one in claimed] == [digest.delivery_id]
    assert handover.claim(db, "email", digest.due_at, 10) == []
