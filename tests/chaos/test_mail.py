"""C8 against a mail server that goes wrong at random, while notify is killed again and again."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.notify_support import FakeLog, fake_log, process, rows, smtp_server
from tests.support.unruly import Unruly
from tests.support.waiting import eventually

FEW = 200
MANY = int(os.environ.get("MAILED", "10000"))
A_LIFE = 60  # e-mails, about, between two kills
ENDS = {"sent", "unknown", "failed"}


async def test_c8_200_emails_through_an_unruly_server_and_kills_arrive_at_most_once(
    nats_url: str, tmp_path: Path
) -> None:
    await at_most_once(FEW, nats_url, tmp_path)


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_c8_10000_emails_through_an_unruly_server_and_kills_arrive_at_most_once(
    nats_url: str, tmp_path: Path
) -> None:
    await at_most_once(MANY, nats_url, tmp_path)


async def at_most_once(number: int, nats_url: str, folder: Path) -> None:
    """All are sent, except those that the server refused for good or whose outcome is unknown."""
    people = [f"user{n}" for n in range(number)]
    server = Unruly(seed=number)
    async with fake_log(nats_url) as log, smtp_server(mailbox=server):
        log.page_size = 10_000
        await wanted(log, people)
        await lives(server, nats_url, folder, number)
        found = rows(folder / "notify.db")
    to = Counter(str(letter["To"]).removesuffix("@example.test") for letter in server.accepted)
    states = {row["user_id"]: row["state"] for row in found}
    assert to.most_common(1)[0][1] == 1
    assert sorted(states) == sorted(people)
    assert {user for user, state in states.items() if state == "sent"} <= to.keys()
    assert not {user for user, state in states.items() if state == "failed"} & to.keys()
    assert to.keys() <= {user for user, state in states.items() if state in ("sent", "unknown")}
    assert len(server.greylisted) == number
    ended = Counter(states.values())
    print(f"{number} e-mails: {dict(ended)}, {len(to)} accepted")  # noqa: T201
    assert ended["sent"] > 0.7 * number


async def wanted(log: FakeLog, people: list[str]) -> None:
    for person in people:
        log.know(person)
        await log.send("ann", person)


async def lives(server: Unruly, nats_url: str, folder: Path, number: int) -> None:
    """Kill notify whenever connections hang or enough was accepted; the last life ends it all."""
    settings = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_security": "none",
        "smtp_retry_base": 0.02,
        "smtp_retry_cap": 0.02,
        "smtp_retry_attempts": 1000,
    }
    most = 0.7 * number  # the rest is for the last life, and for what is refused or interrupted
    while len(server.accepted) < most:
        async with process(nats_url, folder, **settings) as child:
            enough = len(server.accepted) + A_LIFE

            def killed(enough: int = enough) -> bool:
                return bool(server.stalled) or len(server.accepted) >= min(enough, most)

            await eventually(killed, 60)
            child.kill()
            await child.wait()
        server.let_go()
    server.calm = True
    async with process(nats_url, folder, **settings):
        await eventually(lambda: {row["state"] for row in rows(folder / "notify.db")} <= ENDS, 60)
