"""Requests to addresses of strangers: which are refused, and that none is reached by a detour."""

import asyncio
import ipaddress
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.outward import (
    Answer,
    NotSent,
    Unanswered,
    open_outward,
    system,
)
from shared.outward.destinations import Refused, Rules, is_public
from shared.settings import load
from tests.support.endpoint import Endpoint, certificate, endpoint
from tests.support.waiting import TIMEOUT_FACTOR, eventually

ROOT = Path(__file__).parents[3]
LONG = 5.0 * TIMEOUT_FACTOR
SHORT = 1.2 * TIMEOUT_FACTOR  # it is waited for, and has to be enough for a connection with TLS
# Each by its fault; all of them are tried through the real route as well.
REFUSED = {
    "plain http": "http://push.example/x",
    "another scheme": "ftp://push.example/x",
    "a file": "file:///etc/passwd",
    "no scheme": "//push.example/x",
    "nothing": "",
    "no host": "https:///x",
    "a user name": "https://user@push.example/x",
    "a password": "https://user:secret@push.example/x",
    "a host behind a user name": "https://push.example@127.0.0.1/x",
    "a backslash, at which parsers disagree": "https://push.example\\@127.0.0.1/x",
    "a backslash alone": "https://push.example/a\\b",
    "a space": "https://push.example/a b",
    "a line break": "https://push.example/a\r\nHost: b",
    "a tab in the host": "https://push\t.example/x",
    "a letter beyond ASCII": "https://bücher.example/x",
    "a fragment": "https://push.example/x#y",
    "a port of mail": "https://push.example:25/x",
    "a port of a database": "https://push.example:5432/x",
    "the port of plain http": "https://push.example:80/x",
    "port 0": "https://push.example:0/x",
    "a port beyond all": "https://push.example:65536/x",
    "a port in words": "https://push.example:https/x",
    "this machine by name": "https://localhost/x",
    "this machine by a name below": "https://www.localhost/x",
    "this machine by a name with a dot": "https://LocalHost./x",
    "a name of one word": "https://intranet/x",
    "a name of mDNS": "https://printer.local/x",
    "the metadata of a cloud by name": "https://metadata.google.internal/x",
    "a name of a home network": "https://nas.home.arpa/x",
    "an onion": "https://expyuzz4wqqyqhjn.onion/x",
    "this machine": "https://127.0.0.1/x",
    "this machine by another address": "https://127.255.255.254/x",
    "this machine, short": "https://127.1/x",
    "this machine as a number": "https://2130706433/x",
    "this machine in hexadecimal": "https://0x7f000001/x",
    "this machine in octal": "https://0177.0.0.1/x",
    "any address": "https://0.0.0.0/x",
    "a private address": "https://10.0.0.1/x",
    "a private address of 172": "https://172.31.255.255/x",
    "a private address of 192": "https://192.168.1.1/x",
    "a carrier's address": "https://100.64.0.1/x",
    "the metadata of a cloud": "https://169.254.169.254/latest/meta-data/",
    "the platform of Azure": "https://168.63.129.16/x",
    "an address for benchmarks": "https://198.18.0.1/x",
    "an address of documents": "https://203.0.113.7/x",
    "an address of protocols": "https://192.0.0.192/x",
    "a relay of 6to4": "https://192.88.99.1/x",
    "multicast": "https://224.0.0.1/x",
    "a reserved address": "https://240.0.0.1/x",
    "everybody": "https://255.255.255.255/x",
    "this machine in IPv6": "https://[::1]/x",
    "any address in IPv6": "https://[::]/x",
    "an IPv4 address within IPv6": "https://[::ffff:10.0.0.1]/x",
    "a public IPv4 address within IPv6": "https://[::ffff:8.8.8.8]/x",
    "an IPv4 address within IPv6, the old way": "https://[::127.0.0.1]/x",
    "an IPv4 address by 6to4": "https://[2002:7f00:1::]/x",
    "an IPv4 address by NAT64": "https://[64:ff9b::a00:1]/x",
    "an IPv4 address by a local NAT64": "https://[64:ff9b:1::a00:1]/x",
    "an IPv4 address by Teredo": "https://[2001:0:7f00:1::1]/x",
    "a link-local address": "https://[fe80::1]/x",
    "a link-local address with its link": "https://[fe80::1%25eth0]/x",
    "a public address with a link": "https://[2606:4700::1%25eth0]/x",
    "a unique local address": "https://[fd00:ec2::254]/x",
    "an old site-local address": "https://[fec0::1]/x",
    "multicast in IPv6": "https://[ff02::1]/x",
    "an address of documents in IPv6": "https://[2001:db8::1]/x",
    "a segment of SRv6": "https://[5f00::1]/x",
    "an unclosed bracket": "https://[::1/x",
    "a label that is too long": f"https://{'a' * 64}.example/x",
    "a URL that is too long": f"https://push.example/{'x' * 2048}",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
def test_ssrf_an_address_that_leads_inside_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        Rules().target(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://push.example/x?y=%2F#"[:-1], "https://push.example/x?y=%2F"),
        ("https://push.example", "https://push.example/"),
        ("HTTPS://Push.Example.:443/X", "https://push.example/X"),
        ("https://push.example:8443/x", "https://push.example:8443/x"),
        ("https://xn--bcher-kva.example/%2e%2e/a", "https://xn--bcher-kva.example/%2e%2e/a"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
    ],
)
def test_an_address_outside_is_asked_as_it_was_checked(url: str, target: str) -> None:
    assert str(Rules().target(url)) == target


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("hooks", "https://hooks:9999/x"),
        ("Localhost", "https://localhost:9999/x"),
        ("10.1.2.3", "https://10.1.2.3:9999/x"),
        ("10.1.0.0/16", "https://10.1.2.3:9999/x"),
        ("fd00::/8", "https://[fd00::1]/x"),
        ("a.example, ::1", "https://[::1]:9999/x"),
    ],
)
def test_what_the_setting_names_may_be_private_and_have_any_port(allowed: str, url: str) -> None:
    settings = load({"LINKUP_OUTBOUND_ALLOWED": allowed})
    Rules(settings.outbound_allowed).target(url)
    with pytest.raises(Refused):
        Rules().target(url)
    with pytest.raises(Refused):
        Rules(settings.outbound_allowed).target("https://10.9.9.9/x")


