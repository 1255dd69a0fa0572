"""The outcomes of deliveries are stored together, but no delivery depends on another."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from services.notify.ladder.cases import Case
from services.notify.ladder.delivery import Ending, Outcome
from services.notify.ladder.preferences import table
from services.notify.sending.findings import case, kept
from services.notify.sending.ledger import Ledger
from services.notify.store import handover
from services.notify.store.store import Progress, Store, open_store
from shared.clock import SECOND
from shared.commands import LogRow, MarksRow, Preview, Profile
from shared.errors import Unavailable
from tests.integration.notify_support import WAITS, rows
from tests.integration.test_notify_store import broken_commits
from tests.support.waiting import within

NOW = 1_700_000_000 * SECOND
PEOPLE = [f"user{n}" for n in range(6)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{tmp_path}/notify.db") as store:
        page = [
            LogRow("w", n, person, "message", "c", n, 1, "ann", NOW)
            for n, person in enumerate(PEOPLE, 1)
        ]
        await store.follow(Progress("e1", {"w": len(page)}), page, NOW, WAITS)
        yield store


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger("email", store, WAITS["email"], lambda: NOW)


async def claimed(store: Store) -> list[Case]:
    """A message to each of them."""
    groups = await store.claim("email", NOW, len(PEOPLE))
    said = Preview(sender_id="ann", sender_name=None, content="x", seq=1, created_at=NOW)
    found = await store.between(lambda raw: kept(raw, groups, 0))
    profiles = {name: Profile(user_id=name, email=f"{name}@example.test") for name in PEOPLE}
    marks: dict[tuple[str, str], MarksRow | None] = {
        (name, "c"): MarksRow(
            user_id=name,
            conversation_id="c",
            read_seq=0,
            last_seq=1,
            unread=1,
            profile=profiles[name],
            previews=[said],
        )
        for name in PEOPLE
    }
    return [case(group, found, marks, profiles, table([], [])) for group in groups]


def states(folder: Path) -> dict[str, str]:
    return {row["user_id"]: row["state"] for row in rows(folder / "notify.db")}


async def test_c8_many_are_begun_and_settled_by_a_few_statements(
    store: Store, ledger: Ledger, tmp_path: Path
) -> None:
    said: list[str] = []
    cases = await claimed(store)
    await store.between(lambda raw: raw.set_trace_callback(said.append))
    for many in (cases[:1], cases[1:]):
        said.clear()
        assert all(await asyncio.gather(*map(ledger.begin, many)))
        sent = [Ending(one.delivery, Outcome("sent"), address="x") for one in many]
        await asyncio.gather(*map(ledger.settle, sent))
        assert said.count("COMMIT") == 2
        assert len(said) <= 20, said
    assert set(states(tmp_path).values()) == {"sent"}


async def test_c8_each_begins_by_itself(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    """One was read meanwhile, another was claimed anew by somebody else, a third is settled."""
    read, lost, gone, *others = await claimed(store)
    reader = read.delivery.user_id
    receipt = LogRow("w", 9, reader, "receipt", "c", 0, 1, reader, NOW)
    await store.follow(Progress("e1", {"w": 9}), [receipt], NOW, WAITS)
    older = replace(lost, delivery=replace(lost.delivery, claims=0))
    await ledger.settle(Ending(gone.delivery, Outcome("cancelled", "muted")))
    begun = await asyncio.gather(*map(ledger.begin, [read, older, gone, *others]))
    assert begun == [False, False, False, True, True, True]
    found = states(tmp_path)
    assert [found[one.delivery.user_id] for one in (read, lost, gone)] == [
        *("cancelled", "claimed", "cancelled")
    ]
    assert {found[one.delivery.user_id] for one in others} == {"sending"}


async def test_c8_what_cannot_be_written_down_fails_alone(
    store: Store, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, bad, *others = await claimed(store)
    advance = handover.advance

    def fails(raw: sqlite3.Connection, ended: Any, cases: list[Case], *rest: Any) -> Any:
        if bad in cases:
            raise ZeroDivisionError
        return advance(raw, ended, cases, *rest)

    monkeypatch.setattr(handover, "advance", fails)
    found = await asyncio.gather(*map(ledger.begin, [first, bad, *others]), return_exceptions=True)
    assert isinstance(found.pop(1), ZeroDivisionError)
    assert found == [True] * 5
    assert sorted(states(tmp_path).values()) == ["claimed", *["sending"] * 5]


async def test_c8_nothing_begins_that_is_not_on_the_disk(
    store: Store, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = await claimed(store)
    with broken_commits(monkeypatch):
        found = await asyncio.gather(*map(ledger.begin, cases), return_exceptions=True)
    assert {type(one) for one in found} == {Unavailable}
    assert set(states(tmp_path).values()) == {"claimed"}
    assert all(await asyncio.gather(*map(ledger.begin, cases)))


async def test_whoever_waits_no_longer_holds_up_nobody(store: Store, ledger: Ledger) -> None:
    first, *others = await claimed(store)
    waiting = asyncio.create_task(ledger.begin(first))
    await asyncio.sleep(0)
    waiting.cancel()
    async with within(10):
        assert all(await asyncio.gather(*map(ledger.begin, others)))
        await ledger.close()
