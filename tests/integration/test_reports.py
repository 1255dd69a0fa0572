"""Reports of users to the operator: stored once, by reference, and shown to no user."""

import asyncio
import json
import os
import sys
from typing import Any

import pytest

from tests.support.peer import http, synced, with_key
from tests.support.stack import ADMIN_KEY, Stack
from tests.support.stores import reading
from tests.support.traffic import newcomers

REPORTS = "/v1/admin/reports"

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


async def reported(stack: Stack) -> tuple[str, int, str]:
    """Report a message, and return its author, its id and the id of the report."""
    reporter, author = await newcomers(stack, "ann", "ben")
    async with synced(stack, author) as device, http(stack, reporter) as api:
        ack = await device.message(reporter, "buy my pills")
        asked = {"client_id": "r-1", "message_id": ack["message_id"], "reason": "spam"}
        answer = await api.post("/v1/reports", {**asked, "comment": "pills again"})
    return author, ack["message_id"], answer.raise_for_status().json()["report_id"]


async def test_s54_the_operator_reads_a_report_and_resolves_it(stack: Stack) -> None:
    author, message_id, report_id = await reported(stack)
    async with http(stack, author) as own, with_key(stack, ADMIN_KEY) as operator:
        edited = await own.patch(f"/v1/messages/{message_id}", {"content": "how are you?"})
        assert edited.status_code == 204
        [found] = (await operator.get(REPORTS, user_id=author, resolved="false")).json()["reports"]
        assert (found["report_id"], found["user_id"]) == (report_id, author)
        assert (found["message_id"], found["content"]) == (message_id, "buy my pills")
        assert (found["reason"], found["comment"]) == ("spam", "pills again")
        path = f"{REPORTS}/{report_id}"
        first = (await operator.post(f"{path}/resolve", {"notes": "banned"})).json()
        assert first["notes"] == "banned"
        assert first["resolved_at"] is not None
        assert (await operator.post(f"{path}/resolve", {})).json() == first
        assert (await operator.get(path)).json() == first
        still_open = await operator.get(REPORTS, user_id=author, resolved="false")
        assert still_open.json()["reports"] == []
        await own.request("DELETE", f"/v1/messages/{message_id}", mode="everyone")
        assert (await operator.get(path)).json() == {**first, "content": None}


async def test_s54_reports_are_read_by_pages(stack: Stack) -> None:
    filed = [(await reported(stack))[2] for _ in range(3)]
    found: list[str] = []
    async with with_key(stack, ADMIN_KEY) as operator:
        mark: dict[str, str] = {}
        for _ in filed:
            page = (await operator.get(REPORTS, limit=1, **mark)).json()
            found += [one["report_id"] for one in page["reports"]]
            mark = {"before": page["next"]}
    assert found == filed[::-1]


async def test_there_is_no_other_report_to_read(stack: Stack) -> None:
    unknown = f"r{'a' * 24}"
    async with with_key(stack, ADMIN_KEY) as operator:
        for report_id, status in ((unknown, 404), ("r1", 400)):
            path = f"{REPORTS}/{report_id}"
            assert (await operator.get(path)).status_code == status
            assert (await operator.post(f"{path}/resolve", {})).status_code == status


async def test_s54_linkup_report_lists_shows_and_resolves(stack: Stack) -> None:
    author, _, report_id = await reported(stack)
    [found] = json.loads(await linkup(stack, "list", "--user", author, "--json"))["reports"]
    assert found["report_id"] == report_id
    assert report_id in await linkup(stack, "list", "--open")
    assert "buy my pills" in await linkup(stack, "show", report_id)
    assert "is resolved" in await linkup(stack, "resolve", report_id, "--notes", "warned")
    shown = json.loads(await linkup(stack, "show", report_id, "--json"))
    assert (shown["notes"], shown["resolved_at"] is not None) == ("warned", True)
    assert "there is no such report" in await linkup(stack, "show", "r1", status=1)


async def linkup(stack: Stack, *arguments: str, status: int = 0) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", "report", *arguments, "--data-dir", str(stack.data_dir)),
        env={**os.environ, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == status, output
    return output.decode()
