"""notify behind the real persistence: commands in, an e-mail out."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec import Struct

from services.notify.sending import courier
from shared import bus, subjects
from shared.commands import (
    Announce,
    AnnounceAnswer,
    CreateGroup,
    DeleteMessage,
    EditMessage,
    LogPage,
    NotificationSteps,
    NotificationStepsAnswer,
    NotificationTrace,
    NotificationTraceAnswer,
    PutUser,
    RemoveMember,
    SetBan,
    SetBlock,
    SetConversation,
    Stored,
    StoreMessage,
    decode,
    encode,
    open_answer,
)
from tests.integration.lane_support import DIRECT, Lane, persistence
from tests.integration.notify_support import (
    Mailbox,
    Notify,
    notify,
    rows,
    smtp_server,
    to_mailbox,
)
from tests.support.waiting import eventually

T = TypeVar("T", bound=Struct)

LATER = {"notify_email_after": 3600.0}  # than all that a test does before it makes it due


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due is found soon, though nothing wakes the courier."""
    monkeypatch.setattr(courier, "POLL", 0.05)


def make_due(database: Path) -> None:
    with closing(sqlite3.connect(database, timeout=30)) as store, store:
        store.execute("UPDATE deliveries SET due_at = 1 WHERE state = 'waiting'")


async def falls_due(running: Notify, *states: str) -> None:
    """These are the states, and what waits is due from now on."""
    await running.until_states(*states)
    make_due(running.database)


async def ask(lane: Lane, question: Struct, answer: type[T]) -> T:
    """Ask notify, as a gateway does."""
    subject = subjects.notify(str(question.__struct_config__.tag))
    return open_answer(await lane.wire.request(subject, encode(question), 20), answer)


@pytest.fixture
async def lane(nats_url: str, tmp_path: Path) -> AsyncIterator[Lane]:
    async with persistence(nats_url, tmp_path) as lane:
        yield lane


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with smtp_server() as mailbox:
        yield mailbox


