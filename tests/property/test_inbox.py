"""The list of notifications, against a list of lists: LinkUp's windows and maxima, and any log."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.notify.inbox import rows
from services.notify.inbox.fold import fold, items_of, thing
from services.notify.inbox.grouping import HOUR, USUAL, WINDOWS, Item, grouped
from services.notify.ladder import log
from services.notify.ladder.preferences import table
from services.notify.migrate import upgrade
from shared.clock import SECOND
from shared.commands import LogRow

START = 1_700_000_000 * SECOND
KNOWN = table((), ())
TYPES = (*WINDOWS, "mention")
STEPS = st.integers(0, 20 * HOUR) | st.sampled_from((0, 1, HOUR - 1, HOUR, 6 * HOUR, 48 * HOUR))


@given(st.sampled_from(TYPES), st.booleans(), st.lists(STEPS, min_size=1, max_size=60))
@settings(max_examples=300)
def test_s72_a_group_has_its_window_and_its_maximum(
    kind: str, has_key: bool, steps: list[int]
) -> None:
    at, groups, expected = START, list[Item](), list[list[int]]()
    length, most = WINDOWS.get(kind, USUAL)
    for number, step in enumerate(steps):
        at += step
        thing = Item(
            item_id=str(number),
            user_id="bob",
            notification_type=kind,
            group_key="k" if has_key else "",
            created_at=at,
            updated_at=at,
        )
        item = grouped(groups[-1] if groups else None, thing)
        if groups and item.item_id == groups[-1].item_id:
            groups.pop()
        groups.append(item)
        last = expected[-1] if expected else []
        if has_key and last and len(last) < most and at - last[0] < length:
            last.append(at)
        else:
            expected.append([at])
    assert [(one.created_at, one.updated_at, one.count) for one in groups] == [
        (times[0], times[-1], len(times)) for times in expected
    ]


MESSAGES = st.lists(
    st.builds(
        LogRow,
        writer=st.just("w"),
        n=st.just(1),
        user_id=st.just("bob"),
        kind=st.just("message"),
        conversation_id=st.just("d"),
        message_id=st.integers(1, 2),
        seq=st.integers(1, 15),
        actor_id=st.sampled_from(("ann", "carol")),
        created_at=st.sampled_from((0, 1, HOUR // 2, HOUR - 1, HOUR, 2 * HOUR)),
    ),
    max_size=30,
).map(lambda rows: sorted(rows, key=lambda row: row.seq))


@given(MESSAGES, st.integers(0, 3), MESSAGES, st.sampled_from((0, HOUR, 3 * HOUR)))
@settings(max_examples=500)
def test_s72_messages_of_a_page_are_grouped_as_one_after_another(
    before: list[LogRow], seen: int, messages: list[LogRow], now: int
) -> None:
    """With numbers that are given again and clocks that are ahead, in an item of any state."""
    newest = next(reversed(one_by_one(None, before, now)), None)
    if newest is not None:
        newest = replace(newest, muted=seen == 1, read_at=seen & 2, delivered_at=seen)
    found = {item.item_id: item for item in items_of(newest, messages, now)}
    assert list(found.values()) == one_by_one(newest, messages, now)


def one_by_one(newest: Item | None, messages: list[LogRow], now: int) -> list[Item]:
    grown: dict[str, Item] = {}
    for row in messages:
        if newest is None or row.seq > newest.last_seq or row.created_at > newest.updated_at:
            newest = grouped(newest, thing(row, min(row.created_at, now)))
            grown[newest.item_id] = newest
    return list(grown.values())


USERS, CONVERSATIONS = ("bob", "carol"), ("d1", "d2")
ACTS = st.tuples(
    st.sampled_from(("say", "say", "say", "read", "own", "reserved", "mute", "leave")),
    st.sampled_from(USERS),
    st.sampled_from(CONVERSATIONS),
    st.integers(0, 2 * HOUR),
    st.integers(0, 9),
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inbox") / "notify.db"
    upgrade(f"sqlite:///{path}")
    return path


@contextmanager
def database(empty: Path) -> Iterator[sqlite3.Connection]:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        closing(sqlite3.connect(empty)) as made,
    ):
        made.backup(connection)
        connection.row_factory = sqlite3.Row
        yield connection


class Model:
    """The messages of each conversation, and those that the list of each user must show."""

    def __init__(self) -> None:
        self.at = START
        self.log: list[LogRow] = []
        self.seq: Counter[str] = Counter()
        self.muted: set[tuple[str, str]] = set()
        self.shown: dict[tuple[str, str], list[int]] = {}
        self.read: dict[tuple[str, str], int] = {}

    def act(self, kind: str, user_id: str, conversation_id: str, step: int, number: int) -> None:
        self.at += step
        key = user_id, conversation_id
        match kind:
            case "say" | "own" | "reserved":
                self.seq[conversation_id] += 1
                seq = self.seq[conversation_id]
                if kind == "say" and key not in self.muted:
                    self.shown.setdefault(key, []).append(seq)
                actor = user_id if kind == "own" else "ann"
                to = f"linkup--{user_id}" if kind == "reserved" else user_id
                self.row(to, "message", conversation_id, seq, actor, key in self.muted)
            case "read":
                up_to = min(self.seq[conversation_id], self.read.get(key, 0) + number)
                self.read[key] = up_to
                self.row(user_id, "receipt", conversation_id, up_to, user_id)
            case "mute":
                self.muted ^= {key}
                self.row(user_id, "set", conversation_id, int(key in self.muted), user_id)
            case "leave":
                self.shown.pop(key, None)
                self.row(user_id, "left", conversation_id, 0, user_id)

    def row(
        self, user_id: str, kind: str, place: str, seq: int, actor: str, muted: bool = False
    ) -> None:
        n = len(self.log) + 1
        self.log.append(LogRow("w", n, user_id, kind, place, n, seq, actor, self.at, muted))


@given(st.lists(st.lists(ACTS, max_size=12), max_size=6), st.booleans())
@settings(max_examples=200, deadline=None)
def test_s51_d14_the_list_is_what_was_said_each_once(
    empty: Path, pages: list[list[tuple[str, str, str, int, int]]], again: bool
) -> None:
    """However the log is cut into pages. A mute is told as it is at the end of its page."""
    model = Model()
    with database(empty) as connection:
        for page in pages:
            before = len(model.log)
            for act in sorted(page, key=is_late):
                model.act(*act)
            told = model.log[before:]
            fold(connection, log.told(told), model.at, KNOWN)
            if again and not any(row.kind == "left" for row in told):
                repeated = log.told(row for row in told if row.kind == "message")
                fold(connection, repeated, model.at, KNOWN)
        check(connection, model)


def is_late(act: tuple[str, str, str, int, int]) -> bool:
    return act[0] in ("mute", "leave")


def check(connection: sqlite3.Connection, model: Model) -> None:
    items = [rows.item(row) for row in connection.execute("SELECT * FROM items ORDER BY item_id")]
    for key in [(user, place) for user in USERS for place in CONVERSATIONS]:
        own = [item for item in items if item.key == key]
        shown = model.shown.get(key, [])
        assert sum(item.count for item in own) == len(shown)
        assert [item.last_seq for item in own][-1:] == shown[-1:]
        for item in own:
            assert bool(item.read_at) == (item.last_seq <= model.read.get(key, 0))
            assert item.read_at or item.muted == (key in model.muted)
    counts = {
        user: sum(i.user_id == user and not i.read_at and not i.muted for i in items)
        for user in USERS
    }
    assert rows.unread(connection, USERS) == {user: n for user, n in counts.items() if n}
    assert {item.user_id for item in items} <= set(USERS)
