"""C8 by the hundred: any sequence of messages, receipts, repeats, refusals and crashes.

The model is a dictionary of what exists and what was read, and a list of what a mail server may
have accepted. The ladder runs as the store runs it: load, decide, save.
"""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.notify.ladder import groups, log
from services.notify.ladder.delivery import Channel, Delivery, Key, Outcome, Waits, Watch
from services.notify.ladder.preferences import Chosen, resolved, table
from services.notify.ladder.step import next_step, of_messages
from shared.clock import SECOND
from shared.commands import LogRow, MarksRow, Preview, Profile

WAITS = Waits(unread=600 * SECOND, pause=3600 * SECOND)
USUAL = resolved(table([], []), Chosen(user_id=""))
PEOPLE = ("ann", "bob")
CLOSED = ("sent", "failed", "unknown", "cancelled", "no_address")

# An attempt as the process that makes it knows it: which life it was, the group, the answer.
Claimed = tuple[int, Delivery, MarksRow]
Sending = tuple[int, Delivery, list[int]]


class World:
    def __init__(self) -> None:
        self.now = 1_000_000 * SECOND
        # The log, as persistence has it: one conversation of the two.
        self.rows: list[LogRow] = []
        self.messages: list[Preview] = []
        self.read = dict.fromkeys(PEOPLE, 0)
        # notify's database.
        self.position = 0
        self.watches: dict[Key, Watch] = {}
        self.groups: dict[str, Delivery] = {}
        # What the mail server may have accepted: (notification, the messages that it showed).
        self.accepted: list[tuple[str, list[int]]] = []
        self.process = 0
        self.claims: list[Claimed] = []
        self.sendings: list[Sending] = []

    # ------------------------------------------------------------ the world

    def rest(self, one: int, other: int) -> None:
        """To what a failing example's superfluous steps shrink."""

    def send(self, one: int, other: int) -> None:
        self.now += other % 3  # messages of the same microsecond, too
        seq, sender = len(self.messages) + 1, PEOPLE[one % 2]
        message = Preview(
            sender_id=sender, sender_name=None, content="", seq=seq, created_at=self.now
        )
        self.messages.append(message)
        self._append("message", seq, sender)

    def mark_read(self, one: int, other: int) -> None:
        reader = PEOPLE[one % 2]
        unread = len(self.messages) - self.read[reader]
        self.read[reader] += min(unread, other % 4)
        self._append("receipt", self.read[reader], reader)

    def _append(self, kind: str, seq: int, actor: str) -> None:
        for user_id in PEOPLE:
            n = len(self.rows) + 1
            self.rows.append(LogRow("w", n, user_id, kind, "c", n, seq, actor, self.now))

    # ------------------------------------------------------------ the follower

    def follow(self, one: int, other: int) -> None:
        """A page and the position after it, in one transaction."""
        page = self.rows[self.position : self.position + 1 + one]
        self._fold(page)
        self.position += len(page)

    def repeat(self, one: int, other: int) -> None:
        """Rows that were folded before, as after a restored database."""
        self._fold(self.rows[: self.position][max(0, self.position - 1 - one) :][: 1 + other])

    def _fold(self, rows: list[LogRow]) -> None:
        for thread, found in log.concerned(log.told(rows)).items():
            watch = self._watch((*thread, "email"))
            self._save(groups.fold_all(watch, found, self.now, WAITS))

    # ------------------------------------------------------------ the mailer

    def claim(self, one: int, other: int) -> None:
        """Claim what is due, with the log's answer. If nothing is due, time passes until it is."""
        flying = {g.key for g in self.groups.values() if g.state in ("claimed", "sending")}
        opened = [
            g
            for g in self.groups.values()
            if g.state == "claimed" or (g.state == "waiting" and g.key not in flying)
        ]
        self.now = max(self.now, min((g.due_at for g in opened), default=0))
        for group in [g for g in opened if g.due_at <= self.now][: 1 + one % 2]:
            claimed = groups.claim(group, self.now)
            self.groups[group.delivery_id] = claimed
            self.claims.append((self.process, claimed, self._marks(group.user_id)))

    def begin(self, one: int, other: int) -> None:
        """Take a claim to the point of no return. The log's answer may be out of date by then."""
        if not self.claims:
            return
        process, group, marks = self.claims.pop(one % len(self.claims))
        current = self._held(process, group)
        outcome = next_step(of_messages(group, marks, "reached"), USUAL, self.now)
        if outcome is not None:
            self._settle(process, group, outcome)
        elif current is None:
            self._settle(process, group, Outcome("withdrawn"))
        else:
            self._not_known_as_read(group, marks)
            watch = self._watch(group.key)
            self._save(groups.begin(watch, current, marks.unread, marks.previews[-1], self.now))
            self.sendings.append((process, group, [preview.seq for preview in marks.previews]))

    def hand_over(self, one: int, other: int) -> None:
        """The server has it; notify hears of that, or not, or dies before it is written down."""
        process, group, shown = self._next_sending(one) or (-1, None, [])
        if process != self.process or group is None:
            return  # a dead process does not go on sending
        self.accepted.append((group.delivery_id, shown))
        kind = ("sent", "unknown", "died")[other % 3]
        event(kind)
        if kind == "died":
            self.restart(one, other)
        else:
            self._settle(process, group, Outcome(kind))  # type: ignore[arg-type]

    def refuse(self, one: int, other: int) -> None:
        sending = self._next_sending(one)
        if sending is not None:
            kind = ("postponed", "postponed", "failed")[other % 3]
            event(kind)
            self._settle(sending[0], sending[1], Outcome(kind))  # type: ignore[arg-type]

    def refuse_early(self, one: int, other: int) -> None:
        if self.claims:
            process, group, _ = self.claims.pop(one % len(self.claims))
            kind = ("postponed", "released", "failed")[other % 3]
            self._settle(process, group, Outcome(kind))  # type: ignore[arg-type]

    def restart(self, one: int, other: int) -> None:
        """kill -9, at any moment between two transactions."""
        self.process += 1
        for group in list(self.groups.values()):
            if group.state in ("claimed", "sending"):
                self._save(groups.recover(self._watch(group.key), group, self.now, WAITS))

    def _next_sending(self, one: int) -> Sending | None:
        return self.sendings.pop(one % len(self.sendings)) if self.sendings else None

    # ------------------------------------------------------------ the store

    def _watch(self, key: Key) -> Watch:
        watch = self.watches.get(key, Watch(user_id=key[0], thread=key[1]))
        groups = [g for g in self.groups.values() if g.key == key]
        waiting = [g for g in groups if g.state == "waiting"]
        flying = [g for g in groups if g.state in ("claimed", "sending")]
        assert len(waiting) <= 1, "the unique index would have refused this"
        assert len(flying) <= 1, "the unique index would have refused this"
        claimed = [g for g in flying if g.state == "claimed"]
        return replace(
            watch,
            open=waiting[0] if waiting else None,
            claimed=claimed[0] if claimed else None,
        )

    def _save(self, watch: Watch) -> None:
        self.watches[watch.key] = replace(watch, open=None, claimed=None, closed=())
        for group in filter(None, (*watch.closed, watch.claimed, watch.open)):
            before = self.groups.get(group.delivery_id)
            if before is None or before.state not in CLOSED:
                self.groups[group.delivery_id] = group

    def _held(self, process: int, group: Delivery) -> Delivery | None:
        current = self.groups[group.delivery_id]
        alive = process == self.process and current.claims == group.claims
        return current if alive and current.state in ("claimed", "sending") else None

    def _settle(self, process: int, group: Delivery, outcome: Outcome) -> None:
        current = self._held(process, group)
        if current is not None:
            self._save(groups.settle(self._watch(group.key), current, outcome, self.now, WAITS))

    def _marks(self, user_id: str) -> MarksRow:
        read_seq = self.read[user_id]
        unread = [m for m in self.messages if m.seq > read_seq and m.sender_id != user_id]
        return MarksRow(
            user_id=user_id,
            conversation_id="c",
            read_seq=read_seq,
            last_seq=len(self.messages),
            unread=len(unread),
            profile=Profile(user_id=user_id, email=f"{user_id}@example.test"),
            previews=unread,
        )

    # ------------------------------------------------------------ the promises

    def _not_known_as_read(self, group: Delivery, marks: MarksRow) -> None:
        """Nothing is handed over of which every message was read, as far as anybody had said."""
        followed = [row for row in self.rows[: self.position] if row.user_id == group.user_id]
        own = [row.seq for row in followed if row.kind == "receipt" and row.actor_id == row.user_id]
        read_seq = max([marks.read_seq, *own])
        assert group.last_seq > read_seq, "an e-mail about what was read"

    def check(self) -> None:
        self._never_two_emails_for_a_group()
        self._every_email_shows_something_new()
        self._what_is_followed_and_unread_is_not_forgotten()
        self._no_message_is_in_two_groups()

    def _never_two_emails_for_a_group(self) -> None:
        ids = [delivery_id for delivery_id, _ in self.accepted]
        assert len(ids) == len(set(ids)), "two e-mails for a group"

    def _every_email_shows_something_new(self) -> None:
        shown: dict[str, set[int]] = {person: set() for person in PEOPLE}
        for delivery_id, seqs in self.accepted:
            before = shown[self.groups[delivery_id].user_id]
            assert set(seqs) - before, "an e-mail that says nothing new"
            before |= set(seqs)

    def _what_is_followed_and_unread_is_not_forgotten(self) -> None:
        """It waits in an open group, is being sent, or an attempt on it has come to its end."""
        known = {person: set[int]() for person in PEOPLE}
        for group in self.groups.values():
            if group.state != "cancelled":
                known[group.user_id] |= set(range(group.first_seq, group.last_seq + 1))
        for row in self.rows[: self.position]:
            if row.kind == "message" and row.actor_id != row.user_id:
                read = self.read[row.user_id] >= row.seq
                assert read or row.seq in known[row.user_id], "forgotten"

    def _no_message_is_in_two_groups(self) -> None:
        """But for what was merged: so there is one answer to what became of a message."""
        reached = dict.fromkeys(PEOPLE, 0)
        groups = [g for g in self.groups.values() if g.reason != "merged"]
        for group in sorted(groups, key=lambda one: one.last_seq):
            assert group.first_seq > reached[group.user_id], "in two groups"
            reached[group.user_id] = group.last_seq


