"""notify as a whole: a real bus, a real database, a real mail server, a log held in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes
from email.policy import default
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from services.notify import follower
from services.notify.channels import email
from services.notify.channels.letter import Letter
from services.notify.database import Transactions
from services.notify.ladder import groups
from services.notify.sending import courier, outcomes
from shared.errors import SettingError, StartError
from shared.health import probe
from shared.settings import Settings
from tests.integration.notify_support import (
    FakeLog,
    Mailbox,
    fake_log,
    notify,
    rows,
    smtp_server,
    to_mailbox,
)
from tests.support.nats import nats_broker
from tests.support.ports import port_of, silent
from tests.support.waiting import eventually, within


@pytest.fixture
async def log(nats_url: str) -> AsyncIterator[FakeLog]:
    async with fake_log(nats_url) as log:
        log.know("bob", time_zone="Asia/Tokyo")
        log.know("ann")
        yield log


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with smtp_server() as mailbox:
        yield mailbox


def reached(database: Path, seq: int) -> bool:
    """The newest notification holds everything up to that message."""
    return [row["last_seq"] for row in rows(database)][-1:] == [seq]


@pytest.fixture
def quick_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "RELEASE", 20_000)


async def test_c8_unread_messages_become_one_email(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    await log.send("ann", "bob", "first")
    await log.send("ann", "bob", "<b>second</b>")
    settings = to_mailbox(mailbox) | {"public_url": "https://chat.test/"}
    async with notify(nats_url, tmp_path, **settings) as running:
        await running.until_states("sent")
        await eventually(lambda: running.health.report()[0] == "pass")
    (letter,) = mailbox.accepted
    (row,) = rows(running.database)
    assert letter["Subject"] == "2 unread messages"
    assert letter["To"] == "bob@example.test"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Message-ID"] == f"<{row['delivery_id']}@linkup.localhost>"
    text = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    html = letter.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "Ann: first" in text
    assert "Ann: <b>second</b>" in text
    assert "https://chat.test/chat/ann/" in text
    assert "UTC" not in text  # but the time of Tokyo
    assert "&lt;b&gt;second&lt;/b&gt;" in html


async def test_a_burst_is_sent_after_few_questions(
    nats_url: str,
    tmp_path: Path,
    log: FakeLog,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(courier, "AHEAD", 60.0)
    monkeypatch.setattr(courier, "FRESH", 60.0)
    people = [f"user{n}" for n in range(40)]
    for person in people:
        log.know(person)
        await log.send("ann", person)
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await eventually(lambda: running.states() == ["sent"] * len(people))
    assert sorted(str(letter["To"]) for letter in mailbox.accepted) == sorted(
        f"{person}@example.test" for person in people
    )
    assert log.marks_asked < len(people) / 2


@pytest.mark.slow
@pytest.mark.parametrize("act", ["421 closing", "451 too many e-mails", "drop", "hang"])
async def test_c8_a_kept_connection_that_takes_no_more_costs_no_attempt(
    nats_url: str,
    tmp_path: Path,
    log: FakeLog,
    mailbox: Mailbox,
    act: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(email, "KEPT", 60.0)
    monkeypatch.setattr(email.Smtp.__init__, "__defaults__", (2.0, email.DATA_TIMEOUT))
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        for number in range(1, 4):
            await log.send("ann", "bob", str(number))
            await running.until_states(*["sent"] * number)
        assert mailbox.connections == 1
        mailbox.script["mail"] = [act]
        await log.send("ann", "bob", "with a new connection")
        await running.until_states(*["sent"] * 4)
    assert mailbox.connections == 2
    assert [row["attempts"] for row in rows(running.database)] == [0] * 4
    assert len(mailbox.accepted) == 4


async def test_a_send_that_is_cut_off_leaves_no_connection(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp = email.Smtp(Settings(**to_mailbox(mailbox)), "own.test")
    client = smtp._client()  # noqa: SLF001
    monkeypatch.setattr(smtp, "_client", lambda: client)
    mailbox.script["rcpt"] = ["hang"]

    async def never() -> bool:
        raise AssertionError

    sending = asyncio.create_task(smtp.send("n1", Letter("bob@example.test", b""), never))
    await mailbox.reached("rcpt").wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not client.is_connected


async def test_s74_lines_that_begin_with_a_dot_arrive_as_they_are(mailbox: Mailbox) -> None:
    async def begin() -> bool:
        return True

    smtp = email.Smtp(Settings(**to_mailbox(mailbox)), "own.test")
    body = b".\r\n..\r\n.a.\r\n\r\n.\r\n"
    outcome = await smtp.send("n1", Letter("bob@example.test", b"X: y\r\n\r\n" + body), begin)
    await smtp.aclose()
    assert outcome.kind == "sent"
    (letter,) = mailbox.accepted
    assert letter.as_bytes().endswith(b"\n\n" + body.replace(b"\r\n", b"\n"))


async def test_a_connection_is_not_kept_for_long(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "KEPT", 0.05)
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await log.send("ann", "bob")
        await running.until_states("sent")
        await eventually(lambda: mailbox.left == 1)


async def test_c8_an_answer_that_has_become_old_is_asked_for_again(
    nats_url: str,
    tmp_path: Path,
    log: FakeLog,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    quick_release: None,
) -> None:
    monkeypatch.setattr(courier, "FRESH", -1.0)
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await eventually(lambda: log.marks_asked > 2)
        assert mailbox.seen == []
        monkeypatch.setattr(courier, "FRESH", 2.0)
        await running.until_states("sent")
    assert len(mailbox.accepted) == 1


async def test_c8_read_before_it_is_due_is_no_email(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox), notify_email_after=60) as running:
        seq = await log.send("ann", "bob")
        await running.until_states("waiting")
        await log.mark_read("bob", "ann", seq)
        await running.until_states("cancelled")
    assert mailbox.seen == []


async def test_c8_read_while_it_is_claimed_is_no_email(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    """R14, first half: the receipt is in the log, the follower has not seen it."""

    async def read_meanwhile() -> None:
        log.read["bob", conversation_id] = 1

    await log.send("ann", "bob")
    (conversation_id,) = log.messages
    log.on_marks = read_meanwhile
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("cancelled")
    assert mailbox.seen == []


async def test_c8_read_while_the_server_hesitates_is_no_email(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    """R14, second half: the last look is at the moment before DATA."""
    mailbox.script["rcpt"] = ["hang"]
    seq = await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await mailbox.reached("rcpt").wait()
        await log.mark_read("bob", "ann", seq)
        await running.until_states("cancelled")
        mailbox.release.set()
        await log.send("ann", "bob", "another")
        await running.until_states("cancelled", "sent")
    assert [letter["Subject"] for letter in mailbox.accepted] == ["1 unread message"]


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("reply", ["451 greylisted", "421 too busy"])
async def test_c8_temporary_refusals_are_tried_again_until_one_email(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, step: str, reply: str
) -> None:
    mailbox.script[step] = [reply, reply]
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("sent")
        await eventually(lambda: running.health.report()[0] == "pass")
    assert len(mailbox.accepted) == 1
    assert mailbox.seen.count("mail") == 3
    assert rows(running.database)[0]["attempts"] == 2


@pytest.mark.parametrize("step", ["mail", "rcpt"])
async def test_c8_a_connection_lost_before_data_is_tried_again(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, step: str
) -> None:
    mailbox.script[step] = ["drop"]
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("sent")
    assert len(mailbox.accepted) == 1


async def test_c8_a_refused_connection_is_tried_again(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    away = Mailbox()
    await log.send("ann", "bob")
    with silent() as there:
        away.port = port_of(there)
        async with notify(nats_url, tmp_path, **to_mailbox(away)) as running:
            await eventually(lambda: any(row["attempts"] > 2 for row in rows(running.database)))
            assert running.health.checks["email"]().status == "warn"
            async with smtp_server(there) as mailbox:
                await running.until_states("sent")
    assert len(mailbox.accepted) == 1


async def test_f_t1_a_mail_server_that_hangs_is_warned_of_and_leaves_notify_ready(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "SILENT_AFTER", 0.2)
    mailbox.script["mail"] = ["hang"]
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await mailbox.reached("mail").wait()
        email = running.health.checks["email"]
        await eventually(lambda: "the mail server has not answered" in email().output)
        assert running.health.report()[0] == "warn"
        mailbox.release.set()
        await running.until_states("sent")
        await eventually(lambda: running.health.report()[0] == "pass")


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
async def test_c8_a_permanent_refusal_is_the_end(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, step: str
) -> None:
    mailbox.script[step] = ["550 no such user"]
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("failed")
        await eventually(lambda: running.health.checks["email"]().status == "warn")
    assert rows(running.database)[0]["reason"] == "smtp_550"
    assert (mailbox.accepted, mailbox.seen.count("mail")) == ([], 1)


@pytest.mark.parametrize("step", ["data", "dot"])
async def test_c8_a_connection_lost_after_data_began_is_unknown_and_never_sent_again(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, step: str
) -> None:
    mailbox.script[step] = ["drop"]
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("unknown")
        await eventually(lambda: running.health.checks["email"]().observed == 1)
        assert running.health.report()[0] == "warn"
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await log.send("ann", "bob", "a later one")
        await running.until_states("unknown", "sent")
        await eventually(lambda: running.health.checks["email"]().observed == 1)
    assert mailbox.seen.count("mail") == 2
    assert len(mailbox.accepted) == (2 if step == "dot" else 1)


async def test_no_address_closes_the_group(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    log.know("bob", email="")
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("no_address")
    assert mailbox.seen == []


@pytest.mark.parametrize("name", ["A\r\nBcc: eve@x.test", "A\x85Bcc: e", "A\u2028B", "\u202eA\x00"])
async def test_names_cannot_forge_headers(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, name: str
) -> None:
    log.know("ann")
    log.profiles["ann"] = replace(log.profiles["ann"], name=name)
    log.profiles["bob"] = replace(log.profiles["bob"], name=name)
    await log.send("ann", "bob", f"text\r\n.\r\nMAIL FROM:<x>\r\n{name}")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("sent")
    (letter,) = mailbox.accepted
    assert set(letter.keys()) == {
        *("Subject", "From", "To", "Date", "Message-ID"),
        *("Auto-Submitted", "In-Reply-To", "References", "List-Id", "MIME-Version", "Content-Type"),
    }
    assert name not in letter.as_string()


async def test_without_a_server_the_email_is_a_file(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    await log.send("ann", "bob", "read me")
    async with notify(nats_url, tmp_path) as running:
        await running.until_states("sent")
    (file,) = running.mail.iterdir()
    letter = message_from_bytes(file.read_bytes(), policy=default)
    assert file.stem == rows(running.database)[0]["delivery_id"]
    assert "read me" in letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]


async def test_c10_a_slow_mail_server_does_not_stop_the_follower(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    mailbox.script["mail"] = ["hang"] * 100
    people = [f"user{n}" for n in range(20)]
    for person in people:
        log.know(person)
        await log.send("ann", person)
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await eventually(lambda: running.states().count("claimed") == 4)
        await log.send("ann", "bob")
        await eventually(lambda: len(running.states()) == 21)
        await eventually(lambda: mailbox.seen.count("mail") >= 4)
        assert mailbox.seen.count("mail") == 4
        mailbox.release.set()
        await eventually(lambda: running.states() == ["sent"] * 21)
    assert sorted(str(letter["To"]) for letter in mailbox.accepted) == sorted(
        f"{person}@example.test" for person in [*people, "bob"]
    )


@pytest.mark.parametrize("most", [1, 2, 10])
async def test_what_leaves_fast_has_more_connections_up_to_the_setting(
    nats_url: str,
    tmp_path: Path,
    log: FakeLog,
    mailbox: Mailbox,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(courier, "AHEAD", 60.0)
    monkeypatch.setattr(courier, "PACE", 1)
    people = [f"user{n}" for n in range(30)]
    for person in people:
        log.know(person)
    settings = to_mailbox(mailbox) | {"smtp_connections": most}
    async with notify(nats_url, tmp_path, **settings) as running:
        for person in people[:10]:
            await log.send("ann", person)
        await eventually(lambda: running.states() == ["sent"] * 10)
        mailbox.script["mail"] = ["hang"] * 100
        for person in people[10:]:
            await log.send("ann", person)
        await eventually(lambda: len(running.states()) == 30)
        await eventually(lambda: mailbox.seen.count("mail") == 10 + most)
        mailbox.release.set()
        await eventually(lambda: running.states() == ["sent"] * 30)


@pytest.mark.parametrize("page_size", [3, 500])
async def test_pages_are_followed_to_the_end_and_positions_kept(
    nats_url: str, tmp_path: Path, log: FakeLog, page_size: int
) -> None:
    """R15: two writers, whose rows come one writer after the other."""
    log.page_size = page_size
    for number in range(10):
        log.writer = f"w{number % 2}"
        await log.send("ann", "bob", str(number))
    async with notify(nats_url, tmp_path, notify_email_after=60) as running:
        await eventually(lambda: [row["last_seq"] for row in rows(running.database)] == [10])
    async with notify(nats_url, tmp_path, notify_email_after=60):
        await eventually(lambda: log.asked[-1].positions == {"w0": 10, "w1": 10})
    assert {asked.follower for asked in log.asked} == {"notify"}
    (row,) = rows(running.database)
    assert (row["first_seq"], row["last_seq"]) == (1, 10)
    assert row["count"] == 10 or page_size == 3


async def test_c8_a_restored_log_is_read_again_without_a_second_email(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    await log.send("ann", "bob", "one")
    async with notify(nats_url, tmp_path) as running:
        await running.until_states("sent")
        log.epoch, log.writer = "e2", "w2"
        log.rows = [replace(row, writer="w2") for row in log.rows]
        await log.send("ann", "bob", "two")
        await running.until_states("sent", "sent")
        await eventually(lambda: log.asked[-1].positions == {"w2": 4})
    assert len(list(running.mail.iterdir())) == 2


async def test_a_broker_that_comes_back_is_followed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "LONGEST_PAUSE", 0.2)
    async with (
        nats_broker() as broker,
        fake_log(broker.url) as log,
        notify(broker.url, tmp_path) as running,
    ):
        log.know("bob")
        await broker.kill()
        await eventually(lambda: running.health.checks["bus"]().status == "fail")
        await broker.start()
        await eventually(lambda: log.bus is not None and log.bus.connected)
        await log.send("ann", "bob")
        await running.until_states("sent")
        await eventually(lambda: running.health.report()[0] == "pass")


@pytest.mark.usefixtures("quick_release")
async def test_c8_nothing_is_sent_while_the_log_cannot_say_what_is_unread(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    able = asyncio.Event()
    log.on_marks = able.wait
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await eventually(lambda: claims(running.database) > 1, 20)
        assert rows(running.database)[0]["attempts"] == 0
        assert mailbox.seen == []
        able.set()
        await running.until_states("sent")


def claims(database: Path) -> int:
    return sum(row["claims"] for row in rows(database))


async def test_a_follower_that_hears_nothing_says_so(
    nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "STUCK_AFTER", 0.0)
    async with notify(nats_url, tmp_path) as running:
        check = running.health.checks["log"]()
    assert check.status == "fail"
    assert "see whether persistence runs" in check.output


async def test_a_database_with_nothing_due_is_left_alone(
    nats_url: str, tmp_path: Path, log: FakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "POLL", 0.05)
    async with notify(nats_url, tmp_path) as running:
        await eventually(lambda: len(log.asked) > 1)
        trips, transaction = 0, Transactions.transaction

        async def counted(held: Transactions, work: Callable[[Any], Any]) -> Any:
            nonlocal trips
            trips += 1
            return await transaction(held, work)

        async def left_alone() -> bool:
            """During ten questions to the log, but for the probe that asks whether it works."""
            before, began, asked = trips, time.monotonic(), len(log.asked)
            await eventually(lambda: len(log.asked) > asked + 10)
            return trips - before <= 1 + (time.monotonic() - began) / probe.EVERY

        monkeypatch.setattr(Transactions, "transaction", counted)
        await eventually(left_alone)  # what is done once, at the start, may take its time
        assert running.states() == []


async def test_drain_lets_an_email_on_its_way_come_to_its_end(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    mailbox.script["dot"] = ["hang"]
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await mailbox.reached("dot").wait()
        assert running.health.drain is not None
        draining = asyncio.ensure_future(running.health.drain())
        await log.send("ann", "bob")
        await running.until_states("sending", "waiting")
        mailbox.release.set()
        async with within(5):
            await draining
        assert running.states() == ["sent", "waiting"]
    assert len(mailbox.accepted) == 1


async def test_a_second_notify_on_the_same_database_does_not_start(
    nats_url: str, tmp_path: Path
) -> None:
    async with notify(nats_url, tmp_path):
        with pytest.raises(StartError, match="another notify"):
            async with notify(nats_url, tmp_path):
                pass


@pytest.mark.parametrize(
    "values",
    [
        {"smtp_from": "nobody"},
        {"smtp_from": "A\r\nBcc: x@x.test <a@x.test>"},
        {"notify_database_url": "mysql://x/y"},
        {"smtp_host": "mx.test", "smtp_password": "secret"},
    ],
)
async def test_settings_that_cannot_work_are_named(tmp_path: Path, values: dict[str, str]) -> None:
    with pytest.raises((SettingError, ValueError), match="LINKUP_"):  # by `Settings`, or the start
        async with notify("nats://127.0.0.1:9", tmp_path, **values):
            pass


async def test_f_s7_a_message_now_and_then_is_one_email_until_the_person_was_back(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    settings = to_mailbox(mailbox) | {"notify_email_after": 0.2, "notify_email_pause": 3600}
    async with notify(nats_url, tmp_path, **settings) as running:
        for number in range(1, 9):
            seq = await log.send("ann", "bob", f"now and then {number}")
            await eventually(partial(reached, running.database, seq))
            if number == 1:  # a claim that is given back is joined with what came since
                await running.until_states("sent")
        assert running.states() == ["sent", "waiting"]
        await log.mark_read("bob", "ann", seq)
        await running.until_states("sent", "cancelled")
        await log.send("ann", "bob", "after that")
        await running.until_states("sent", "cancelled", "sent")
    assert len(mailbox.accepted) == 2


@pytest.mark.parametrize("address", ["x.y.@example.com", "x..y@example.com", "x@-.com"])
async def test_f_s8_an_address_nobody_can_write_to_is_told_as_one(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, address: str
) -> None:
    log.know("bob", email=address)
    await log.send("ann", "bob")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("no_address")
    assert rows(running.database)[0]["reason"] == "bad_address"
    assert mailbox.seen == []


async def test_f_t9_with_a_user_the_mail_server_is_logged_in_to(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    await log.send("ann", "bob")
    async with smtp_server(login=("linkup", "a secret of the mail server")) as mailbox:
        wrong = to_mailbox(mailbox) | {"smtp_user": "linkup", "smtp_password": "another"}
        async with notify(nats_url, tmp_path, **wrong) as running:
            await eventually(lambda: any(row["attempts"] for row in rows(running.database)))
            assert [row["reason"] for row in rows(running.database)] == ["SMTPAuthenticationError"]
            assert mailbox.accepted == []
        right = to_mailbox(mailbox) | {
            "smtp_user": "linkup",
            "smtp_password": "a secret of the mail server",
        }
        async with notify(nats_url, tmp_path, **right) as running:
            await running.until_states("sent")
    assert [letter["To"] for letter in mailbox.accepted] == ["bob@example.test"]
