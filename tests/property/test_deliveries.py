"""C8 with preferences by the hundred: what was switched on and off, delayed, collected, refused,
read on another device, deleted before it was sent, crashed, and by which clock.

The database is SQLite in memory, with the statements of the product; the log is a list. Bob gets
messages of two people and notifications of the host.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from services.notify.inbox import rows as items
from services.notify.inbox.grouping import Item
from services.notify.ladder import log
from services.notify.ladder.cases import Case, Part
from services.notify.ladder.clocks import quiet_until
from services.notify.ladder.delivery import Channel, Ending, Outcome, Waits
from services.notify.ladder.preferences import Chosen, table
from services.notify.migrate import upgrade
from services.notify.preferences import choices
from services.notify.sending.findings import case, kept
from services.notify.store import handover
from services.notify.store.notices import open_notices
from shared.clock import SECOND
from shared.commands import LogRow, MarksRow, Preview, Profile, QuietHours, TypePreference
from shared.retry import Retries

KNOWN = table([], [])
NIGHT = QuietHours(start="22:00", end="07:00")
WAITS: dict[Channel, Waits] = {
    "email": Waits(unread=600 * SECOND, pause=3600 * SECOND, retries=Retries(attempts=50)),
    "push": Waits(unread=30 * SECOND, pause=0, retries=Retries(attempts=50)),
}
PEOPLE = ("ann", "carol")
OPEN = ("waiting", "claimed", "sending", "collected")
SUBSCRIBE = "INSERT INTO push_subscriptions VALUES ('https://push.test/bob', 'bob', '', '', 0)"


class World:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.db = connection
        self.db.execute(SUBSCRIBE)
        self.now = 1_780_000_000 * SECOND
        self.rows: list[LogRow] = []
        self.position = 0
        self.messages: dict[str, list[Preview]] = {person: [] for person in PEOPLE}
        self.deleted: set[tuple[str, int]] = set()
        self.read = dict.fromkeys(PEOPLE, 0)
        self.delivered = dict.fromkeys(PEOPLE, 0)
        self.notices = 0
        self.chosen = Chosen(user_id="bob")
        self.claims: list[Case] = []
        self.sendings: list[Case] = []
        # What may have arrived: the channel, the delivery, and all that it showed.
        self.arrived: list[tuple[Channel, str, set[str]]] = []

    # ------------------------------------------------------------ the world

    def rest(self, one: int) -> None:
        """To what a failing example's superfluous steps shrink."""

    def wait(self, one: int) -> None:
        self.now += (60, 1800, 4 * 3600, 26 * 3600)[one % 4] * SECOND

    def set_clock(self, one: int) -> None:
        """Set the clock forwards or back."""
        self.now += (one - 6) * 1800 * SECOND

    def send(self, one: int) -> None:
        self.now += one % 3
        person = PEOPLE[one % 2]
        said = self.messages[person]
        seq = len(said) + 1
        said.append(
            Preview(sender_id=person, sender_name=None, content="", seq=seq, created_at=self.now)
        )
        self._append("message", person, seq, person)

    def mark_read(self, one: int) -> None:
        person = PEOPLE[one % 2]
        self.read[person] += min(len(self.messages[person]) - self.read[person], 1 + one % 4)
        self.delivered[person] = max(self.delivered[person], self.read[person])
        self._append("receipt", person, self.read[person], "bob")

    def receive(self, one: int) -> None:
        self.delivered[PEOPLE[one % 2]] = len(self.messages[PEOPLE[one % 2]])

    def delete(self, one: int) -> None:
        person = PEOPLE[one % 2]
        if said := self.messages[person]:
            self.deleted.add((person, said[one % len(said)].seq))

    def _append(self, kind: str, person: str, seq: int, actor: str) -> None:
        n = len(self.rows) + 1
        self.rows.append(LogRow("w", n, "bob", kind, person, n, seq, actor, self.now))

    def prefer(self, one: int) -> None:
        types = {
            name: TypePreference(notification_type=name, email=one % 5 != 0, push=one % 4 != 0)
            for name in ("new_message", "mention")
        }
        self.chosen = Chosen(
            user_id="bob",
            types=types,
            quiet_hours=NIGHT if one % 2 else None,
            digest=("off", "hourly", "daily")[one % 3],
        )
        choices.save(self.db, self.chosen)

    def announce(self, one: int) -> None:
        self.notices += 1
        item = Item(
            item_id=f"i{self.notices}",
            user_id="bob",
            notification_type="mention",
            priority="urgent" if one == 0 else "normal",
            title="",
            created_at=self.now,
            updated_at=self.now,
        )
        items.save(self.db, [item])
        open_notices(self.db, [item], self.now, known=KNOWN, waits=WAITS)

    def read_notice(self, one: int) -> None:
        if self.notices:
            name = f"i{1 + one % self.notices}"
            self.db.execute("UPDATE items SET read_at = ? WHERE item_id = ?", (self.now, name))

    # ------------------------------------------------------------ notify

    def follow(self, one: int) -> None:
        page = self.rows[self.position : self.position + 1 + one]
        handover.fold(self.db, log.told(page), self.now, WAITS)
        self.position += len(page)

    def repeat(self, one: int) -> None:
        page = log.told(self.rows[: self.position][-1 - one :])
        handover.fold(self.db, page, self.now, WAITS)

    def claim(self, one: int) -> None:
        channel: Channel = "push" if one % 3 == 0 else "email"
        claimed = handover.claim(self.db, channel, self.now, 1 + one % 4)
        found = kept(self.db, claimed, 0)
        profiles = {"bob": Profile(user_id="bob", email="bob@example.test")}
        marks = {("bob", person): self._marks(person) for person in PEOPLE}
        for delivery in claimed:
            due = case(delivery, found, marks, profiles, KNOWN, UTC)
            endings = due.endings() if due.is_digest else []
            for members, why in endings:
                handover.end(self.db, members, why, self.now)
            self._decide(due.without(endings))

    def _decide(self, due: Case) -> None:
        outcome = due.next_step(self.now)
        if outcome is None:
            self.claims.append(due)
            return
        event(outcome.reason or outcome.kind)
        if outcome.kind == "collected":
            handover.collect(self.db, due.delivery, due.preferences, self.now)
            return
        self._settle([(due, outcome)])
        if outcome.kind == "delayed":
            assert outcome.due_at == quiet_until(NIGHT, self.now, UTC)

    def begin(self, one: int) -> None:
        """One, or several at once."""
        some = _taken(self.claims, one)
        known = {person: self._known_as_read(person) for person in PEOPLE}
        new = [all(self._is_new(part, known) for part in due.parts) for due in some]
        if not some:
            return
        waits = WAITS[some[0].delivery.channel]
        _, begun = handover.advance(self.db, [], some, self.now, waits)
        for due, is_new, has_begun in zip(some, new, begun, strict=True):
            assert is_new or not has_begun, "sent, and was read"
            if has_begun:
                self.sendings.append(due)
            else:
                self._settle([(due, Outcome("withdrawn"))])

    def _known_as_read(self, person: str) -> int:
        followed = self.rows[: self.position]
        return max(
            (r.seq for r in followed if r.kind == "receipt" and r.conversation_id == person),
            default=0,
        )

    def _is_new(self, part: Part, known: dict[str, int]) -> bool:
        if part.newest is not None:
            return part.last.last_seq > known[part.last.thread]
        [(read_at,)] = self.db.execute(
            "SELECT read_at FROM items WHERE item_id = ?", (part.notification_id,)
        ).fetchall()
        return not read_at

    def hand_over(self, one: int) -> None:
        """They arrive; notify hears of that, or not, or dies before it is written down."""
        some = _taken(self.sendings, one)
        for due in some:
            self.arrived.append((due.delivery.channel, due.delivery.delivery_id, _shown(due)))
        kind = ("sent", "sent", "unknown", "died")[one % 4]
        event(kind)
        if some and kind == "died":
            self.restart(one)
        else:
            self._settle([(due, Outcome(kind)) for due in some])  # type: ignore[arg-type]

    def refuse(self, one: int) -> None:
        kinds = cycle(("postponed", "postponed", "failed")[one % 3 :])
        some = zip(_taken(self.sendings, one), kinds, strict=False)
        self._settle([(due, Outcome(kind)) for due, kind in some])  # type: ignore[arg-type]

    def restart(self, one: int) -> None:
        """kill -9, at any moment between two transactions."""
        self.claims.clear()
        self.sendings.clear()
        handover.recover(self.db, self.now, WAITS)

    def _settle(self, ended: list[tuple[Case, Outcome]]) -> None:
        if ended:
            endings = [Ending(due.delivery, outcome) for due, outcome in ended]
            waits = WAITS[endings[0].delivery.channel]
            handover.advance(self.db, endings, [], self.now, waits)

    def _marks(self, person: str) -> MarksRow:
        read_seq = self.read[person]
        unread = [
            m
            for m in self.messages[person]
            if m.seq > read_seq and (person, m.seq) not in self.deleted
        ]
        return MarksRow(
            user_id="bob",
            conversation_id=person,
            read_seq=read_seq,
            delivered_seq=self.delivered[person],
            last_seq=len(self.messages[person]),
            unread=len(unread),
            profile=Profile(user_id="bob", email="bob@example.test"),
            previews=unread,
        )

    # ------------------------------------------------------------ the promises

    def check(self) -> None:
        for channel in ("email", "push"):
            self._never_two(channel)
            self._nothing_is_forgotten(channel)
        self._what_is_collected_has_a_digest()

    def _never_two(self, channel: str) -> None:
        """At most one for each delivery, and each shows something that no other has shown."""
        mine = [(name, shown) for kind, name, shown in self.arrived if kind == channel]
        assert len({name for name, _ in mine}) == len(mine), "two of one delivery"
        before: set[str] = set()
        for _, shown in mine:
            assert shown - before, "it says nothing new"
            before |= shown

    def _nothing_is_forgotten(self, channel: str) -> None:
        """It waits, is on its way, or an attempt on it or a preference has come to its end."""
        known = {
            (row["thread"], seq)
            for row in self.db.execute("SELECT * FROM deliveries WHERE channel = ?", (channel,))
            if row["reason"] not in ("read", "merged", "restored")
            for seq in range(row["first_seq"], row["last_seq"] + 1)
        }
        for row in self.rows[: self.position]:
            if row.kind == "message" and self.read[row.conversation_id] < row.seq:
                assert (row.conversation_id, row.seq) in known, "forgotten"

    def _what_is_collected_has_a_digest(self) -> None:
        collected = "SELECT count(*) FROM deliveries WHERE state = 'collected'"
        digests = "SELECT count(*) FROM deliveries WHERE thread = 'digest:' AND state IN {}"
        [(some,)] = self.db.execute(collected).fetchall()
        [(open_digests,)] = self.db.execute(digests.format(OPEN)).fetchall()
        assert not some or open_digests, "collected for ever"

    def finish(self) -> None:
        """In a last life, everything comes to its end."""
        self.restart(0)
        self.follow(len(self.rows))
        for _ in range(400):
            [(due_at,)] = self.db.execute(
                f"SELECT min(due_at) FROM deliveries WHERE state IN {OPEN[:2]}"  # noqa: S608
            ).fetchall()
            if due_at is None:
                break
            self.now = max(self.now, due_at)
            for one in (3, 3, 1):  # pushes, then e-mails
                self.claim(one)
                while self.claims:
                    self.begin(0)
                    self.hand_over(0)
            self.check()
        left = self.db.execute(f"SELECT * FROM deliveries WHERE state IN {OPEN}").fetchall()  # noqa: S608
        assert [dict(row) for row in left] == []


