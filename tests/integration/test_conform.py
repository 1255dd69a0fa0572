"""`linkup conform` against the whole product: every promise is tried and none is broken."""

import asyncio
import http.server
import json
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner

from linkup.conform import choose, conform
from linkup.conform.checks import ALL
from linkup.conform.report import PROMISES, SECTIONS
from linkup.load import load
from tests.support.blocking import WATCHED
from tests.support.commands import unusable
from tests.support.ports import port_of, silent
from tests.support.stack import run_stack

UNTRIED = {"close/acks-survive-a-crash", "close/order-survives-a-crash",
           "close/the-feed-survives-a-crash", "close/a-lost-event-is-found-in-15-seconds",
           "close/a-restart-says-when-to-come-back"}  # fmt: skip


async def play(*arguments: str) -> tuple[int, str]:
    """`linkup conform` as a process; its exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", "conform", *arguments, "--patience", "20"),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


class Played(NamedTuple):
    """The result of the kit: its exit, its findings, and the log of the services."""

    status: int
    found: dict[str, Any]
    log: str


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Every check of the kit against a product in which nothing may block an event loop."""
    folder = tmp_path_factory.mktemp("played")

    async def run() -> tuple[int, str]:
        async with run_stack(
            folder, environment=WATCHED, hello_timeout=3, search_per_minute=40
        ) as stack:
            return await play(stack.url, "--secret", stack.secret, "--abuse", "--json")

    status, printed = asyncio.run(run())
    return Played(status, json.loads(printed), (folder / "run.log").read_text())


def test_the_product_keeps_every_promise(played: Played) -> None:
    failed = [check for check in played.found["checks"] if check["verdict"] == "fail"]
    assert (played.status, failed) == (0, []), failed
    skipped = {check["name"] for check in played.found["checks"] if check["verdict"] == "skip"}
    assert skipped == UNTRIED
    assert played.found["passed"] == len(ALL) - len(UNTRIED)


def test_f_t4_s98_nothing_blocks_a_loop_while_every_frame_and_route_is_tried(
    played: Played,
) -> None:
    assert "BlockingError" not in played.log


@pytest.mark.slow
async def test_without_a_secret_the_demo_login_serves(tmp_path: Path) -> None:
    """Checks that need tokens of their own making are skipped, and say what they need."""
    async with run_stack(tmp_path, hello_timeout=3, message_rate=0) as stack:
        status, printed = await play(stack.url, "--only", "hello/*", "--only", "limit/*")
    assert status == 0, printed
    assert "pass --secret" in printed
    assert "pass --abuse" in printed
    assert "no limit on messages" in printed


def test_every_check_has_a_name_a_place_and_a_sentence() -> None:
    assert len({check.name for check in ALL}) == len(ALL)
    for check in ALL:
        assert check.section in SECTIONS, check.name
        assert check.promise in ("", *PROMISES), check.name
        assert check.sentence.endswith("."), check.name
        assert "\n" not in check.sentence, check.name


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_is_tried_or_says_why_not(promise: str) -> None:
    assert any(check.promise == promise for check in ALL)


def test_checks_are_chosen_by_name_promise_or_section() -> None:
    assert {check.promise for check in choose(("c3",))} == {"C3"}
    assert {check.section for check in choose(("resume",))} >= {"resume"}
    assert {check.name for check in choose(("mark/*back",))} == {"mark/marks-never-move-back"}


def test_list_plays_nothing() -> None:
    done = CliRunner().invoke(conform, ["http://127.0.0.1:9", "--list", "--only", "C6"])
    assert done.exit_code == 0
    assert "resume/replays-all-that-was-missed" in done.output


@pytest.mark.parametrize("arguments", [["--only", "no-such-check"], ["ftp://x"], ["--patience"]])
def test_bad_usage_exits_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(conform, arguments).exit_code == 2


@pytest.mark.parametrize("command", [conform, load], ids=["conform", "load"])
@pytest.mark.parametrize("secret", ["", "--secret=" + "x" * 32])
def test_f_s24_nobody_there_is_one_sentence(command: click.Command, secret: str) -> None:
    with silent() as there:
        url = f"http://127.0.0.1:{port_of(there)}"
        assert "is it running?" in unusable(command, url, *filter(None, [secret]))


class Stranger(http.server.BaseHTTPRequestHandler):
    """Some other server of the web: a page for whatever one asks."""

    status = 200

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>\nWelcome!</p>\n")

    do_POST = do_GET

    def log_message(self, *_: object) -> None: ...


@pytest.mark.parametrize("status", [200, 401, 404, 405, 500])
@pytest.mark.parametrize("secret", ["", "--secret=" + "x" * 32])
def test_f_s24_another_server_is_one_sentence(
    status: int, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stranger, "status", status)
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            said = unusable(conform, url, *filter(None, [secret]))
        finally:
            server.shutdown()
    assert "does not answer as a LinkUp server" in said or (status == 401 and "secret" in said)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ws://127.0.0.1:8000", "http://[::1", "http://"])
def test_f_s24_what_is_no_url_is_one_sentence(url: str) -> None:
    assert url.rstrip("/") in unusable(load, url) or url == "http://[::1"
