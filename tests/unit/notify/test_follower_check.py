"""The check of the log blames persistence only while the bus works."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from services.notify.follower import Follower
from shared.health.report import Check


@pytest.mark.parametrize(
    ("bus", "log", "words"),
    [
        (Check("pass"), "fail", "see whether persistence runs"),
        (Check("fail", "no connection"), "warn", "not known while the bus does not answer"),
    ],
)
async def test_s84_a_log_out_of_reach_is_the_fault_of_the_bus_if_that_is_away(
    monkeypatch: pytest.MonkeyPatch, bus: Check, log: str, words: str
) -> None:
    wire: Any = SimpleNamespace(check=lambda: bus)
    store: Any = None
    follower = Follower(
        wire,
        store,
        asyncio.Event(),
        waits={},
        clock=lambda: 0,
        told=lambda changes: None,
        followed=asyncio.Event(),
    )
    assert follower.check().status == "pass"
    monkeypatch.setattr("services.notify.follower.STUCK_AFTER", 0.0)
    check = follower.check()
    assert (check.status, check.output.endswith(words)) == (log, True)
