"""The host names that the gateway accepts, and the log lines of those it refuses."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.api.hosts import Hosts, name_of
from services.gateway.socket.refusals import LINES_OF_ONE, LINES_PER_MINUTE, Refusals
from shared.errors import Forbidden, InvalidRequest, RateLimited, SettingError
from shared.health.counters import Counters
from shared.settings import Settings, load

OURS = {
    "localhost",
    "LOCALHOST:8000",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1:65535",
    "[::1]",
    "[::1]:8000",
    "[0:0:0:0:0:0:0:1]",
    "192.0.2.7:80",
    "chat.example.com",
    "Chat.Example.Com.:443",
    "app.example.com",
    "more.example",
    "xn--mller-kva.example",
}
FOREIGN = {
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "evillocalhost",
    "chat.example.com.evil.example",
    "x.chat.example.com",
    "example.com",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0.0.0.0:8000",
    "[::]",
    "[::ffff:127.0.0.1]",
    "192.0.2.8",
}
NONE = {
    "",
    " ",
    ":8000",
    ".",
    "localhost:x",
    "localhost:123456",
    "localhost:80:80",
    "user@localhost",
    "localhost@evil.example",
    "evil.example#localhost",
    "localhost/x",
    "localhost,evil.example",
    "http://localhost",
    "[::1",
    "::1",
    "[localhost]",
    "local host",
    "localhost\n",
}
SETTINGS = load(
    {
        "LINKUP_HOST": "192.0.2.7",
        "LINKUP_ALLOWED_HOSTS": "More.example.:8443, müller.example",
        "LINKUP_PUBLIC_URL": "https://Chat.example.com:8443/chat",
        "LINKUP_ALLOWED_ORIGINS": "https://app.example.com",
    }
)


@pytest.mark.parametrize("host", sorted(OURS))
def test_f_h8_a_name_of_ours_is_answered(host: str) -> None:
    Hosts(SETTINGS).check([host], "/")


@pytest.mark.parametrize("host", sorted(FOREIGN))
def test_f_h8_another_name_is_refused(host: str) -> None:
    with pytest.raises(Forbidden):
        Hosts(SETTINGS).check([host], "/")


@pytest.mark.parametrize("host", sorted(NONE))
@pytest.mark.parametrize("allowed", [("a.example",), ("*",)])
def test_f_h8_what_is_no_host_is_none(host: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        Hosts(Settings(allowed_hosts=allowed)).check([host], "/")


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
def test_f_h8_there_is_one_host_header(hosts: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        Hosts(SETTINGS).check(hosts, "/")


@pytest.mark.parametrize("target", ["http://evil.example/", "evil.example:80", ""])
def test_f_h8_a_target_has_no_host_of_its_own(target: str) -> None:
    with pytest.raises(InvalidRequest):
        Hosts(SETTINGS).check(["localhost"], target)


@pytest.mark.parametrize(
    ("settings", "is_open"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "192.0.2.7"}, True),
        ({"host": "chat.internal"}, True),
        ({"host": "0.0.0.0", "public_url": "https://chat.example.com"}, True),
        ({"host": "0.0.0.0", "allowed_hosts": ("chat.example.com",)}, False),
        ({"allowed_hosts": ("*",)}, True),
    ],
)
def test_f_h8_beyond_loopback_nothing_set_is_a_warning_and_no_refusal(
    settings: dict[str, Any], is_open: bool, caplog: pytest.LogCaptureFixture
) -> None:
    hosts = Hosts(Settings(**settings))
    assert hosts.open == is_open
    assert ("LINKUP_ALLOWED_HOSTS" in caplog.text) == (is_open and "allowed_hosts" not in settings)
    if is_open:
        hosts.check(["evil.example"], "/")


@pytest.mark.parametrize(
    "host",
    ["https://chat.example.com", "a b", "user@chat", "chat/", ":80", "*.example", "."],
)
def test_f_h8_a_setting_that_names_no_host_is_refused_at_start(host: str) -> None:
    with pytest.raises(SettingError, match="LINKUP_ALLOWED_HOSTS"):
        load({"LINKUP_ALLOWED_HOSTS": host})


@pytest.mark.parametrize("host", ["::1", "2001:db8::1", "[2001:db8::1]", "[2001:DB8::1]:8000"])
def test_f_h8_an_address_is_listed_with_or_without_brackets(host: str) -> None:
    address = host.removeprefix("[").partition("]")[0]
    Hosts(load({"LINKUP_ALLOWED_HOSTS": host})).check([f"[{address}]:8000"], "/")


@given(st.text(max_size=40))
def test_f_h8_nothing_breaks_the_reading_of_a_host(host: str) -> None:
    name = name_of(host)
    assert name is None or name == name.lower()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Lines(logging.Handler):
    """The logged lines, as the fields of each."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.__dict__)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    logger, handler = logging.getLogger("linkup.gateway.refusals"), Lines()
    with caplog.at_level(logging.INFO, logger.name):
        logger.addHandler(handler)
        yield handler.told
        logger.removeHandler(handler)


def test_f_t2_a_refusal_is_one_line_with_who_and_why(lines: list[dict[str, Any]]) -> None:
    refusals = Refusals(Counters())
    refusals.tell("too_many", user_id="alice", address="192.0.2.1", why="sockets_per_user")
    [line] = lines
    said = {"code": "too_many", "user_id": "alice", "why": "sockets_per_user"}
    assert said.items() <= line.items()
    assert (line["address"], "unwritten" in line) == ("192.0.2.1", False)


def test_f_t2_lines_are_capped_and_all_are_counted(lines: list[dict[str, Any]]) -> None:
    clock = Clock()
    counters = Counters()
    refusals = Refusals(counters, clock)
    for _ in range(1000):
        refusals.tell("unauthorized", address="192.0.2.1")
    assert len(lines) == LINES_OF_ONE
    refusals.tell("unauthorized", address="192.0.2.2")  # one that shouts hides nobody else
    assert lines[-1]["unwritten"] == 1000 - LINES_OF_ONE
    for number in range(1000):
        refusals.tell("unauthorized", address=f"address {number}")
    assert len(lines) == LINES_PER_MINUTE
    assert counters.counts == {"refused_unauthorized": 2001}
    clock.now += 60
    refusals.tell("unauthorized", address="192.0.2.1")
    assert len(lines) == LINES_PER_MINUTE + 1


def test_f_t2_only_what_refuses_is_told(lines: list[dict[str, Any]]) -> None:
    refusals = Refusals(Counters())
    refusals.of_request({"client": ("192.0.2.1", 5)}, InvalidRequest("odd"))
    refusals.of_request({"client": ("192.0.2.1", 5)}, RateLimited("slow down"))
    assert [line["code"] for line in lines] == ["rate_limited"]
