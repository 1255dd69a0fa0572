"""The load's checks find what they are there to find: one bad history for each."""

from datetime import UTC, datetime
from typing import Any

import pytest
from linkup_client import frames

from linkup.load.pairs import Receiver, Sender, content_of
from linkup.load.tally import Tally

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FILLER = "x" * 40


class Pair:
    """A sender that sent four messages, and its recipient."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.sender = Sender("a", "b", FILLER, 8, self.tally)
        self.receiver = Receiver(self.sender, self.tally)
        for _ in range(4):
            self.sender.submit(0.0)

    def ack(self, number: int, seq: int) -> None:
        self.sender.on_frame(
            frames.Ack(
                client_id=f"a.{number}",
                message_id=seq,
                conversation_id="d1",
                seq=seq,
                created_at=NOW,
                duplicate=False,
            )
        )

    def deliver(self, number: int, seq: int, cursor: int, **changes: Any) -> None:
        client_id = f"a.{number}"
        fields = {"content": content_of(client_id, FILLER), **changes}
        self.receiver.on_frame(
            frames.Message(
                cursor=cursor,
                message_id=seq,
                conversation_id="d1",
                seq=seq,
                version=1,
                sender_id="a",
                client_id=client_id,
                created_at=NOW,
                updated_at=NOW,
                **fields,
            )
        )

    def findings(self) -> dict[str, int]:
        tally = self.tally
        found = {
            "lost": self.receiver.lost(),
            "duplicated": tally.duplicated,
            "out of order": tally.out_of_order + self.receiver.misplaced(),
            "corrupted": tally.corrupted,
            "gaps": tally.gaps,
        }
        return {name: number for name, number in found.items() if number}


@pytest.fixture
async def pair() -> Pair:
    return Pair()


async def test_a_good_history_is_good(pair: Pair) -> None:
    for number in range(4):
        pair.ack(number, number + 1)
        pair.deliver(number, number + 1, cursor=number + 1)
    assert pair.findings() == {}
    assert (pair.tally.acked, pair.tally.delivered) == (4, 4)


async def test_finds_an_acknowledged_message_that_never_came(pair: Pair) -> None:
    pair.ack(0, 1)
    pair.deliver(0, 1, cursor=1)
    pair.ack(1, 2)
    assert pair.findings() == {"lost": 1}


async def test_finds_a_message_that_came_twice(pair: Pair) -> None:
    pair.deliver(0, 1, cursor=1)
    pair.deliver(0, 1, cursor=2)
    assert pair.findings() == {"duplicated": 1}


async def test_finds_messages_that_changed_places(pair: Pair) -> None:
    pair.deliver(0, 1, cursor=1)
    pair.deliver(2, 2, cursor=2)
    pair.deliver(1, 3, cursor=3)
    assert pair.findings() == {"out of order": 2}


async def test_finds_a_hole_in_the_conversation(pair: Pair) -> None:
    pair.deliver(0, 1, cursor=1)
    pair.deliver(1, 3, cursor=2)
    assert pair.findings() == {"out of order": 1}


async def test_finds_a_place_other_than_the_acknowledged_one(pair: Pair) -> None:
    pair.ack(0, 7)
    pair.deliver(0, 1, cursor=1)
    assert pair.findings() == {"out of order": 1}


async def test_finds_a_changed_text(pair: Pair) -> None:
    pair.deliver(0, 1, cursor=1, content=content_of("a.0", FILLER).upper())
    assert pair.findings() == {"corrupted": 1}


async def test_finds_a_hole_in_the_feed(pair: Pair) -> None:
    pair.deliver(0, 1, cursor=1)
    pair.deliver(1, 2, cursor=3)
    assert pair.findings() == {"gaps": 1}


async def test_finds_a_feed_that_passed_over_something(pair: Pair) -> None:
    pair.ack(0, 1)
    pair.deliver(0, 1, cursor=1)
    pair.sender.on_text(b'{"type": "pong", "cursor": 2}')
    pair.sender.account()
    assert pair.findings() == {"gaps": 1}
