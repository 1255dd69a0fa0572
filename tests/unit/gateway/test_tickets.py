"""Tickets as the gateway sees them: the secret stays here, its hash goes to the store."""

from datetime import timedelta
from typing import Any, TypeVar

import pytest

from services.gateway.auth import Identity
from services.gateway.rates import Rates
from services.gateway.upstream.lanes import opened
from services.gateway.upstream.tickets import Tickets, is_ticket
from shared import commands, frames
from shared.commands import Command, IssueTicket, Refused, Result, Taken, TakeTicket, Ticketed
from shared.errors import RateLimited, Unauthorized, Unavailable
from shared.settings import Settings

R = TypeVar("R", bound=Result)

HOST = "192.0.2.1"
ALICE = Identity(user_id="alice", expires_at=1_800_000_000.0)


class FakeLanes:
    """Answers each command with what is next, and keeps what was asked."""

    def __init__(self, *results: Result) -> None:
        self.results = list(results)
        self.asked: list[Any] = []

    async def call(self, command: Command, kind: type[R]) -> R:
        self.asked.append(command)
        return opened(self.results.pop(0), kind)


def tickets(*results: Result) -> tuple[Tickets, FakeLanes]:
    lanes = FakeLanes(*results)
    rates = Rates(Settings(auth_per_minute=3))
    return Tickets(lanes, rates), lanes  # type: ignore[arg-type]  # the part of Lanes that is used


async def test_c9_the_store_hears_of_a_hash_alone() -> None:
    office, lanes = tickets(Ticketed(7), Taken("alice", 9))
    ticket, expires_at = await office.issue(ALICE)
    await office.redeem(ticket, HOST)
    bought, taken = lanes.asked
    assert isinstance(bought, IssueTicket)
    assert isinstance(taken, TakeTicket)
    assert (is_ticket(ticket), expires_at) == (True, frames.time_of(7))
    assert (bought.user_id, bought.ticket_hash) == ("alice", taken.ticket_hash)
    assert ticket.removeprefix("ticket_").encode() not in commands.encode([bought, taken])


async def test_c9_the_identity_of_a_ticket_ends_with_the_token_that_bought_it() -> None:
    office, lanes = tickets(Ticketed(7), Taken("alice", 1_800_000_000_000_000))
    ticket, _ = await office.issue(ALICE)
    assert lanes.asked[0].token_expires_at == 1_800_000_000_000_000
    assert await office.redeem(ticket, HOST) == ALICE


async def test_a_token_for_ever_buys_a_ticket_too() -> None:
    office, lanes = tickets(Ticketed(7))
    for_ever = Identity(user_id="alice", expires_at=timedelta.max.total_seconds() * 10**9)
    await office.issue(for_ever)
    assert commands.decode(commands.encode(lanes.asked[0]), IssueTicket).user_id == "alice"


async def test_every_ticket_is_another_and_long_enough() -> None:
    office, _ = tickets(*[Ticketed(7)] * 100)
    sold = {(await office.issue(ALICE))[0] for _ in range(100)}
    assert len(sold) == 100
    assert all(len(ticket.removeprefix("ticket_")) >= 43 for ticket in sold)  # 256 bits


@pytest.mark.parametrize(
    ("code", "kind"), [("unauthorized", Unauthorized), ("unavailable", Unavailable)]
)
async def test_what_the_store_refuses_is_raised(code: str, kind: type[Exception]) -> None:
    office, _ = tickets(Refused(code, "no"), Refused(code, "no"))
    with pytest.raises(kind):
        await office.issue(ALICE)
    with pytest.raises(kind):
        await office.redeem("ticket_x", HOST)


async def test_who_guesses_tickets_is_held_off_and_nobody_else_is() -> None:
    refused = Refused("unauthorized", "no")
    office, lanes = tickets(*[refused] * 3, Taken("alice", 9), Taken("bob", 9))
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await office.redeem("ticket_x", HOST)
    with pytest.raises(RateLimited):
        await office.redeem("ticket_x", HOST)
    assert len(lanes.asked) == 3  # the store is left alone
    for _ in range(2):  # of another address; a good one costs nothing
        await office.redeem("ticket_y", "192.0.2.2")


async def test_a_store_that_is_away_is_no_wrong_guess() -> None:
    office, _ = tickets(*[Refused("unavailable", "away")] * 9)
    for _ in range(9):
        with pytest.raises(Unavailable):
            await office.redeem("ticket_x", HOST)