STEPS: list[Callable[[World, int, int], None]] = [
    World.rest,
    *[World.send] * 4,
    *[World.mark_read] * 2,
    *[World.follow] * 4,
    *[World.claim] * 3,
    *[World.begin] * 3,
    *[World.hand_over] * 2,
    *[World.refuse] * 2,
    *(World.refuse_early, World.repeat, World.restart),
]
# Drawn as one choice: three for each step would take most of the test's time.
steps = st.sampled_from(list(product(STEPS, range(12), range(12))))


@pytest.mark.timeout(300)
@settings(max_examples=500)
@given(played=st.lists(steps, min_size=40, max_size=120))
def test_c8_at_most_one_email_for_a_group_and_none_for_what_was_read(
    played: list[tuple[Callable[[World, int, int], None], int, int]],
) -> None:
    world = World()
    for step, one, other in played:
        step(world, one, other)
        world.check()
    world.restart(0, 0)  # whatever is left comes to its end in a last life
    world.claims.clear()
    world.sendings.clear()
    world.follow(len(world.rows), 0)
    for _ in world.rows:
        world.claim(1, 0)
        while world.claims:
            world.begin(0, 0)
            world.hand_over(0, 0)
        world.check()
    assert {group.state for group in world.groups.values()} <= set(CLOSED)


