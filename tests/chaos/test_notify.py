"""kill -9 of the real notify process at each step of an e-mail: never two, none forgotten."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.notify_support import (
    FakeLog,
    Mailbox,
    fake_log,
    process,
    rows,
    smtp_server,
    states,
    to_mailbox,
)
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.timeout(240)  # up to seven processes, one after the other


@pytest.fixture
async def log(nats_url: str) -> AsyncIterator[FakeLog]:
    async with fake_log(nats_url) as log:
        log.know("bob")
        yield log


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with smtp_server() as mailbox:
        yield mailbox


async def killed_at(
    step: str, nats_url: str, folder: Path, log: FakeLog, mailbox: Mailbox
) -> list[str]:
    """SIGKILL while the mail server holds that step, then a second life. How the groups ended.

    A later message shows that the second life is at work, and not just about to send again.
    """
    mailbox.script[step] = ["hang"]
    await log.send("ann", "bob", "first")
    async with process(nats_url, folder, **to_mailbox(mailbox)) as child:
        async with within(20):
            await mailbox.reached(step).wait()
        child.kill()
        await child.wait()
    mailbox.release.set()
    database = folder / "notify.db"
    async with process(nats_url, folder, **to_mailbox(mailbox)):
        await eventually(lambda: not {"claimed", "sending", "waiting"} & set(states(database)), 20)
        await log.send("ann", "bob", "second")
        await eventually(lambda: states(database)[1:] == ["sent"], 20)
    return states(database)


@pytest.mark.parametrize("step", ["mail", pytest.param("rcpt", marks=pytest.mark.slow)])
async def test_c8_killed_before_data_is_sent_once_after_the_restart(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, step: str
) -> None:
    """Crash point 15: nothing can have been accepted, so the claim is taken up again."""
    assert await killed_at(step, nats_url, tmp_path, log, mailbox) == ["sent", "sent"]
    assert [letter["Subject"] for letter in mailbox.accepted] == [
        "1 unread message",
        "2 unread messages",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["data", "dot"])
async def test_c8_killed_after_data_began_is_unknown_and_never_sent_again(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox, step: str
) -> None:
    """Crash point 16: with `dot` the server has accepted it, and nobody was there to hear."""
    assert await killed_at(step, nats_url, tmp_path, log, mailbox) == ["unknown", "sent"]
    accepted = [str(letter["Message-ID"]) for letter in mailbox.accepted]
    assert len(accepted) == len(set(accepted)) == (2 if step == "dot" else 1)
    assert rows(tmp_path / "notify.db")[0]["reason"] == "interrupted"


@pytest.mark.slow
async def test_c8_killed_again_and_again_never_sends_two(
    nats_url: str, tmp_path: Path, log: FakeLog, mailbox: Mailbox
) -> None:
    """Crash points 14 to 16 in mid-traffic, wherever the signal happens to fall."""
    database = tmp_path / "notify.db"
    people = [f"user{number}" for number in range(60)]
    for person in people:
        log.know(person)
    for life in range(6):
        for person in people[life * 10 : life * 10 + 10]:
            await log.send("ann", person)
        async with process(nats_url, tmp_path, **to_mailbox(mailbox)) as child:
            enough = len(mailbox.accepted) + 2 + life
            await eventually(lambda enough=enough: len(mailbox.accepted) >= enough, 20)  # type: ignore[misc]
            child.kill()
            await child.wait()
    async with process(nats_url, tmp_path, **to_mailbox(mailbox)):
        await eventually(lambda: len(states(database)) == len(people), 20)
        await eventually(lambda: set(states(database)) <= {"sent", "unknown"}, 20)
    to = [str(letter["To"]) for letter in mailbox.accepted]
    assert len(to) == len(set(to))
    sent = {f"{row['user_id']}@example.test" for row in rows(database) if row["state"] == "sent"}
    assert sent <= set(to)


@pytest.mark.slow
async def test_killed_while_following_loses_and_doubles_no_row(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    """Crash point 14: a page and the position after it are one transaction."""
    database = tmp_path / "notify.db"
    log.page_size = 2
    for number in range(100):
        await log.send("ann", "bob", str(number))
    for life in range(1, 4):
        async with process(nats_url, tmp_path, notify_email_after=3600) as child:
            asked = len(log.asked) + 5 * life
            await eventually(lambda asked=asked: len(log.asked) >= asked, 20)  # type: ignore[misc]
            child.kill()
            await child.wait()
    async with process(nats_url, tmp_path, notify_email_after=3600):
        await eventually(lambda: log.asked[-1].positions == {"w1": 200}, 20)
    assert [(row["first_seq"], row["last_seq"], row["count"]) for row in rows(database)] == [
        (1, 100, 100)
    ]
