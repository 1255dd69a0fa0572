"""`linkup backup` and `linkup restore`, as an operator calls them: real product, real sockets."""

import asyncio
import hashlib
import io
import json
import os
import resource
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.integration.test_attachments import Browser
from tests.integration.test_audit import audit
from tests.integration.test_resume import refusal
from tests.support import web
from tests.support.peer import Frame, http, synced
from tests.support.stack import Stack, run_stack
from tests.support.stores import lay_out, reading
from tests.support.traffic import make_known
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(240)  # a command is several processes, one after the other

on_one_product = pytest.mark.asyncio(loop_scope="module")


async def call(
    command: str, file: Path | str, data: Path, *arguments: str, most_bytes: int | None = None
) -> tuple[int, str]:
    """Exit status, and what it said. `most_bytes`: no file it writes may be longer."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", command, str(file), "--data-dir", str(data), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=_bounded(most_bytes),
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


def _bounded(most_bytes: int | None) -> Callable[[], None] | None:
    if most_bytes is None:
        return None
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))


async def done(command: str, file: Path, data: Path, *arguments: str) -> str:
    status, said = await call(command, file, data, *arguments)
    assert status == 0, said
    return said


# ------------------------------------------------------------------ under live clients


class Writer:
    """Sends one message after the other to bob, and remembers each ack."""

    def __init__(self, stack: Stack, user_id: str) -> None:
        self._stack = stack
        self._user_id = user_id
        self.acks: list[Frame] = []

    async def run(self) -> None:
        async with synced(self._stack, self._user_id) as one:
            while True:
                self.acks.append(await one.message("bob", f"number {len(self.acks)}"))


@asynccontextmanager
async def writing(stack: Stack, *user_ids: str) -> AsyncIterator[Callable[[], list[Frame]]]:
    writers = [Writer(stack, user_id) for user_id in user_ids]
    tasks = [asyncio.create_task(writer.run()) for writer in writers]
    yield lambda: [ack for writer in writers for ack in writer.acks]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


class Restored(NamedTuple):
    """A product whose data come from the backup `file`, made of another one under live clients."""

    stack: Stack
    file: Path
    before: list[Frame]  # the acks of before the backup
    attachment_id: str
    hello: dict[str, Any]  # with which bob would resume
    settled: list[str]  # the states of what was due to erin, before any start


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def restored(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Restored]:
    folder = tmp_path_factory.mktemp("backup")
    file, other = folder / "backup.tar", folder / "other"
    async with run_stack(folder, message_rate=0, notify_email_after=3600) as stack:
        epoch = await make_known(stack, ["bob"])
        attachment_id = await _a_file_for_bob(stack)
        async with synced(stack, "erin", token=stack.token("erin", email="erin@example.com")):
            pass  # with an address, and away
        async with writing(stack, "alice", "carol", "dave") as acks:
            await eventually(lambda: len(acks()) >= 30)
            async with synced(stack, "alice") as alice:
                await alice.message("erin", "before")
            await eventually(lambda: _states(stack.data_dir) == ["waiting"])
            before = acks()
            said = await done("backup", file, stack.data_dir)
            assert len(acks()) > len(before)  # nobody had to wait for it
            await asyncio.to_thread(_make_due, stack.data_dir / "notify.db")
            await eventually(lambda: _states(stack.data_dir) == ["sent"])
        assert "of them 1 files" in said
        async with synced(stack, "bob") as bob:
            hello = {"epoch": epoch, "cursor": bob.frames[0]["cursor"]}
        assert len(_mails(stack.data_dir)) == 1
    repacked(file, "notify.db", _as_if_due)  # as an hour later
    said = await done("restore", file, other / "data")
    assert "What was acknowledged later is not there" in said
    assert await audit(other / "data", "--all") == (0, "All is as it must be.\n")
    settled = _states(other / "data")
    async with run_stack(other, notify_email_after=0.5, notify_email_pause=0) as stack:
        yield Restored(stack, file, before, attachment_id, hello, settled)


async def _a_file_for_bob(stack: Stack) -> str:
    async with web.client(base_url=stack.url, timeout=60) as client:
        upload = await Browser(stack, client, "alice").upload(b"a file of a message")
    attachment_id = str(upload["attachment_id"])
    async with synced(stack, "alice") as alice:
        sent = {"to": "bob", "content": "with a file", "client_id": "file"}
        await alice.send("message", **sent, attachments=[attachment_id])
        await alice.outcome("file")
    return attachment_id


@pytest.mark.slow  # one product is stopped and restored for the three
@on_one_product
async def test_t19_a_backup_under_live_clients_holds_every_ack_of_before_and_is_told_as_another(
    restored: Restored,
) -> None:
    stack = restored.stack
    assert restored.file.stat().st_mode & 0o777 == 0o600
    stored = _messages(stack.data_dir / "linkup.db")
    for ack in restored.before:
        assert stored[ack["message_id"]] == (ack["conversation_id"], ack["seq"], ack["client_id"])
    with reading(stack.data_dir / "linkup.db") as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert await refusal(stack, "bob", **restored.hello)
    async with web.client(base_url=stack.url, timeout=60) as client:
        link = await Browser(stack, client, "alice").link(restored.attachment_id)
        content = await Browser(stack, client, None).get(link["url"])
        assert content.content == b"a file of a message"
    async with synced(stack, "alice") as alice:
        assert alice.frames[0]["epoch"] != restored.hello["epoch"]
        again = await alice.message("bob", "number 0", "after")
        assert again["duplicate"] is False


def _messages(path: Path) -> dict[int, tuple[Any, ...]]:
    with reading(path) as store:
        rows = store.execute("SELECT message_id, conversation_id, seq, client_id FROM messages")
        return {message_id: tuple(rest) for message_id, *rest in rows}


@pytest.mark.slow
@on_one_product
async def test_t19_an_email_that_was_due_before_a_restore_is_not_sent_a_second_time(
    restored: Restored,
) -> None:
    """The backup is older than the e-mail; one for a message of after the restore is sent."""
    stack, data = restored.stack, restored.stack.data_dir
    assert restored.settled == ["cancelled"]
    async with http(stack, "erin") as erin:  # it is in the inbox
        [conversation] = (await erin.get("/v1/conversations")).json()["conversations"]
        assert conversation["unread_count"] == 1
    async with synced(stack, "alice") as alice:
        await alice.message("erin", "after")
    await eventually(lambda: bool(_mails(data)))
    await eventually(lambda: _states(data) == ["cancelled", "sent"])
    assert len(_mails(data)) == 1


def _states(data: Path) -> list[str]:
    """Return the states of erin's deliveries, oldest first."""
    sql = "SELECT state FROM deliveries WHERE user_id = 'erin' ORDER BY created_at, first_seq"
    with reading(data / "notify.db") as store:
        return [state for (state,) in store.execute(sql)]