async def test_c8_unread_is_one_email_and_read_is_none(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    settings = to_mailbox(mailbox) | LATER
    async with notify(nats_url, tmp_path, **settings) as running:
        first = await lane.send("m1", "hello")
        await eventually(lambda: running.states() == ["waiting"])
        await lane.read("bob", first.seq)
        await running.until_states("cancelled")
        await lane.send("m2", "are you there?")
        last = await lane.send("m3", "hello?")
        await eventually(
            lambda: [row["last_seq"] for row in rows(running.database)][1:] == [last.seq]
        )
        make_due(running.database)
        await running.until_states("cancelled", "sent")
        await eventually(lambda: running.health.report()[0] == "pass")
        await lane.send("m4", "I am", sender="bob")
        await eventually(lambda: [row["user_id"] for row in rows(running.database)][2:] == ["ann"])
        make_due(running.database)
        await eventually(lambda: running.states()[2:] == ["no_address"])
    (letter,) = mailbox.accepted
    text = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert letter["Subject"] == "2 unread messages"
    assert "Ann: are you there?" in text
    assert "Ann: hello?" in text


async def test_s73_an_email_shows_what_is_there_when_it_is_sent(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    edited, deleted = await lane.send("m1", "half past six"), await lane.send("m2", "a secret")
    await lane.do(
        EditMessage(user_id="ann", message_id=edited.message_id, content="half past seven"),
        DeleteMessage(user_id="ann", message_id=deleted.message_id, mode="everyone"),
    )
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await eventually(lambda: "sent" in running.states())
    (letter,) = mailbox.accepted
    assert letter["Subject"] == "1 unread message"
    for kind in ("plain", "html"):
        text = letter.get_body((kind,)).get_content()  # type: ignore[union-attr]
        assert "half past seven" in text
        assert not any(gone in text for gone in ("half past six", "secret"))


async def test_s51_what_an_email_left_out_of_a_burst_was_not_sent(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    """Of five messages, the recipient hides one, and the sender deletes two, one of them last."""
    sent = [await lane.send(f"m{n}", f"line {n}") for n in range(1, 6)]
    await lane.do(
        DeleteMessage(user_id="bob", message_id=sent[1].message_id, mode="me"),
        DeleteMessage(user_id="ann", message_id=sent[2].message_id, mode="everyone"),
        DeleteMessage(user_id="ann", message_id=sent[4].message_id, mode="everyone"),
    )
    told, traced = [], []
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("sent")
        for seq in range(1, 6):
            found = NotificationSteps(conversation_id=DIRECT, seq=seq, user_ids=["bob"])
            steps = (await ask(lane, found, NotificationStepsAnswer)).steps
            told.append([step.outcome for step in steps])
            kept = NotificationTrace(conversation_id=DIRECT, seq=seq, user_ids=["bob"])
            states = (await ask(lane, kept, NotificationTraceAnswer)).notifications
            traced += [(one.state, one.reason) for one in states]
    (letter,) = mailbox.accepted
    assert letter["Subject"] == "2 unread messages"
    assert told == [["sent"], [], [], ["sent"], []]
    left_out = ("cancelled", "nothing_unread")
    assert traced == [("sent", ""), left_out, left_out, ("sent", ""), left_out]


async def test_s54_who_blocks_gets_no_email_of_what_they_had_not_read(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox), **LATER) as running:
        await lane.send("m1", "hello?")
        await eventually(lambda: running.states() == ["waiting"])
        block = SetBlock(user_id="bob", conversation_id=DIRECT, other_id="ann", blocked=True)
        await lane.do(block)
        make_due(running.database)
        await running.until_states("cancelled")
    assert mailbox.seen == []


async def test_s67_who_is_banned_gets_no_email_of_messages_or_of_the_host(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    asked = Announce(
        idempotency_key="k",
        user_ids=["bob"],
        notification_type="security_alert",
        priority="urgent",
        title="New sign-in",
    )
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox), **LATER) as running:

        async def is_announced() -> bool:
            with suppress(bus.NoResponders):  # it is starting
                reply = await lane.wire.request(subjects.notify("announce"), encode(asked), 20)
                return bool(open_answer(reply, AnnounceAnswer).results)
            return False

        await eventually(is_announced)
        await lane.send("m1", "hello?")
        await running.until_states("waiting", "waiting")
        await lane.do(SetBan(user_id="bob", banned=True))
        make_due(running.database)
        await running.until_states("cancelled", "cancelled")
        assert [row["reason"] for row in rows(running.database)] == ["banned", "banned"]
    assert mailbox.seen == []


@pytest.mark.slow
async def test_f_s6_whose_address_was_taken_away_gets_no_letter(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    """Also where the message came before: what counts is the address when it is due."""
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox), **LATER) as running:
        await lane.send("m1", "hello?")
        await running.until_states("waiting")
        await lane.do(PutUser(user_id="bob", email=""))
        make_due(running.database)
        await running.until_states("no_address")
        await lane.do(PutUser(user_id="bob", name="Bob"))  # says nothing of an address
        await lane.send("m2", "hello?")
        await falls_due(running, "no_address", "waiting")
        await running.until_states("no_address", "no_address")
    assert mailbox.seen == []


@pytest.mark.slow
async def test_f_s9_a_reserved_user_gets_no_letter(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    ours = ("linkup--one", "linkup--two")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox), notify_email_after=0.1) as running:
        await lane.do(*[PutUser(user_id=one, email="kit@example.test") for one in ours])
        place = subjects.direct_conversation_id(*ours)
        (stored,) = await lane.do(
            StoreMessage(
                user_id=ours[0],
                connection_id="c",
                client_id="m1",
                conversation_id=place,
                content="x",
                to=ours[1],
            )
        )
        assert isinstance(stored, Stored)
        await lane.send("m1", "to bob, and later")
        await running.until_states("sent")
    assert [str(letter["To"]) for letter in mailbox.accepted] == ["bob@example.test"]


