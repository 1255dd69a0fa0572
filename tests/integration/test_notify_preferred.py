"""Deliveries as their recipients prefer them: quiet hours, digests, and what is switched off."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notify import follower
from shared import clock
from shared.clock import SECOND
from shared.commands import (
    Announce,
    AnnounceAnswer,
    Preferences,
    PreferencesAnswer,
    PutPreferences,
    QuietHours,
    ReadAnswer,
    ReadNotice,
    TypePreference,
)
from tests.integration.notify_support import (
    FakeLog,
    Mailbox,
    Notify,
    fake_log,
    notify,
    rows,
    smtp_server,
    to_mailbox,
)
from tests.support.waiting import eventually

NIGHT = QuietHours(start="22:00", end="07:00")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.fixture
async def log(nats_url: str) -> AsyncIterator[FakeLog]:
    async with fake_log(nats_url) as log:
        for person in ("ann", "bob", "carol", "zoe"):
            log.know(person)
        yield log


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with smtp_server() as mailbox:
        yield mailbox


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "GATHER", 0.02)


class Hands:
    """The hands of the clock that notify uses."""

    def __init__(self, log: FakeLog) -> None:
        self.now = at("2026-06-08T23:10:30+02:00")
        self._log = log

    async def set(self, text: str) -> None:
        """Set the clock, and send a message, so that notify looks at the clock."""
        self.now = at(text)
        await self._log.send("zoe", "nobody")


@pytest.fixture
def hands(log: FakeLog, monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands(log)
    monkeypatch.setattr(clock, "now", lambda: hands.now)
    return hands


async def prefer(log: FakeLog, **fields: Any) -> None:
    await log.ask(PutPreferences(user_id="bob", **fields), PreferencesAnswer)


async def announce(log: FakeLog, **fields: Any) -> str:
    usual = {"idempotency_key": "k", "notification_type": "mention", "title": "You were mentioned"}
    answer = await log.ask(Announce(user_ids=["bob"], **{**usual, **fields}), AnnounceAnswer)
    return answer.results[0].notification_id


def of_bob(running: Notify) -> list[dict[str, Any]]:
    return [row for row in rows(running.database) if row["user_id"] == "bob"]


def states(running: Notify) -> list[tuple[str, str]]:
    """Return the state of each delivery to Bob, with the digests last."""
    found = [(row["thread"] == "digest:", row["state"], row["reason"]) for row in of_bob(running)]
    return [(state, reason) for _, state, reason in sorted(found)]


async def until(running: Notify, *expected: tuple[str, str]) -> None:
    try:
        await eventually(lambda: states(running) == list(expected))
    except TimeoutError:
        raise AssertionError(f"{states(running)} instead of {expected}") from None


async def test_s71_quiet_hours_delay_an_email_to_their_end_and_urgent_ones_pass(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, hands: Hands
) -> None:
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await prefer(log, quiet_hours=NIGHT, time_zone="Europe/Berlin")
        await log.send("ann", "bob", "good night")
        await until(running, ("waiting", "quiet_hours"))
        assert [row["due_at"] for row in of_bob(running)] == [at("2026-06-09T07:00+02:00")]
        alert = {"notification_type": "security_alert", "title": "A login", "sender_id": "ann"}
        await announce(log, **alert, priority="urgent")
        await until(running, ("sent", ""), ("waiting", "quiet_hours"))
        (letter,) = mailbox.accepted
        assert (letter["To"], letter["Subject"]) == ("bob@example.test", "Urgent: Security alert")
        assert "(Ann, " in letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        await hands.set("2026-06-09T06:59:59+02:00")
        await log.send("ann", "bob", "one more")
        await eventually(lambda: [row["last_seq"] for row in of_bob(running)] == [2, 1])
        assert states(running) == [("sent", ""), ("waiting", "quiet_hours")]
        await hands.set("2026-06-09T07:00:00+02:00")
        await until(running, ("sent", ""), ("sent", ""))
    assert len(mailbox.accepted) == 2


async def test_s75_a_digest_is_one_email_of_all_that_was_due_and_is_not_read(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, hands: Hands
) -> None:
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await prefer(log, digest="hourly", time_zone="Europe/Berlin")
        await log.send("ann", "bob", "from ann")
        seq = await log.send("carol", "bob", "from carol")
        await announce(log)
        read = await announce(log, idempotency_key="k2", title="An old mention")
        collected = ("collected", "digest")
        await until(running, *[collected] * 4, ("waiting", ""))
        await log.send("ann", "bob", "more from ann")
        await until(running, *[collected] * 5, ("waiting", ""))
        await log.mark_read("bob", "carol", seq)
        await log.ask(ReadNotice(user_id="bob", notification_id=read), ReadAnswer)
        assert mailbox.seen == []
        await hands.set("2026-06-09T00:00:00+02:00")
        await until(running, *[("cancelled", "read")] * 2, *[("sent", "")] * 3, ("sent", ""))
    [letter] = mailbox.accepted
    text = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "from ann" in text
    assert "more from ann" in text
    assert "You were mentioned" in text
    assert "from carol" not in text
    assert "An old mention" not in text


async def test_s75_a_digest_that_is_refused_comes_again_with_all_and_only_once(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, hands: Hands
) -> None:
    mailbox.script["dot"] = ["451 later"]
    settings = to_mailbox(mailbox) | {"smtp_retry_base": 60, "smtp_retry_cap": 60}
    async with notify(nats_url, tmp_path, **settings) as running:
        await prefer(log, digest="daily", time_zone="Europe/Berlin")
        await log.send("ann", "bob", "from ann")
        await until(running, ("collected", "digest"), ("waiting", ""))
        await hands.set("2026-06-09T08:00:00+02:00")
        await until(running, ("collected", "digest"), ("waiting", "smtp_451"))
        await log.send("carol", "bob", "from carol")
        await until(running, *[("collected", "digest")] * 2, ("waiting", "smtp_451"))
        await hands.set("2026-06-09T08:01:00+02:00")
        await until(running, *[("sent", "")] * 2, ("sent", ""))
    assert len(mailbox.accepted) == 1


async def test_s75_everything_read_is_no_digest(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, hands: Hands
) -> None:
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await prefer(log, digest="weekly", time_zone="Europe/Berlin")
        seq = await log.send("ann", "bob", "from ann")
        await until(running, ("collected", "digest"), ("waiting", ""))
        assert [row["due_at"] for row in of_bob(running)][-1] == at("2026-06-15T08:00+02:00")
        await log.mark_read("bob", "ann", seq)
        await hands.set("2026-06-15T08:00:00+02:00")
        await until(running, ("cancelled", "read"), ("cancelled", "nothing_unread"))
    assert mailbox.seen == []


async def test_s70_what_is_switched_off_sends_no_email(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        no_mail = [
            TypePreference(notification_type=name, email=False)
            for name in ("new_message", "mention")
        ]
        await prefer(log, types=no_mail)
        await log.send("ann", "bob")
        await until(running, ("cancelled", "switched_off"))
        assert await announce(log)
        await prefer(log, types=[TypePreference(notification_type="mention")])
        await announce(log, idempotency_key="k2")
        await until(running, ("cancelled", "switched_off"), ("sent", ""))
        answer = await log.ask(Preferences(user_id="bob"), PreferencesAnswer)
        assert not next(t for t in answer.types if t.notification_type == "new_message").email
    assert len(mailbox.accepted) == 1


async def test_s69_a_notification_that_is_read_sends_no_email(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    """Also while the mail server hesitates: the last look is at the moment before DATA."""
    mailbox.script["rcpt"] = ["hang"]
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        notification_id = await announce(log)
        await mailbox.reached("rcpt").wait()
        await log.ask(ReadNotice(user_id="bob", notification_id=notification_id), ReadAnswer)
        mailbox.release.set()
        await until(running, ("cancelled", "read"))
    assert mailbox.accepted == []


@pytest.mark.parametrize("step", ["rcpt", "dot"])
async def test_s74_an_address_that_is_refused_for_good_gets_nothing_until_there_is_another(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, step: str
) -> None:
    settings = to_mailbox(mailbox) | {"smtp_refusals": 2}
    mailbox.script[step] = ["550 no such user"] * 2
    failed, suppressed = ("failed", "smtp_550"), ("no_address", "suppressed")
    async with notify(nats_url, tmp_path, **settings) as running:
        for number in (1, 2):
            await log.send("ann", "bob")
            await until(running, *[failed] * number)
        await log.send("ann", "bob")
        await until(running, *[failed] * 2, suppressed)
        told = "addresses that get no e-mail after many refusals: 1"
        await eventually(lambda: told in running.health.checks["email"]().output)
        log.know("bob", email="new@example.test")
        await log.send("ann", "bob")
        await until(running, *[failed] * 2, suppressed, ("sent", ""))
        await eventually(lambda: told not in running.health.checks["email"]().output)
    assert mailbox.seen.count("mail") == 3
    assert [str(letter["To"]) for letter in mailbox.accepted] == ["new@example.test"]


async def test_s74_an_email_that_is_accepted_forgives_the_refusals_before(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    mailbox.script["rcpt"] = ["550 no", "", "550 no", ""]
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox), smtp_refusals=2) as running:
        for number in range(1, 5):
            await log.send("ann", "bob")
            await eventually(lambda number=number: len(of_bob(running)) == number)  # type: ignore[misc]
            await eventually(lambda: of_bob(running)[-1]["state"] in ("sent", "failed"))
        assert [row["state"] for row in of_bob(running)] == ["failed", "sent", "failed", "sent"]


async def test_s75_a_crash_while_a_digest_is_on_its_way_leaves_all_of_it_unknown(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, hands: Hands
) -> None:
    mailbox.script["dot"] = ["drop"]
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await prefer(log, digest="hourly")
        await log.send("ann", "bob")
        await log.send("carol", "bob")
        await until(running, *[("collected", "digest")] * 2, ("waiting", ""))
        hands.now += int(timedelta(hours=1) / timedelta(microseconds=1))
        await log.send("zoe", "nobody")
        lost = ("unknown", "SMTPServerDisconnected")
        await until(running, lost, lost, lost)