def _make_due(path: Path) -> None:
    revise(path, "UPDATE deliveries SET due_at = 0 WHERE user_id = 'erin'")


def _as_if_due(whole: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notify.db"
        path.write_bytes(whole)
        _make_due(path)
        return path.read_bytes()


def _mails(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "mail").glob("*.eml"))


@pytest.mark.slow
@on_one_product
async def test_a_running_product_is_not_restored_over(restored: Restored) -> None:
    data = restored.stack.data_dir
    status, said = await call("restore", restored.file, data, "--force")
    assert (status, "stop it first" in said) == (1, True), said
    run_lock = data / "run.lock"
    run_lock.rename(run_lock.with_suffix(".away"))  # as with containers, which have none
    status, said = await call("restore", restored.file, data, "--force")
    assert (status, "stop it first" in said) == (1, True), said
    assert not list(data.glob(".restore-*"))


# ------------------------------------------------------------------ what is refused


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of a stopped product, with an epoch and some pages of rows, and its backup."""
    folder = tmp_path_factory.mktemp("made")
    data = folder / "data"

    async def make() -> None:
        await lay_out(data)
        revise(data / "linkup.db", "INSERT INTO meta VALUES ('epoch', 'before')", FILL)
        await done("backup", folder / "backup.tar", data)

    asyncio.run(make())
    return folder


FILL = """
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
INSERT INTO users (user_id, name, created_at, updated_at)
SELECT 'u' || n, zeroblob(200), 0, 0 FROM n
"""


def revise(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as store, store:
        for statement in statements:
            store.execute(statement)


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "data", tmp_path / "data"))


@pytest.fixture
def archive(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made / "backup.tar", tmp_path / "backup.tar"))


def everything(folder: Path) -> dict[str, bytes]:
    """All that counts: who has a lock in his hand leaves its file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if not path.name.endswith(".lock")
    }


@pytest.mark.slow
async def test_a_backup_goes_through_a_pipe(data: Path, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m linkup backup - --data-dir {data}"
        f" | {sys.executable} -m linkup restore - --data-dir {tmp_path / 'other'}"
    )
    assert await process.wait() == 0
    with reading(tmp_path / "other" / "linkup.db") as store:
        assert store.execute("SELECT count(*) FROM users").fetchone() == (1000,)
    assert set(everything(data)) == {"linkup.db", "notify.db"}


@pytest.mark.slow
async def test_a_store_that_is_there_is_replaced_by_force_only(data: Path, archive: Path) -> None:
    before = everything(data)
    status, said = await call("restore", archive, data)
    assert status == 1
    assert "add --force" in said
    assert everything(data) == before
    await done("restore", archive, data, "--force")
    with reading(data / "linkup.db") as store:
        [(epoch,)] = store.execute("SELECT value FROM meta WHERE key = 'epoch'")
        assert epoch != "before"