TOLD = st.builds(
    LogRow,
    writer=st.sampled_from(("v", "w")),
    n=st.integers(1, 9),
    user_id=st.sampled_from(("ann", "bob", "linkup--kit")),
    kind=st.sampled_from(("message", "message", "receipt", "set")),
    conversation_id=st.sampled_from(("c", "d")),
    message_id=st.integers(1, 2),
    seq=st.integers(0, 12),
    actor_id=st.sampled_from(("ann", "carol", "carol", "linkup--kit")),
    created_at=st.integers(0, 20).map(lambda minutes: minutes * 60 * SECOND),
)


def concerns(row: LogRow) -> bool:
    if row.user_id == "linkup--kit":
        return False
    is_own = row.actor_id == row.user_id
    return row.kind == "message" if not is_own else row.kind == "receipt" and row.seq > 0


@settings(max_examples=300)
@given(st.lists(TOLD, max_size=40))
def test_c8_a_page_is_what_concerns_anybody_in_its_order(rows: list[LogRow]) -> None:
    expected: dict[log.Thread, list[LogRow]] = {}
    for row in sorted(filter(concerns, rows), key=lambda row: (row.seq, row.kind)):
        expected.setdefault((row.user_id, row.conversation_id), []).append(row)
    assert log.concerned(log.told(rows)) == expected


@settings(max_examples=500)
@given(
    st.lists(TOLD, max_size=12),
    st.lists(TOLD, max_size=40),
    st.sampled_from(("email", "push")),
    st.integers(0, 30),
    st.integers(0, 2),
)
def test_c8_the_rows_of_a_page_fold_as_one_after_another(
    before: list[LogRow], rows: list[LogRow], channel: Channel, minutes: int, attempts: int
) -> None:
    """In a watch of any past: read, mailed about, tried in vain."""
    now = minutes * 60 * SECOND
    watch = folded(Watch(user_id="bob", thread="c", channel=channel, mails=attempts), before, now)
    if watch.open is not None:
        watch = replace(watch, open=replace(watch.open, attempts=attempts))
    page = sorted(rows, key=lambda row: (row.seq, row.kind))
    assert groups.fold_all(watch, page, now, WAITS) == folded(watch, page, now)


def folded(watch: Watch, rows: list[LogRow], now: int) -> Watch:
    for row in rows:
        watch = groups.fold(watch, row, now, WAITS)
    return watch
