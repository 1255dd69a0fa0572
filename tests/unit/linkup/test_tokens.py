"""Tokens from a command, for servers that take only those of published keys."""

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
