"""Whom a client watches, through reconnects."""

import json
from typing import Any

import pytest
from linkup_client.frames import Presence
from linkup_client.watches import MAX_WATCHED, Watches

BOB, GONE = [Presence(user_id="bob", is_online=here, last_seen=None) for here in (True, False)]


class Wire:
    """The frames that a client has sent, and what it was told."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.told: list[Presence] = []
        self.watches = Watches(lambda text: self.sent.append(json.loads(text)))

    def watch(self, *user_ids: str) -> None:
        self.watches.watch(user_ids, self.told.append)


def test_s63_every_change_is_told_once_also_over_a_reconnect() -> None:
    wire = Wire()
    wire.watch("bob")
    for told in (BOB, BOB, GONE):
        wire.watches.on_presence(told)
    wire.watches.connected()
    wire.watches.on_presence(GONE)
    assert wire.told == [BOB, GONE]
    asked = {"type": "presence_subscribe", "user_ids": ["bob"]}
    assert wire.sent == [asked, asked]


def test_who_is_watched_anew_is_told_of_again() -> None:
    wire = Wire()
    for _ in range(2):
        wire.watch("bob")
        wire.watches.on_presence(BOB)
    assert wire.told == [BOB, BOB]


def test_who_is_no_longer_watched_is_not_told_of() -> None:
    wire = Wire()
    wire.watch("bob", "carol")
    wire.watches.unwatch(["bob", "nobody"])
    wire.watches.on_presence(BOB)
    wire.watches.connected()
    assert wire.told == []
    assert [frame["user_ids"] for frame in wire.sent] == [["bob", "carol"], ["bob"], ["carol"]]


def test_a_frame_holds_500_and_a_client_watches_a_thousand() -> None:
    wire = Wire()
    wire.watch(*[f"u{number}" for number in range(MAX_WATCHED)])
    assert [len(frame["user_ids"]) for frame in wire.sent] == [500, 500]
    with pytest.raises(ValueError, match="1000"):
        wire.watch("one-more")
