"""The timers fit into each other: each is over before the one that waits for it."""

from typing import Any

from linkup_client.backoff import Timing

from services.gateway import hub
from services.gateway.upstream import lanes, queries, submission
from services.persistence.store.connections import BUSY_TIMEOUT_MS
from shared.health.counters import Counters
from shared.process import serve
from shared.settings import Settings


def test_c7_a_half_open_socket_is_seen_within_30_s() -> None:
    """uvicorn's own defaults add up to 40 s."""
    app: Any = None
    config = serve.config(app, Settings(), Counters())
    assert config.ws_ping_interval is not None
    assert config.ws_ping_timeout is not None
    assert config.ws_ping_interval + config.ws_ping_timeout < 30


def test_c7_everybody_is_compared_and_caught_up_within_15_s() -> None:
    assert hub.SLOTS * hub.TICK + queries.TIMEOUT < 15


def test_c2_the_store_gives_up_before_the_lane_and_the_lane_before_the_client() -> None:
    waits = [
        BUSY_TIMEOUT_MS / 1000,
        lanes.REQUEST_TIMEOUT,
        submission.DEADLINE,
        Timing().ack_timeout,
    ]
    assert waits == sorted(set(waits))