def test_every_address_of_the_registries_is_refused_and_its_neighbours_are_not() -> None:
    outside = "9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 1.0.0.0"
    outside += " 172.15.255.255 172.32.0.0 169.253.255.255 223.255.255.255 192.0.1.0"
    outside += " 2000::1 2001:200::1 2003::1 3ffe::1"
    assert all(is_public(ipaddress.ip_address(one)) for one in outside.split())
    inside = "100.127.255.255 172.16.0.0 239.255.255.255 4000::1 1fff::1 3fff::1 2001:1ff::1"
    assert not any(is_public(ipaddress.ip_address(one)) for one in inside.split())


class Names:
    """A name server that says something else each time."""

    def __init__(self, *told: list[str]) -> None:
        self.told = list(told)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.told.pop(0)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endpoint")
    certificate(folder)
    return folder


@pytest.fixture
async def there(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted / "endpoint.pem"))
    async with endpoint(trusted) as there:
        yield there


PRIVATE_ANSWERS = {
    "this machine": ["127.0.0.1"],
    "a private network": ["10.0.0.1", "192.168.0.1"],
    "a cloud's metadata": ["169.254.169.254"],
    "IPv6 of this machine": ["::1"],
    "IPv4 within IPv6": ["::ffff:127.0.0.1"],
    "a link": ["fe80::1%lo"],
}


@pytest.mark.parametrize("told", PRIVATE_ANSWERS.values(), ids=PRIVATE_ANSWERS.keys())
async def test_ssrf_a_name_that_resolves_to_a_private_address_is_not_connected_to(
    there: Endpoint, told: list[str]
) -> None:
    names = Names(told)
    async with open_outward(Rules(), look_up=names) as outward:
        with pytest.raises(Refused, match="not public"):
            await outward.request("POST", "https://push.example/x", body=b"x")
    assert names.asked == ["push.example"]
    assert there.connections == 0


async def test_ssrf_a_name_that_changes_between_check_and_connection_leads_nowhere_else(
    there: Endpoint, trusted: Path
) -> None:
    """Each connection looks the name up once, and connects to the address that it found."""
    names = Names(["127.0.0.1", "127.0.0.2"], ["127.0.0.1"])
    rules = Rules(["127.0.0.2"])
    async with (
        endpoint(trusted, "127.0.0.2") as allowed,
        open_outward(rules, look_up=names) as outward,
    ):
        allowed.script = ["201 connection: close"]
        url = allowed.url("/x", host="push.example")
        answer = await outward.request("POST", url, body=b"x")
        assert answer.status == 201
        with pytest.raises(Refused):
            await outward.request("POST", url, body=b"x")
    assert names.asked == ["push.example", "push.example"]
    assert (allowed.connections, there.connections) == (1, 0)


async def ask(there: Endpoint, *acts: str, timeout: float = LONG) -> Answer:
    there.script = list(acts)
    async with open_outward(Rules(["127.0.0.0/8"]), timeout=timeout) as outward:
        return await outward.request("POST", there.url("/x"), body=b"y", headers={"A": "b"})


async def test_a_request_has_its_body_and_headers_and_nothing_of_ours_but_a_name(
    there: Endpoint,
) -> None:
    answer = await ask(there, "429 Retry-After: 7")
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    [asked] = there.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/x", b"y")
    assert asked.headers.pop("user-agent").startswith("LinkUp")
    assert asked.headers.keys() <= {
        *("host", "a", "accept", "accept-encoding", "content-length", "content-type"),
    }