async def test_a_backup_never_replaces_a_file(data: Path, archive: Path) -> None:
    before = everything(archive.parent)
    status, said = await call("backup", archive, data)
    assert (status, "choose another name" in said) == (1, True)
    assert everything(archive.parent) == before


def broken(archive: Path) -> Iterator[tuple[str, bytes]]:
    whole = archive.read_bytes()
    yield "cut off", whole[: len(whole) // 2 // 512 * 512]
    yield "cut off", whole[: whole.rindex(b"manifest.json")]
    middle = whole.index(b"SQLite format 3") + 5000
    yield (
        "linkup.db is not what the manifest says",
        (whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]),
    )
    yield "no backup", b"something else" * 1000
    yield "no backup", b""


async def test_a_broken_archive_is_refused_and_leaves_everything_as_it_was(
    data: Path, archive: Path, tmp_path: Path
) -> None:
    before = everything(data)
    for number, (reason, content) in enumerate(broken(archive)):
        file = tmp_path / f"broken-{number}.tar"
        file.write_bytes(content)
        status, said = await call("restore", file, data, "--force")
        assert (status, everything(data) == before) == (1, True), (number, said)
        assert reason in said or "damaged" in said, (number, said)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "attachments/original/../../evil"])
async def test_an_archive_cannot_write_elsewhere(data: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "evil.tar"
    with tarfile.open(file, "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    before = everything(data)
    status, said = await call("restore", file, data, "--force")
    assert (status, "holds something else" in said) == (1, True)
    assert everything(data) == before


async def test_a_damaged_copy_is_found_before_anything_is_replaced(
    data: Path, archive: Path
) -> None:
    """Damaged before the backup was made: its sums are right."""
    repacked(archive, "linkup.db", lambda whole: whole[:40_960] + b"\xff" * 4096 + whole[45_056:])
    before = everything(data)
    status, said = await call("restore", archive, data, "--force")
    assert (status, "damaged" in said) == (1, True), said
    assert everything(data) == before


async def test_a_newer_schema_is_refused(data: Path, archive: Path) -> None:
    def newer(whole: bytes) -> bytes:
        path = archive.with_name("newer.db")
        path.write_bytes(whole)
        revise(path, "UPDATE alembic_version SET version_num = '9999'")
        return path.read_bytes()

    repacked(archive, "notify.db", newer)
    before = everything(data)
    status, said = await call("restore", archive, data, "--force")
    assert (status, "of a newer release" in said) == (1, True), said
    assert everything(data) == before


def repacked(archive: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Repack the archive with another content of one part, and with a manifest that matches."""
    with tarfile.open(archive) as whole:
        parts = {one.name: _content(whole, one) for one in whole}
    parts[name] = change(parts[name])
    manifest = json.loads(parts["manifest.json"])
    digest = hashlib.sha256(parts[name]).hexdigest()
    manifest["parts"][name] = {"size": len(parts[name]), "sha256": digest}
    parts["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(archive, "w") as whole:
        for each, content in parts.items():
            member = tarfile.TarInfo(each)
            member.size = len(content)
            whole.addfile(member, io.BytesIO(content))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    assert content is not None
    return content.read()


@pytest.mark.parametrize("most_bytes", [64 * 1024, 420 * 1024])
async def test_a_full_disk_leaves_no_half_of_a_backup(
    data: Path, tmp_path: Path, most_bytes: int
) -> None:
    """The first is met by the copy of the store, the second by the archive of both."""
    file = tmp_path / "backup.tar"
    status, said = await call("backup", file, data, most_bytes=most_bytes)
    assert status == 1
    assert "room" in said, said
    assert os.listdir(tmp_path) == ["data"]


async def test_a_full_disk_leaves_what_was_there_before_a_restore(
    data: Path, archive: Path
) -> None:
    before = everything(data)
    status, said = await call("restore", archive, data, "--force", most_bytes=100 * 1024)
    assert status == 1
    assert "room" in said, said
    assert everything(data) == before
    assert sorted(os.listdir(data.parent)) == ["backup.tar", "data"]


async def test_files_in_an_object_store_go_by_reference(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINKUP_ATTACHMENTS_URL", "s3://bucket/prefix")
    said = await done("backup", tmp_path / "backup.tar", data)
    assert "Not in it: the files in s3://bucket/prefix" in said
    said = await done("restore", tmp_path / "backup.tar", tmp_path / "other")
    assert "s3://bucket/prefix" in said
    with tarfile.open(tmp_path / "backup.tar") as whole:
        manifest = json.loads(_content(whole, whole.getmember("manifest.json")))
    assert (manifest["files_at"], manifest["epoch"]) == ("s3://bucket/prefix", "before")
    assert manifest["parts"].keys() == {"linkup.db", "notify.db"}