def _taken(cases: list[Case], one: int) -> list[Case]:
    """Take one out, or all of its channel."""
    if not cases:
        return []
    first = cases[one % len(cases)]
    channel = first.delivery.channel if one % 2 else ""
    taken = [due for due in cases if due is first or due.delivery.channel == channel]
    cases[:] = [due for due in cases if due not in taken]
    return taken


def _shown(due: Case) -> set[str]:
    shown: set[str] = set()
    for part in due.parts:
        if part.newest is None:
            shown.add(part.notification_id)
        else:
            content: Any = part.content
            shown |= {f"{part.last.thread} {preview.seq}" for preview in content.previews}
    return shown


STEPS: list[Callable[[World, int], None]] = [
    World.rest,
    *[World.wait] * 3,
    World.set_clock,
    *[World.send] * 5,
    *[World.mark_read] * 2,
    World.receive,
    World.delete,
    *[World.prefer] * 2,
    *[World.announce] * 2,
    World.read_notice,
    *[World.follow] * 5,
    World.repeat,
    *[World.claim] * 6,
    *[World.begin] * 5,
    *[World.hand_over] * 4,
    *[World.refuse] * 2,
    World.restart,
]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    file: Path = tmp_path_factory.mktemp("empty") / "notify.db"
    upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        yield connection


@pytest.mark.timeout(300)
@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), min_size=30, max_size=80))
def test_c8_at_most_one_for_each_channel_none_for_what_was_read_and_nothing_is_forgotten(
    empty: sqlite3.Connection, steps: list[tuple[Callable[[World, int], None], int]]
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        empty.backup(connection)
        connection.row_factory = sqlite3.Row
        world = World(connection)
        for step, one in steps:
            note(f"{step.__name__} {one}")
            step(world, one)
            world.check()
        world.finish()