async def test_what_was_written_while_notify_was_away_is_followed(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await lane.send("m1", "one")
        await running.until_states("sent")
    await lane.send("m2", "two")
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:
        await running.until_states("sent", "sent")
    assert len(mailbox.accepted) == 2


async def test_r16_a_notify_that_lost_its_database_goes_on_where_it_stood(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    settings = to_mailbox(mailbox) | {"notify_email_after": 0.1}
    heard: list[int] = []

    def on_page(delivery: bus.Delivery) -> None:
        heard.append(decode(delivery.payload, LogPage).positions.get("1", 0))

    async with bus.connect(nats_url, "observer") as wire:
        await wire.subscribe(subjects.query("log"), on_page)
        await wire.flush()
        async with notify(nats_url, tmp_path, **settings) as running:
            await lane.send("m1", "before")
            await running.until_states("sent")
            await eventually(lambda: 2 in heard)  # two rows: ann's and bob's
    _lose(tmp_path)
    async with notify(nats_url, tmp_path, **settings) as again:
        await lane.send("m2", "after")
        await again.until_states("sent")
        [row] = rows(again.database)
    assert (row["first_seq"], row["last_seq"]) == (2, 2)
    assert len(mailbox.accepted) == 2


async def test_c8_an_older_notify_database_sends_nothing_a_second_time(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    """Neither what it knows to have sent, nor what was sent after the copy was made."""
    settings = to_mailbox(mailbox) | LATER
    async with notify(nats_url, tmp_path, **settings) as running:
        await lane.send("m1", "sent before the copy")
        await falls_due(running, "waiting")
        await running.until_states("sent")
        await lane.read("bob", 1)
        await lane.send("m2", "waits in the copy")
        await running.until_states("sent", "waiting")
        copy(running.database, tmp_path / "copy.db")
        make_due(tmp_path / "copy.db")
        make_due(running.database)
        await running.until_states("sent", "sent")
        await lane.read("bob", 2)
        await lane.send("m3", "unknown to the copy")
        await falls_due(running, "sent", "sent", "waiting")
        await running.until_states("sent", "sent", "sent")
        await lane.read("bob", 3)
        await eventually(lambda: seen(running.database) == 3)
    _lose(tmp_path)
    (tmp_path / "copy.db").rename(tmp_path / "notify.db")
    async with notify(nats_url, tmp_path, **settings) as older:
        await older.until_states("sent", "cancelled")
        await lane.send("m4", "after that")
        await falls_due(older, "sent", "cancelled", "waiting")
        await older.until_states("sent", "cancelled", "sent")
        assert [row["reason"] for row in rows(older.database)] == ["", "restored", ""]
    said = [letter.get_body(("plain",)).get_content() for letter in mailbox.accepted]  # type: ignore[union-attr]
    for content in ("sent before the copy", "waits in the copy", "unknown to the copy"):
        assert sum(content in text for text in said) == 1
    assert len(said) == 4


def copy(database: Path, target: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as made:
        source.backup(made)


def seen(database: Path) -> int:
    """The last message that Bob has read as far as notify knows, and persistence has heard."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT read_seq FROM watches WHERE user_id = 'bob'").fetchall()
    return max((read_seq for (read_seq,) in found), default=0)


def _lose(data: Path) -> None:
    for path in data.glob("notify.db*"):
        path.unlink()


async def test_s46_a_group_is_one_email_for_each_member_with_something_unread(
    nats_url: str, tmp_path: Path, lane: Lane, mailbox: Mailbox
) -> None:
    people = ("bob", "carol", "dave", "erin")
    await lane.do(*[PutUser(user_id=name, email=f"{name}@example.test") for name in people])
    await lane.do(
        CreateGroup(user_id="ann", conversation_id="g", title="Team", members=list(people)),
        SetConversation(user_id="dave", conversation_id="g", muted=True),
    )
    await lane.do(
        *[
            StoreMessage(
                user_id="ann",
                connection_id="",
                client_id=f"g{number}",
                conversation_id="g",
                content=f"message {number}",
            )
            for number in (1, 2)
        ],
        RemoveMember(user_id="ann", conversation_id="g", member_id="erin"),
    )
    expected = {
        "bob": ("sent", ""),
        "carol": ("sent", ""),
        "dave": ("cancelled", "muted"),
        "erin": ("cancelled", "not_a_member"),
    }
    async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as running:

        def outcomes() -> dict[str, tuple[str, str]]:
            return {r["user_id"]: (r["state"], r["reason"]) for r in rows(running.database)}

        await eventually(lambda: outcomes() == expected)
    assert sorted(str(letter["To"]) for letter in mailbox.accepted) == [
        "bob@example.test",
        "carol@example.test",
    ]
    assert mailbox.accepted[0]["Subject"] == "2 unread messages from 1 person"
    text = mailbox.accepted[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "2 new messages in Team\r\n" in text