async def test_a_redirect_is_an_answer_and_not_followed(there: Endpoint) -> None:
    answer = await ask(there, f"307 location: {there.url('/other')}")
    assert answer.status == 307
    assert [asked.path for asked in there.asked] == ["/x"]


async def test_a_body_without_an_end_is_cut_off(there: Endpoint) -> None:
    answer = await ask(there, "endless")
    assert (answer.status, len(answer.body)) == (201, 64 * 1024)


async def test_a_status_counts_though_its_body_never_ends(there: Endpoint) -> None:
    answer = await ask(there, "slow", timeout=SHORT)
    assert (answer.status, answer.body) == (201, b"x")


@pytest.mark.parametrize(
    ("act", "reason", "timeout"), [("hang", "Timeout", SHORT), ("drop", "Disconnected", LONG)]
)
async def test_c8_a_request_without_an_answer_may_have_had_its_effect(
    there: Endpoint, act: str, reason: str, timeout: float
) -> None:
    with pytest.raises(Unanswered, match=reason):
        await ask(there, act, timeout=timeout)
    assert len(there.asked) == 1


async def test_what_was_not_connected_was_not_sent(
    there: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = Rules(["127.0.0.0/8", "nowhere.invalid"])
    async with open_outward(rules) as outward:
        with pytest.raises(NotSent):
            await outward.request("POST", "https://127.0.0.1:1/x", body=b"x")
        with pytest.raises(NotSent):
            await outward.request("POST", "https://nowhere.invalid/x", body=b"x")
    monkeypatch.delenv("SSL_CERT_FILE")
    async with open_outward(rules) as outward:
        with pytest.raises(NotSent, match="Certificate"):
            await outward.request("POST", there.url("/x"), body=b"x")
    assert there.asked == []


async def test_a_connection_is_kept_for_the_next_request(there: Endpoint) -> None:
    async with open_outward(Rules(["127.0.0.0/8"])) as outward:
        for _ in range(3):
            await outward.request("POST", there.url("/x"), body=b"x")
    assert (there.connections, len(there.asked)) == (1, 3)


async def test_as_many_connections_as_were_asked_for_are_open_at_a_time(there: Endpoint) -> None:
    there.script = ["hang", "201"]
    rules = Rules(["127.0.0.0/8"])
    async with open_outward(rules, connect_timeout=SHORT, connections=1) as outward:
        hanging = asyncio.create_task(outward.request("POST", there.url("/1"), body=b"x"))
        await eventually(lambda: len(there.asked) == 1)
        with pytest.raises(NotSent, match="ConnectionTimeout"):
            await outward.request("POST", there.url("/2"), body=b"x")
        hanging.cancel()
        await asyncio.wait([hanging])
    assert [asked.path for asked in there.asked] == ["/1"]


async def test_the_first_requests_share_what_is_loaded_for_them(there: Endpoint) -> None:
    """Each with connections of its own would have a limit of its own."""
    there.script = ["hang", "201"]
    rules = Rules(["127.0.0.0/8"])
    async with open_outward(rules, connect_timeout=SHORT, connections=1) as outward:
        hanging = asyncio.create_task(outward.request("POST", there.url("/1"), body=b"x"))
        with pytest.raises(NotSent, match="ConnectionTimeout"):
            await asyncio.create_task(outward.request("POST", there.url("/2"), body=b"x"))
        hanging.cancel()
        await asyncio.wait([hanging])
    assert [asked.path for asked in there.asked] == ["/1"]


def test_a_start_does_not_load_what_makes_requests() -> None:
    """It is a fifth of the start of notify, and most deployments ask nobody."""
    told = "import sys, services.notify.app; print('aiohttp' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], cwd=ROOT, stdout=subprocess.PIPE)
    assert (loaded.returncode, loaded.stdout) == (0, b"False\n")


async def test_c8_a_request_on_a_kept_connection_is_not_repeated_by_the_library(
    there: Endpoint,
) -> None:
    there.script = ["201", "drop"]
    async with open_outward(Rules(["127.0.0.0/8"])) as outward:
        await outward.request("POST", there.url("/1"), body=b"x")
        with pytest.raises(Unanswered):
            await outward.request("POST", there.url("/2"), body=b"x")
    assert [asked.path for asked in there.asked] == ["/1", "/2"]


async def test_a_name_server_that_hangs_does_not_hold_up_for_long() -> None:
    async def hangs(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError

    async with open_outward(Rules(), look_up=hangs, connect_timeout=0.1) as outward:
        with pytest.raises(NotSent):
            await outward.request("POST", "https://push.example/x", body=b"x")


async def test_names_are_looked_up_as_the_system_does() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert set(await system(pool)("localhost", 443)) <= {"127.0.0.1", "::1"}
