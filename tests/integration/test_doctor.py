"""`linkup doctor` beside a running product, a broker that permits too much, and a mail server."""

import json
import os
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest

from linkup.doctor import mail, wire
from linkup.doctor.seen import Seen
from linkup.installation.operator import Operator
from linkup.monitor.asking import look
from linkup.run import broker
from shared.settings import Settings
from tests.integration.notify_support import Mailbox, rows, smtp_server, to_mailbox
from tests.integration.test_message_command import linkup
from tests.integration.test_run_broker import running
from tests.support.peer import synced
from tests.support.ports import port_of, silent
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.waiting import within

BODY = "a canary in a message"
ADDRESS = "canary@canary.example"
PASSWORD = "the canary of the mail server"

# What a machine full of other work may fail at.
OF_THE_MACHINE = {"disk", "sync", "persistence", "notify", "gateway"}


async def doctor(stack: Stack, *arguments: object) -> tuple[int | None, dict[str, dict[str, str]]]:
    """The exit code, and the verdicts by name."""
    where = ("--data-dir", stack.data_dir, "--json")
    status, stdout, stderr = await linkup("doctor", *where, *arguments)
    assert stderr == ""
    return status, {one["check"]: one for one in json.loads(stdout)["checks"]}


@pytest.mark.slow
async def test_s86_what_runs_is_examined_and_a_message_sent_the_whole_way(tmp_path: Path) -> None:
    settings = UNLIMITED | {"notify_email_after": 0.0}
    async with run_stack(tmp_path, **settings) as stack:
        async with synced(stack, "alice", token=stack.token("alice", email=ADDRESS)) as alice:
            await alice.message("alice", BODY)
        report = tmp_path / "report.zip"
        status, found = await doctor(stack, "--send", "--bundle", report)
        worse = {name for name, one in found.items() if one["status"] == "fail"}
        assert (status, worse) == (1 if worse else 0, worse & OF_THE_MACHINE), found
        assert {name for name, one in found.items() if one["status"] == "skip"} == {"ports"}
        assert "nats-server 2." in found["bus"]["value"]
        assert found["permissions"]["value"].startswith("gateway, persistence, notify, operator")
        assert found["send"]["value"].startswith("stored after")
        assert found["sign-in"]["value"] == "the demo login is on, for this machine only"
        assert not any(row["user_id"].startswith("linkup--") for row in rows(notified(stack)))
        assert leaked(stack, report) == []
        whole = await look(Settings(data_dir=str(stack.data_dir)), [])
        assert "auth_error" not in whole.error_summary, "its own questions are not refused"
        pid = stack.pids()["persistence"]
        os.kill(pid, signal.SIGSTOP)
        try:
            async with within(25):  # fifteen, and the start of Python
                status, found = await doctor(stack)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (status, found["persistence"]["status"]) == (1, "fail")
        await stack.ready()


def notified(stack: Stack) -> Path:
    return stack.data_dir / "notify.db"


def leaked(stack: Stack, report: Path) -> list[str]:
    """The files of the bundle that hold what they must not."""
    config = json.loads((stack.data_dir / "nats" / "nats-server.conf").read_text())
    passwords = [user["password"] for user in config["authorization"]["users"]]
    canaries = [BODY, ADDRESS, stack.secret, *passwords]
    with zipfile.ZipFile(report) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert {"health.json", "errors.json", "nats-server.log"} < texts.keys()
    return [name for name, text in texts.items() if any(one in text for one in canaries)]


@pytest.mark.parametrize(
    ("verb", "user", "subject", "fault"),
    [
        ("publish", "notify", "linkup.store", "notify may publish linkup.store"),
        ("subscribe", "operator", "_INBOX.>", "operator may subscribe _INBOX.x"),
        ("publish", "gateway", None, "gateway may not publish linkup.notify.health"),
    ],
)
async def test_s86_the_permissions_are_tried_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    user: str,
    subject: str | None,
    fault: str,
) -> None:
    usual = broker.permissions

    def unusual(name: str) -> dict[str, Any]:
        allowed = usual(name)
        subjects = allowed[verb]["allow"]
        if name == user:
            subjects += [subject] if subject else []
            allowed[verb]["allow"] = [
                one for one in subjects if subject or one != "linkup.notify.>"
            ]
        return allowed

    monkeypatch.setattr(broker, "permissions", unusual)
    async with running(tmp_path) as server:
        where = Operator(nats_url=server.broker.url("operator"))
        seen = Seen(settings=Settings(data_dir=str(tmp_path)), where=where)
        found = await wire.permissions(seen)
        assert (found.status, found.value) == ("fail", fault)
        assert (await wire.reached(seen)).status == "pass"
        (tmp_path / "nats" / "nats-server.conf").unlink()  # as in containers: our own alone
        own = await wire.permissions(seen)
        assert own.status == ("fail" if user == "operator" else "pass")


def to(mailbox: Mailbox, **chosen: Any) -> Settings:
    there = {name: value for name, value in to_mailbox(mailbox).items() if "retry" not in name}
    return Settings(**there, **chosen)


async def test_s86_the_mail_server_is_tried_without_an_email() -> None:
    async with smtp_server(login=("linkup", PASSWORD)) as mailbox:
        login = {"smtp_user": "linkup", "smtp_password": PASSWORD}
        found = await mail.smtp(to(mailbox, **login))
        assert (found.status, "clear text" in found.value) == ("warn", True)
        found = await mail.smtp(to(mailbox, **login | {"smtp_password": "wrong"}))
        assert (found.status, found.fix.startswith("Check LINKUP_SMTP_USER")) == ("fail", True)
        assert mailbox.seen == []
    with silent() as there:
        mailbox.port = port_of(there)
        assert (await mail.smtp(to(mailbox))).status == "fail"
