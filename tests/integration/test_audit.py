"""`linkup audit`, as an operator calls it: beside a running product, and on one that was killed."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from services.gateway.attachments.inspection import Inspection
from services.gateway.attachments.objects import Objects
from services.gateway.upstream.queries import Log
from services.notify.ladder.delivery import LEASE, LONGEST_PAUSE
from services.notify.store.store import open_store
from services.notify.upkeep.audit import Audit
from shared import clock
from shared.clock import SECOND
from shared.commands import AttachedFile, AttachedFiles, AttachedFilesAnswer
from shared.errors import NotFound
from shared.health.counters import Counters
from shared.health.records import Ledger, use
from shared.settings import Settings
from tests.integration.test_attachments import Browser
from tests.support import web
from tests.support.peer import synced
from tests.support.stack import Stack, started_stack
from tests.support.stores import lay_out
from tests.support.traffic import make_known

pytestmark = pytest.mark.timeout(240)  # a command is several processes, one after the other

on_one_product = pytest.mark.asyncio(loop_scope="module")

HOUR = 3600 * SECOND


async def audit(data: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and stdout."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", "audit", "--data-dir", str(data), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode() or failed.decode()


def plant(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.executescript(sql)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The last test that uses it kills it."""
    folder = tmp_path_factory.mktemp("audit")
    await lay_out(folder / "data")
    async with started_stack(folder) as stack:
        await stack.ready()
        await make_known(stack, ["bob"])
        yield stack


@pytest.mark.slow
@on_one_product
async def test_f_a1_the_command_looks_beside_a_running_product_and_names_a_lost_file(
    stack: Stack,
) -> None:
    async with web.client(base_url=stack.url, timeout=60) as client:
        upload = await Browser(stack, client, "alice").upload(b"here")
    async with synced(stack, "alice") as alice:
        sent = {"to": "bob", "content": "with", "client_id": "c1"}
        await alice.send("message", **sent, attachments=[upload["attachment_id"]])
        ack = await alice.outcome("c1")
        await alice.message("bob", "without")
    assert await audit(stack.data_dir, "--all", "--json") == (0, "")
    name = f"original/{upload['attachment_id']}"
    file = stack.data_dir / "attachments" / name
    kept = file.rename(file.with_name("kept"))
    status, said = await audit(stack.data_dir, "--all")
    kept.rename(file)
    assert status == 1
    assert f"The file {name} of message {ack['message_id']} " in said


@on_one_product
@pytest.mark.slow
async def test_f_a1_after_a_kill_it_reads_and_leaves_everything_as_it_is(stack: Stack) -> None:
    async with synced(stack, "alice") as alice:
        ack = await alice.message("bob", "hello")
    stack.process.send_signal(signal.SIGKILL)
    await stack.process.wait()
    before = _files(stack.data_dir)
    assert "linkup.db-wal" in before
    assert await audit(stack.data_dir, "--all") == (0, "All is as it must be.\n")
    after = _files(stack.data_dir)
    for name in ("linkup.db", "linkup.db-wal", "notify.db"):
        assert after[name] == before[name]
    plant(stack.data_dir / "linkup.db", "UPDATE members SET delivered_seq = 7")
    status, said = await audit(stack.data_dir)  # the files are a part of --all
    assert status == 1
    assert f"In conversation {ack['conversation_id']} the delivered mark of user bob" in said
    assert said.endswith("2 violations.\n")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


async def test_f_a1_what_cannot_be_read_is_neither_clean_nor_a_violation(tmp_path: Path) -> None:
    status, said = await audit(tmp_path)
    assert status == 2
    assert "cannot read the store" in said
    assert "LINKUP_DATA_DIR" in said


# ------------------------------------------------------------------ notify's own


ROW = """
INSERT INTO deliveries (delivery_id, user_id, thread, first_seq, last_seq, count, state, reason,
  due_at, claims, attempts, created_at, closed_at)
VALUES ('{name}', '{name}', 'c', 1, 1, 1, '{state}', '', {due_at}, 1, 0, 1, 0);
"""


async def test_f_a1_a_notification_without_end_is_found_and_told(tmp_path: Path) -> None:
    now, file = clock.now(), tmp_path / "notify.db"
    counters = Counters()
    async with open_store(f"sqlite:///{file}") as store:
        for name, state, due_at in (
            ("on-time", "sending", now + LEASE),
            ("late", "sending", now - 2 * HOUR),
            ("held", "claimed", now - 2 * HOUR),
            ("waits", "waiting", now + LONGEST_PAUSE),
            ("overdue", "waiting", now - 48 * HOUR),  # the mail server is away: no fault of ours
            ("never", "waiting", now + 3 * LONGEST_PAUSE),
            ("sent", "sent", now - 48 * HOUR),
        ):
            plant(file, ROW.format(name=name, state=state, due_at=due_at))
        one = Audit(store, counters, Settings(), lambda: now)
        with use(Ledger("notify")) as errors:
            found = await one.once()
        assert {each.notification_id for each in found} == {"late", "held", "never"}
        assert counters.counts["invariant.notification_without_end"] == 3
        assert {each.category for each in errors.recent()} == {"invariant_violation"}
        running = await _command(tmp_path)
    assert sorted(each["notification_id"] for each in running) == ["held", "late", "never"]
    stopped = await _command(tmp_path)  # its start will settle what is on the way
    assert [each["notification_id"] for each in stopped] == ["never"]


async def _command(data: Path) -> list[Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.notify", "audit"),
        env={"LINKUP_DATA_DIR": str(data)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return [json.loads(line) for line in said.splitlines()]


# ------------------------------------------------------------------ the gateway's own


class FakeLog:
    """Names two files, of which the second is of a message that is erased meanwhile."""

    async def ask(self, asked: Any, kind: Any) -> Any:
        if isinstance(asked, AttachedFiles):
            names = [] if asked.after else ["kept", "erased", "here"]
            return AttachedFilesAnswer(files=[_file(name) for name in names])
        if asked.attachment_id == "erased":
            raise NotFound("There is no such attachment")
        return None


def _file(name: str) -> AttachedFile:
    return AttachedFile(
        attachment_id=name, message_id=1, conversation_id="c", thumbnail=name == "here"
    )


async def test_f_a1_a_gateway_finds_what_is_not_in_the_store_of_files(tmp_path: Path) -> None:
    objects, counters = Objects(tmp_path.as_uri()), Counters()
    for path in ("original/here", "thumbnail/here"):
        await objects.put(path, b"x")
    inspection = Inspection(cast(Log, FakeLog()), objects, counters, every=1)
    with use(Ledger("gateway")) as errors:
        assert await inspection.once() == 1
    assert counters.counts["invariant.file_absent"] == 1
    [told] = errors.recent()
    assert (told.category, told.context["message_id"]) == ("invariant_violation", "1")
    await objects.delete(["thumbnail/here"])
    assert await inspection.once() == 2
