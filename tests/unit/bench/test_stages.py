"""A sample is counted where its time went, and every function that is timed is there."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.bench.sampling import Samples, short
from tests.bench.stages import ELSE, LOOP, ORDER, RULES, THREAD, TIMED, functions, shares, stage_of

RUN = ("asyncio/base_events.py:BaseEventLoop._run_once", "shared/process/serve.py:main")
FLUSH = "nats/aio/client.py:Client._flusher"


@pytest.mark.parametrize(
    ("service", "stack", "stage"),
    [
        ("gateway", ("shared/frames/client.py:SendMessage.__post_init__",), "decode"),
        ("gateway", ("asyncio/events.py:Handle._run",), LOOP),
        ("gateway", ("asyncio/transports.py:WriteTransport.writelines", FLUSH), "bus: send"),
        ("gateway", ("nats/protocol/parser.py:Parser.parse",), "bus: receive"),
        ("gateway", ("websockets/frames.py:Frame.serialize", "services/gateway/x.py:f"), ELSE),
        ("persistence", ("aiosqlite/core.py:Connection._execute",), THREAD),
        ("persistence", ("services/persistence/announce.py:announce",), "announce and encode"),
        ("notify", ("json/decoder.py:f", "services/notify/follower.py:F.run"), ORDER["notify"][2]),
    ],
)
def test_the_innermost_function_of_ours_decides(
    service: str, stack: tuple[str, ...], stage: str
) -> None:
    assert stage_of(service, (*stack, *RUN)) == stage


def test_shares_are_of_all_threads_and_make_one() -> None:
    samples = Samples(
        cpu=10.0,
        main=[(("services/persistence/announce.py:f", *RUN), 2.0), (RUN, 1.0)],
        others=7.0,
        stages={"read": 4.0, "write": 2.0},
        missing=[],
    )
    found = shares("persistence", samples)
    assert found == pytest.approx(
        {THREAD: 0.1, "read": 0.4, "write": 0.2, "announce and encode": 0.2, LOOP: 0.1}
    )


def test_a_function_of_ours_answers_for_the_libraries_it_calls() -> None:
    samples = Samples(
        cpu=4.0,
        main=[
            (("nats/x.py:f", "shared/bus.py:Bus.request", *RUN), 1.0),
            (("shared/bus.py:Bus.request", *RUN), 1.0),
            (RUN, 1.0),
        ],
        others=1.0,
        stages={},
        missing=[],
    )
    assert functions(samples) == {"shared/bus.py:Bus.request": 0.5, RUN[0]: 0.25}


def test_a_process_that_did_nothing_has_no_shares() -> None:
    nothing = Samples(cpu=0.0, main=[], others=0.0, stages={}, missing=[])
    assert shares("notify", nothing) == {}


def test_every_stage_has_its_place_in_the_order() -> None:
    for service, rules in RULES.items():
        assert {stage for _, stage in rules} <= set(ORDER[service])
    assert set(TIMED.values()) <= set(ORDER["persistence"])


@pytest.mark.parametrize("target", TIMED)
def test_what_is_timed_is_there(target: str) -> None:
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    assert callable(found)


def test_a_frame_is_named_from_its_package() -> None:
    root = Path("/home/me/linkup")
    assert short("/home/me/linkup/shared/bus.py:Bus", root) == "shared/bus.py:Bus"
    installed = "/home/me/linkup/.venv/lib/python3.11/site-packages/nats/x.py:f"
    assert short(installed, root) == "nats/x.py:f"
    assert short("/usr/lib/python3.11/asyncio/events.py:f", root) == "asyncio/events.py:f"
