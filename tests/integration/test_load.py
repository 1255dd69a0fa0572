"""`linkup load` against the whole product."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import pytest
import pytest_asyncio
from click.testing import CliRunner

from linkup.conform import conform
from linkup.installation.tokens import Tokens
from linkup.load import cpu, replay, running
from linkup.load import load as command
from linkup.load.joining import LoadFailed, socket_url
from linkup.load.report import in_words
from linkup.load.running import Plan
from linkup.load.typists import PERIOD
from tests.support.commands import unusable
from tests.support.stack import AUDIENCE, Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR

on_one_product = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def limited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("load")
    async with run_stack(folder, message_rate=5, message_burst=2, sockets_per_address=3) as running:
        yield running


def tokens(stack: Stack) -> Tokens:
    return Tokens(stack.url, stack.secret, AUDIENCE)


@on_one_product
async def test_every_message_comes_once_and_in_order(stack: Stack) -> None:
    plan = Plan(url=stack.url, pairs=5, window=4, seconds=2, warmup=0.2, pids=stack.pids())
    report = await running.run(plan, tokens(stack))
    assert report.sound, report
    assert report.acked == report.delivered == report.sent > 0
    assert report.server_cpu_us.keys() == stack.pids().keys()
    assert f"{report.sent:,} sent" in in_words(report)


@pytest.mark.slow
@on_one_product
async def test_a_given_rate_is_kept(stack: Stack) -> None:
    plan = Plan(url=stack.url, pairs=4, rate=50, seconds=2, warmup=0)
    began = time.monotonic()
    report = await running.run(plan, tokens(stack))
    whole = time.monotonic() - began  # with the joining, and whatever else the machine did
    assert report.sound, report
    assert 0.5 * 50 * plan.seconds <= report.sent <= 1 + 50 * whole


@on_one_product
@pytest.mark.slow
async def test_typists_type_half_of_the_time_and_are_compared(stack: Stack) -> None:
    plan = Plan(url=stack.url, pairs=4, rate=50, seconds=3, warmup=0, typists=5)
    report = await running.run(plan, tokens(stack))
    assert report.sound, report
    assert (report.typists, report.typing_ratio is not None) == (6, True)
    assert 0 < report.typing_heard <= 6 * 1.5 / PERIOD + 6
    assert "6 typists" in in_words(report)


@on_one_product
async def test_finds_the_processes_behind_a_url(stack: Stack) -> None:
    assert cpu.server_pids(stack.url) == stack.pids()


@on_one_product
async def test_the_command_says_what_it_found(stack: Stack) -> None:
    """Without a secret, the command uses the demo login."""
    options = ("--pairs", "2", "--seconds", "0.5", "--warmup", "0", "--json")
    done = await _linkup("load", stack.url, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lost"] == 0


@on_one_product
async def test_a_replay_is_read_back_byte_for_byte(stack: Stack, tmp_path: Path) -> None:
    lines = [
        {
            "from": ("ann", "bob")[number % 3 == 0],
            "to": ("bob", "ann")[number % 3 == 0],
            "content": text,
        }
        for number, text in enumerate([*(f"  {n}\t„ß漢🙂“\n" for n in range(120)), "x" * 5000])
    ]
    file = tmp_path / "talk.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    url = socket_url(stack.url)
    for _ in range(2):  # the second time into the same conversation
        report = await replay.run(url, stack.url, tokens(stack), file, lambda text: None)
        assert report.sound, report
        assert report.sent == report.stored == len(lines)


@pytest.mark.slow
@on_one_product
async def test_a_limit_on_messages_is_said(limited: Stack) -> None:
    plan = Plan(url=limited.url, pairs=1, window=4, seconds=1, warmup=0)
    report = await running.run(plan, tokens(limited))
    assert report.sound, report
    assert report.limits == ["rate_limited"]
    assert "LINKUP_MESSAGE_RATE=0" in in_words(report)


@on_one_product
async def test_a_limit_on_sockets_is_said(limited: Stack) -> None:
    with pytest.raises(LoadFailed, match="LINKUP_SOCKETS_PER_ADDRESS=0"):
        await running.run(Plan(url=limited.url, pairs=4, seconds=1), tokens(limited))


@on_one_product
@pytest.mark.parametrize("tool", [conform, command], ids=["conform", "load"])
@pytest.mark.parametrize("secret", ["wrong", "wrong" * 10])
async def test_f_s24_a_wrong_secret_is_one_sentence(
    tool: click.Command, secret: str, stack: Stack
) -> None:
    said = await asyncio.to_thread(unusable, tool, stack.url, "--secret", secret)
    assert "the secret is not the server's" in said
    assert secret not in said


@on_one_product
async def test_f_s24_a_wrong_audience_is_one_sentence(stack: Stack) -> None:
    given = (stack.url, "--secret", stack.secret, "--audience", "another")
    assert "the audience is not another" in await asyncio.to_thread(unusable, command, *given)


@pytest.mark.slow
async def test_f_s23_it_works_against_the_defaults(tmp_path: Path) -> None:
    """Its own defaults too, but for the time it takes: 200 sockets of one address."""
    async with run_stack(tmp_path) as stack:
        done = await _linkup("load", stack.url, "--seconds", "1", "--warmup", "0.2", "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["pairs"], report["lost"], report["closed"]) == (100, 0, {})
        assert report["acked"] == report["sent"] > 0


def test_a_file_that_is_no_recording_is_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text('{"from": "ann"}\n')
    done = CliRunner().invoke(command, ["--replay", str(file), "--secret", "s" * 32])
    assert done.exit_code == 1
    assert "line 1" in done.stderr


async def _linkup(*arguments: str) -> Any:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "linkup", *arguments],
        capture_output=True,
        text=True,
        timeout=50 * TIMEOUT_FACTOR,
    )
