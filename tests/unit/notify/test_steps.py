"""The steps of a notification that a sender may see, and those that stay secret."""

from typing import Any, get_args

import pytest

from services.notify.ladder.delivery import Delivery, State
from services.notify.upkeep.steps import of_message, steps
from shared.api import Outcome
from shared.commands import NotificationStep


def group(**fields: Any) -> Delivery:
    usual = {
        "delivery_id": "n",
        "user_id": "bob",
        "thread": "d",
        "first_seq": 1,
        "last_seq": 1,
        "count": 1,
        "state": "sent",
        "due_at": 60,
        "created_at": 1,
    }
    return Delivery(**{**usual, **fields})


def told(**fields: Any) -> NotificationStep:
    [step] = steps([group(**fields)])
    return step


@pytest.mark.parametrize("state", get_args(State))
def test_s51_each_state_is_an_outcome_that_clients_know(state: State) -> None:
    outcome = told(state=state).outcome
    assert outcome in get_args(Outcome)
    assert outcome == ("waiting" if state in ("claimed", "collected") else state)


def test_only_while_it_waits_it_is_due_at_a_time_that_means_something() -> None:
    """While claimed, `due_at` is the end of a lease."""
    assert told(state="waiting") == NotificationStep("bob", "email", "waiting", None, 60)
    assert told(state="claimed").due_at is None
    assert told(state="sent", closed_at=70) == NotificationStep("bob", "email", "sent", 70)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("read", "read"),
        ("smtp_550", "smtp_550"),
        ("bad_address", "bad_address"),
        ("interrupted", "interrupted"),
        ("SMTPServerDisconnected", ""),
        ("550 <bob@example.com>: no such user", ""),
        ("bob@example.com", ""),
        ("read\n", ""),
    ],
)
def test_s51_a_reason_is_a_word_and_neither_an_address_nor_a_servers_text(
    reason: str, shown: str
) -> None:
    assert told(state="failed", reason=reason).reason == shown


@pytest.mark.parametrize(("state", "reason"), [("waiting", "quiet_hours"), ("collected", "digest")])
def test_s71_s75_when_a_recipient_wants_to_be_told_is_not_told(state: State, reason: str) -> None:
    assert told(state=state, reason=reason) == NotificationStep("bob", "email", "waiting", None)


@pytest.mark.parametrize("state", get_args(State))
def test_s51_what_was_left_out_ends_as_if_it_were_alone_once_that_is_decided(state: State) -> None:
    """What waits is asked about again when it is due."""
    found = group(state=state, last_seq=3, omissions="[2,[[2,2]]]", reason="interrupted")
    assert of_message(found, 3) == found
    for seq in (1, 2):
        told = of_message(found, seq)
        if state in ("waiting", "claimed", "collected"):
            assert told == found
        else:
            assert (told.state, told.reason) == ("cancelled", "nothing_unread")
    collected = group(state="collected", omissions="[2,[]]", digest_id="d")
    assert of_message(collected, 1).state == "cancelled", "its digest is on its way"


@pytest.mark.parametrize("reason", ["muted", "nothing_unread", "switched_off", "banned"])
def test_that_the_recipient_muted_cleared_or_blocked_or_is_banned_is_not_told(reason: str) -> None:
    assert list(steps([group(state="cancelled", reason=reason)])) == []
