"""Records of errors: merged, told, pruned, resolved, and never in the way of what fails."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.persistence.queries import Queries
from services.persistence.store.store import Store
from services.persistence.upkeep import errors as module
from services.persistence.upkeep.errors import StoredErrors
from shared import commands
from shared.bus import Delivery
from shared.commands import ErrorPage, ErrorPageAnswer, ErrorPlace, Errors, ResolveError
from shared.errors import NotFound, Unavailable
from shared.health.records import Ledger, use
from shared.health.taxonomy import Record
from tests.support.background import running
from tests.support.waiting import eventually

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOW = 100 * DAY


class Answers:
    """The side of a bus that answers."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []

    def post(self, subject: str, payload: bytes) -> None:
        self.posted.append(payload)


class Calendar:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    monkeypatch.setattr(module, "EVERY", 0.001)
    monkeypatch.setattr(module, "AGAIN", 0.001)
    return Calendar()


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with use(Ledger("persistence")) as ledger:
        yield ledger


@pytest.fixture
def stored(store: Store, answers: Answers, calendar: Calendar) -> StoredErrors:
    return StoredErrors(store, answers, 14 * 86_400.0, calendar)  # type: ignore[arg-type]


def error(id: str = "e1", **changes: Any) -> Record:
    usual: dict[str, Any] = {
        "id": id,
        "category": "overload",
        "severity": "medium",
        "service": "gateway",
        "message": "too many sockets",
        "first_at": NOW,
        "occurred_at": NOW,
    }
    return Record(**usual | changes)


def delivery(asked: Any) -> Delivery:
    return Delivery("linkup.errors", commands.encode(asked), "_INBOX")


async def kept(queries: Queries, **asked: Any) -> list[Record]:
    answer = await queries.answer(ErrorPage(**asked))
    return commands.open_answer(answer, ErrorPageAnswer).records


async def some(queries: Queries, **asked: Any) -> bool:
    return bool(await kept(queries, **asked))


async def resolve(stored: StoredErrors, answers: Answers, id: str, notes: str) -> Record:
    async with running(stored.requests.run()):
        before = len(answers.posted)
        stored.requests.accept(delivery(ResolveError(error_id=id, notes=notes)))
        await eventually(lambda: len(answers.posted) > before)
    [found] = commands.open_answer(answers.posted[-1], ErrorPageAnswer).records
    return found


async def test_s53_d31_what_the_services_say_is_stored_and_merged_by_error(
    stored: StoredErrors, queries: Queries
) -> None:
    async with running(stored.run()):
        stored.accept(delivery(Errors(records=[error(count=2, user="u1", context={"ms": 3})])))
        await eventually(lambda: some(queries))
        later = error(count=3, occurred_at=NOW + SECOND, context={"ms": 9})
        await stored.tell([later, error("e2", service="persistence")])
        await eventually(lambda: some(queries, service="persistence"))
    [first] = await kept(queries, error_id="e1")
    assert (first.count, first.first_at, first.occurred_at) == (5, NOW, NOW + SECOND)
    assert (first.context, first.user, first.resolved) == ({"ms": 9}, None, False)


async def test_a_broken_store_is_not_written_to_and_what_was_said_is_kept(
    stored: StoredErrors, store: Store, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    between = store.between

    async def counted(work: Any) -> Any:
        nonlocal tries
        tries += 1
        return await between(work)

    monkeypatch.setattr(store, "between", counted)
    store.writes.failed("disk I/O error")
    await stored.tell([error(count=2)])
    async with running(stored.run()):
        for _ in range(20):
            await stored.tell([error()])
        assert tries == 0
        store.writes.proved()
        await eventually(lambda: some(queries))
    assert [one.count for one in await kept(queries)] == [22]


async def test_what_could_not_be_written_is_written_later_and_once(
    stored: StoredErrors, store: Store, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = store.between

    async def fails(work: Any) -> Any:
        monkeypatch.setattr(store, "between", between)
        raise Unavailable("The store cannot be written")

    monkeypatch.setattr(store, "between", fails)
    await stored.tell([error(count=2)])
    async with running(stored.run()):
        await eventually(lambda: some(queries))
    assert [one.count for one in await kept(queries)] == [2]


async def test_an_error_is_resolved_with_notes_and_opens_when_it_occurs_again(
    stored: StoredErrors, queries: Queries, answers: Answers, calendar: Calendar
) -> None:
    async with running(stored.run()):
        await stored.tell([error()])
        await eventually(lambda: some(queries))
        calendar.at += SECOND
        told = await resolve(stored, answers, "e1", "disk replaced")
        assert (told.resolved, told.resolved_at, told.notes) == (
            True,
            NOW + SECOND,
            "disk replaced",
        )
        calendar.at += SECOND
        assert await resolve(stored, answers, "e1", "disk replaced") == told  # a repeat
        assert await kept(queries, resolved=False) == []
        await stored.tell([error(occurred_at=NOW)])  # told late: it was before
        await eventually(lambda: some(queries, resolved=True))
        await stored.tell([error(occurred_at=NOW + 2 * SECOND)])
        await eventually(lambda: some(queries, resolved=False))
    [again] = await kept(queries)
    assert (again.count, again.resolved_at, again.notes) == (3, None, "disk replaced")


async def test_an_error_that_is_not_there_cannot_be_resolved(
    stored: StoredErrors, answers: Answers
) -> None:
    with pytest.raises(NotFound):
        await resolve(stored, answers, "e9", "")


async def test_errors_are_kept_for_so_long_and_so_many(
    stored: StoredErrors,
    queries: Queries,
    calendar: Calendar,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 3)
    old = [error(f"e{n}", occurred_at=NOW + n * SECOND) for n in range(5)]
    async with running(stored.run()):
        await stored.tell(old)
        await eventually(lambda: some(queries))
        assert [one.id for one in await kept(queries)] == ["e4", "e3", "e2"]
        calendar.at += 14 * DAY + 4 * SECOND
        await stored.tell([])

        async def only_the_last() -> bool:
            return [one.id for one in await kept(queries)] == ["e4"]

        await eventually(only_the_last)


async def test_a_page_has_what_was_asked_for_the_latest_first(
    stored: StoredErrors, queries: Queries
) -> None:
    many = [error(f"e{n}", occurred_at=NOW + n // 2 * SECOND) for n in range(7)]
    other = error("f", category="auth_error", severity="low", service="notify", occurred_at=1)
    stored._keep = 0  # noqa: SLF001 - for ever
    async with running(stored.run()):
        await stored.tell([*many, other])
        await eventually(lambda: some(queries))
    ids, before = [], None
    while page := await kept(queries, limit=3, before=before):
        ids += [one.id for one in page]
        before = ErrorPlace(page[-1].occurred_at, page[-1].id)
    assert ids == ["e6", "e5", "e4", "e3", "e2", "e1", "e0", "f"]
    for asked in ({"category": "auth_error"}, {"severity": "low"}, {"service": "notify"}):
        assert [one.id for one in await kept(queries, **asked)] == ["f"]
    assert [one.id for one in await kept(queries, since=NOW + 3 * SECOND)] == ["e6"]


async def test_records_that_cannot_be_decoded_are_an_error_of_their_own(
    stored: StoredErrors, ledger: Ledger
) -> None:
    stored.accept(Delivery("linkup.errors", b"\xc1", ""))
    assert [found.category for found in ledger.recent()] == ["routing_error"]
