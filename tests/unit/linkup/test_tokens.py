"""Tokens from a command, for servers that take only those of published keys, and tokens of the demo
login where logins are limited."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click
import pytest

from linkup.calls import CallFailed
from linkup.conform import conform
from linkup.installation.tokens import printed
from linkup.load import load
from tests.support.commands import unusable


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no-such-command", "cannot be run"),
        ("'", "cannot be run"),
        ("sh -c 'echo no key >&2; exit 3'", "status 3: no key"),
        ("sh -c 'exit 1'", "without a word"),
        ("true", "one token, and nothing else"),
        ("echo a", "one token, and nothing else"),
    ],
)
def test_what_is_wrong_with_a_token_command_is_said(line: str, words: str) -> None:
    with pytest.raises(CallFailed, match=words):
        printed(line, "alice")


def test_the_user_id_is_appended_as_it_is() -> None:
    assert printed("printf %s", "linkup--a;b") == "linkup--a;b"


@pytest.mark.parametrize("command", [conform, load], ids=lambda command: str(command.name))
def test_a_command_that_gives_no_token_ends_the_run(command: click.Command) -> None:
    options = ("--secret", "s" * 32, "--token-command", "sh -c 'exit 7'")
    assert "status 7" in unusable(command, "http://127.0.0.1:9", *options)


class Limited(http.server.BaseHTTPRequestHandler):
    """A server that lets so many users in with the demo login, and refuses the others."""

    left = 0

    def do_GET(self) -> None:
        self._answer(200, b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).left -= 1
        if self.left >= 0:
            self._answer(200, b'{"token":"t"}')
        else:
            self._answer(429, b'{"code":"rate_limited"}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Retry-After", "60")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def limited(logins: int) -> Iterator[str]:
    """Run such a server, and yield its URL."""
    handler = type("Handler", (Limited,), {"left": logins})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.parametrize("logins", [0, 1])
@pytest.mark.parametrize("command", [conform, load], ids=lambda command: str(command.name))
def test_a_limit_on_demo_logins_ends_the_run_at_once(command: click.Command, logins: int) -> None:
    with limited(logins) as url:
        said = unusable(command, url)
    for words in ("limits demo logins", "--secret", "--token-command", "LINKUP_AUTH_PER_MINUTE=0"):
        assert words in said
