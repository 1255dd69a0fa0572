"""Reports of users to the operator: stored once, by reference, and shown to no user."""

from typing import Any

import pytest

from tests.support.peer import http, synced
from tests.support.stack import Stack
from tests.support.stores import reading
from tests.support.traffic import newcomers

pytestmark = pytest.mark.asyncio(loop_scope="session")


def stored(stack: Stack, reporter: str = "alice") -> list[tuple[Any, ...]]:
    with reading(stack.data_dir / "linkup.db") as db:
        asked = "SELECT reporter_id, user_id, message_id, version, reason, comment FROM reports"
        return db.execute(f"{asked} WHERE reporter_id = ?", [reporter]).fetchall()


async def test_s54_a_report_is_stored_once_and_nobody_is_told(stack: Stack) -> None:
    reporter, reported = await newcomers(stack, "alice", "bob")
    async with synced(stack, reported) as bob, http(stack, reporter) as api:
        ack = await bob.message(reporter, "buy my pills")
        asked = {
            "client_id": "r-1",
            "message_id": ack["message_id"],
            "reason": "spam",
            "comment": "pills again",
        }
        first, again = [await api.post("/v1/reports", asked) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == {**first.json(), "duplicate": True}
        other = await api.post("/v1/reports", {**asked, "reason": "fraud"})
        assert (other.status_code, other.json()["code"]) == (409, "client_id_conflict")
        assert stored(stack, reporter) == [
            (reporter, reported, ack["message_id"], 1, "spam", "pills again"),
        ]
        await bob.settled()
        told = [f["type"] for f in bob.frames if f["type"] != "badge_update"]
        assert told[-2:] == ["ack", "pong"]


async def test_idor_what_one_may_not_see_cannot_be_reported(stack: Stack) -> None:
    async with synced(stack, "bob") as bob, http(stack, "eve") as api:
        ack = await bob.message("alice", "between us")
        asked = {"client_id": "r-2", "reason": "other"}
        hidden = await api.post("/v1/reports", {**asked, "message_id": ack["message_id"]})
        absent = await api.post("/v1/reports", {**asked, "message_id": 2**40})
        assert (hidden.status_code, hidden.json()) == (404, absent.json())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"user_id": "bob", "message_id": 1},
        {"user_id": "alice"},
        {"user_id": "bob", "reason": "because"},
        {"user_id": "bob", "comment": "x" * 1001},
        {"user_id": "bob", "comment": " "},
        {"user_id": "bob", "client_id": "a b"},
    ],
)
async def test_a_report_that_makes_no_sense_is_refused(stack: Stack, wrong: dict[str, Any]) -> None:
    before = stored(stack)
    async with http(stack, "alice") as api:
        answer = await api.post("/v1/reports", {"client_id": "r-3", "reason": "spam", **wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert stored(stack) == before
