"""`linkup monitor` beside a product that works, of which a part hangs, and that is gone."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click.testing
import msgspec
import pytest
import pytest_asyncio

from linkup.__main__ import main
from linkup.monitor import EXIT
from linkup.monitor.asking import _bare
from linkup.monitor.screen import sparkline
from shared.health.report import HealthAnswer
from tests.support.peer import peer
from tests.support.processes import tied
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import TIMEOUT_FACTOR, within

NOTICED = 15.0  # seconds, at the latest

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("monitor"), **UNLIMITED) as started:
        await make_known(started, ["alice", "bob"])
        yield started


async def monitored(data_dir: Path, *arguments: str) -> click.testing.Result:
    command = ["monitor", "--data-dir", str(data_dir), *arguments]
    return await asyncio.to_thread(click.testing.CliRunner().invoke, main, command)


async def told(data_dir: Path) -> tuple[int, HealthAnswer]:
    """Nothing but JSON is printed."""
    result = await monitored(data_dir, "--json")
    return result.exit_code, msgspec.json.decode(result.stdout, type=HealthAnswer)


@asynccontextmanager
async def frozen(stack: Stack, service: str) -> AsyncIterator[None]:
    pid = stack.pids()[service]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        await stack.ready()


async def until_exit(stack: Stack, code: int) -> HealthAnswer:
    until = time.monotonic() + NOTICED * TIMEOUT_FACTOR
    while True:
        found, report = await told(stack.data_dir)
        if found == code:
            return report
        assert time.monotonic() < until, (found, report)


async def test_s85_what_works_is_healthy_and_exits_with_0(stack: Stack, tmp_path: Path) -> None:
    async with peer(stack, "alice") as alice:
        await alice.message("bob", "hello")
        svg = tmp_path / "monitor.svg"
        result = await monitored(stack.data_dir, "--check-async", "--svg", str(svg))
        assert result.exit_code == 0, result.output
        for shown in ("LinkUp 100/100", "gateway", "persistence", "notify", "operations"):
            assert shown in result.output
        assert svg.read_text().startswith("<svg")


async def test_s83_the_json_has_what_the_original_told(stack: Stack) -> None:
    code, report = await told(stack.data_dir)
    assert (code, report.status, report.health_score) == (0, "healthy", 100)
    assert set(report.services) == {"gateway", "persistence", "notify"}
    assert report.operations > 0
    assert len(report.hourly_trend) == 24
    raw = msgspec.json.decode(msgspec.json.encode(report))
    for field in (
        "timestamp", "health_score", "status", "recent_errors_count", "error_summary",
        "async_context_check", "websocket_check", "recommendations",
    ):  # fmt: skip
        assert field in raw


@pytest.mark.parametrize("service", ["persistence", "notify"])
async def test_s85_d32_a_service_that_hangs_in_silence_is_critical_and_named(
    stack: Stack, service: str
) -> None:
    """Nobody is connected, and nothing fails: the original called this healthy."""
    async with frozen(stack, service):
        report = await until_exit(stack, 2)
        assert report.health_score == 55
        assert report.services[service].state == "unreachable"
        assert service in {each.cause for each in report.recommendations}
        assert report.state == "not ready"


@pytest.mark.slow
async def test_s85_without_the_bus_it_asks_over_http_and_names_the_bus(stack: Stack) -> None:
    async with frozen(stack, "nats-server"):
        report = await until_exit(stack, 2)
        assert report.health_score == 55
        for name, one in report.services.items():
            failing = any(check.status == "fail" for check in one.checks.values())
            assert one.state == ("not ready" if failing else "ready"), name
        assert report.recommendations[0].cause == "bus"


async def test_s85_where_nothing_answers_it_exits_with_3(tmp_path: Path) -> None:
    code, report = await told(tmp_path)
    assert (code, report.health_score, report.state) == (3, 0, "unreachable")
    assert "linkup run" in report.recommendations[0].advice
    assert "│ linkup " in (await monitored(tmp_path)).output
    result = await monitored(tmp_path, "--url", "http://127.0.0.1:9")
    assert result.exit_code == 3
    assert "127.0.0.1:9" in result.output.replace("\n", "")


async def test_s85_a_sparkline_shows_all_that_is_there() -> None:
    assert sparkline([0, 1, 100, 50]) == " ▁█▄"
    assert sparkline([]) == ""
    assert len(sparkline([1.0] * 60)) == 30


async def test_s85_it_goes_on_looking_and_ends_with_the_last_look(stack: Stack) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", "monitor", "--data-dir", str(stack.data_dir)),
        *("--continuous", "--interval", "0.2", "--json"),
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=tied(),
    )
    assert process.stdout is not None
    async with within(40):
        lines = [await process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        lines += (await process.stdout.read()).splitlines()  # it may have looked once more
        looks = [msgspec.json.decode(line, type=HealthAnswer) for line in lines]
        assert await process.wait() == EXIT[looks[-1].status]
    assert looks[1].timestamp > looks[0].timestamp


@pytest.mark.parametrize(("http", "state"), [(200, "ready"), (503, "not ready")])
async def test_s85_a_gateway_that_tells_no_details_is_shown_by_its_status(
    http: int, state: str
) -> None:
    told = _bare("gateway", http, b'{"status":"warning"}')
    assert told is not None
    assert (told.health_score, told.status, told.state) == (60, "warning", state)
    assert "LINKUP_METRICS_PORT" in told.recommendations[0].advice
