"""The checker of the chaos runs sees each broken promise: a bad history for every rule."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.history import Frame, History


def row(seq: int, client_id: str, content: str = "") -> Frame:
    return {
        "type": "message",
        "message_id": seq,
        "conversation_id": "c",
        "seq": seq,
        "sender_id": "a",
        "client_id": client_id,
        "content": content or client_id,
        "created_at": f"t{seq}",
    }


def good() -> History:
    history = History()
    for seq, client_id in enumerate(("x", "y", "z"), start=1):
        stored = row(seq, client_id)
        history.invoked["a", client_id] = client_id
        history.acks["a", client_id].append({**stored, "type": "ack"})
        history.received["b"].append({**stored, "cursor": seq})
        history.stored.setdefault("c", []).append(stored)
    return history


def lose_an_acked_message(history: History) -> None:
    history.stored["c"].pop()


def change_an_ack(history: History) -> None:
    history.acks["a", "x"].append({**history.acks["a", "x"][0], "seq": 9})


def store_what_nobody_sent(history: History) -> None:
    history.stored["c"].append(row(4, "w"))


def change_a_content(history: History) -> None:
    history.stored["c"][0]["content"] = "something else"


def store_twice(history: History) -> None:
    history.stored["c"].append(row(4, "x"))


def leave_a_hole_in_seq(history: History) -> None:
    history.stored["c"][2]["seq"] = 4


def lose_a_delivery(history: History) -> None:
    del history.received["b"][1]


def repeat_a_delivery(history: History) -> None:
    history.received["b"].append(history.received["b"][-1])


def deliver_something_else(history: History) -> None:
    history.received["b"][1]["content"] = "tampered"


def overtake(history: History) -> None:
    first, second, third = history.stored["c"]
    history.stored["c"] = [
        {**second, "seq": 1},
        {**first, "seq": 2},
        third,
    ]


BAD: list[tuple[Callable[[History], Any], str]] = [
    (lose_an_acked_message, "I1"),
    (change_an_ack, "C3"),
    (store_what_nobody_sent, "I2"),
    (change_a_content, "I2"),
    (store_twice, "I3"),
    (leave_a_hole_in_seq, "I4"),
    (lose_a_delivery, "I5"),
    (repeat_a_delivery, "I5"),
    (deliver_something_else, "I6"),
    (overtake, "I7"),
]


def test_a_good_history_has_no_violations() -> None:
    history = good()
    assert history.violations() == []
    assert history.missed("b") == set()


@pytest.mark.parametrize(("spoil", "rule"), BAD, ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_history_is_seen(spoil: Callable[[History], Any], rule: str) -> None:
    history = copy.deepcopy(good())
    spoil(history)
    assert any(violation.startswith(rule) for violation in history.violations())


def test_what_never_arrived_is_seen() -> None:
    history = good()
    history.received["b"].pop()
    assert history.missed("b") == {("c", 3)}
